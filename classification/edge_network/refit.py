"""The last layer of the classes, fitted to its optimum on the finished features.

The outputs share their features, and gradient descent ends before the smallest
of them is at its best. With the features fixed, the classes are a logistic
regression, which has one optimum (as in deep feature reweighting, Kirichenko,
Izmailov and Wilson 2023, arXiv:2204.02937, here for accuracy).

Run as ``python -m classification.edge_network.refit``; ``--help`` has an example.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from annotations.empty_frames import empty_frame_split
from annotations.galaxy_zoo import read_labels
from classification.edge_network.data import SOURCES, BatchPlan, CropBatches, cache_galaxies
from classification.edge_network.negatives import read_empty_frames
from classification.edge_network.training_run import CLASS_DRAW_WEIGHTS
from edge_runtime.errors import GalaxyEdgeError

_log = logging.getLogger(__name__)

FEATURES_LAYER = "pool"
CLASSES_LAYER = "class5"
REGULARISATION = 0.003
"""Inverse strength of the penalty on the weights of standardised features."""

_BATCHES = 220
_PLAN = BatchPlan(galaxies=64, negatives=0, telescope=0.35, rescaled=0.25)


def refit_classes(
    model: keras.Model,
    features: NDArray[np.float32],
    classes: NDArray[np.integer],
    *,
    regularisation: float = REGULARISATION,
) -> None:
    """Fit the layer of the classes and put it into a network.

    Parameters
    ----------
    model : keras.Model
        With layers ``pool`` and ``class5``; the second is changed.
    features : ndarray, shape (N, F), float32
        What ``pool`` gives for N crops.
    classes : ndarray, shape (N,), integer
        Of the crops; each class occurs.
    regularisation : float
        Inverse strength of the penalty.

    Raises
    ------
    ValueError
        A class does not occur.
    """
    from sklearn.linear_model import LogisticRegression

    layer = model.get_layer(CLASSES_LAYER)
    if len(np.unique(classes)) != layer.units:
        raise ValueError(f"{len(np.unique(classes))} of {layer.units} classes occur")
    spread = features.std(axis=0) + 1e-6
    fitted = LogisticRegression(C=regularisation, max_iter=5000).fit(features / spread, classes)
    kernel = (fitted.coef_ / spread).T
    layer.set_weights([kernel.astype(np.float32), fitted.intercept_.astype(np.float32)])


def crop_features(
    model: keras.Model, batches: CropBatches
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features and classes of the crops of an epoch that have a class.

    Returns
    -------
    ndarray, shape (N, F), float32
    ndarray, shape (N,), int64
    """
    extractor = keras.Model(model.input, model.get_layer(FEATURES_LAYER).output)
    features, classes = [], []
    for index in range(len(batches)):
        crops, targets = batches[index]
        known = ~np.isnan(targets["class5"][:, 0])
        seen = extractor(crops[known], training=False)
        features.append(np.asarray(keras.ops.convert_to_numpy(seen)))
        classes.append(targets["class5"][known].argmax(axis=1))
    return np.concatenate(features), np.concatenate(classes)


def refit(model: keras.Model, data: Path, seed: int, *, batches: int = _BATCHES) -> None:
    """Refit the classes of a trained network on augmented training galaxies.

    Parameters
    ----------
    model : keras.Model
        See ``refit_classes``; it is changed.
    data : Path
        Folder with ``galaxies/labels.csv`` and ``frames/no_galaxy``.
    seed : int
        Of the augmentation.
    batches : int
        Of 64 crops.

    Raises
    ------
    GalaxyEdgeError
        The data are missing, or no training galaxy has a class.
    """
    size_px = int(model.input_shape[1])
    table = read_labels(data / "galaxies" / "labels.csv").where("train", SOURCES)
    table = table.rows(table.has_class)
    if not len(table):
        raise GalaxyEdgeError(f"{table.directory}: no galaxy of the split 'train' has a class")
    galaxies = cache_galaxies(table, CLASS_DRAW_WEIGHTS, 1.0, size_px)
    frames = read_empty_frames(empty_frame_split(data)[0])
    none = np.empty((0, size_px, size_px, 3), np.uint8)
    drawn = CropBatches(galaxies, frames, none, none, _PLAN, size_px, batches, (seed, 0))
    features, classes = crop_features(model, drawn)
    refit_classes(model, features, classes)
    _log.info("fitted the classes to %d crops", len(classes))


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classification.edge_network.refit",
        description="Fit the last layer of a network's classes to its optimum.",
        epilog="Example: python -m classification.edge_network.refit "
        "--model runs/last/best.keras --data ../shared/data --output runs/refit.keras",
    )
    parser.add_argument("--model", type=Path, required=True, help="trained .keras file")
    parser.add_argument("--data", type=Path, required=True, help="folder with galaxies/, frames/")
    parser.add_argument("--output", type=Path, required=True, help=".keras file to write")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    model = keras.models.load_model(given.model, compile=False)
    refit(model, given.data, given.seed)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    model.save(given.output)


if __name__ == "__main__":
    main()
