"""Export of a trial's classifier as the telescope runs it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from classification.export import ExportedNetwork, Precision, export_network
from classification.picture_cache import Crops
from edge_runtime.errors import GalaxyEdgeError

CLASSIFIER_FILE = "classifier.tflite"
PREDICTIONS_FILE = "validation.npz"
"""Answers of the int8 file on the validation split, as ``Predictions``."""

_REPRESENTATIVE = 300


def export_int8(network: keras.Model, crops: Crops, folder: Path, seed: int) -> ExportedNetwork:
    """Write the int8 file of a network.

    Parameters
    ----------
    network : keras.Model
    crops : Crops
        Of the training pictures; 300 of them, drawn by the seed, set the ranges.
    folder : Path
        Gets ``classifier.tflite``.
    seed : int

    Raises
    ------
    GalaxyEdgeError
        The network has no int8 form.
    """
    count = min(_REPRESENTATIVE, len(crops))
    rows = np.sort(np.random.default_rng(seed).choice(len(crops), size=count, replace=False))
    exported = export_network(network, crops.read(rows), folder / CLASSIFIER_FILE)
    if exported.precision is not Precision.INT8:
        raise GalaxyEdgeError(f"the network has no int8 form: {exported.reason}")
    return exported
