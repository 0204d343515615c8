"""Networks that can be explained, all answering in the same numbers.

A column of answers is a vote fraction or a probability, never a logit, whether
it comes from Keras or from the int8 file of the telescope, so that explanations
of the two compare directly. Networks of the bundle answer 37 vote fractions, 5
class probabilities and the probability that there is a galaxy at all: 43 columns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from classification.explain.crops import Crops, Progress
from classification.explain.keras_network import KerasNetwork
from classification.explain.outputs import EDGE_OUTPUTS, VOTE_OUTPUTS
from classification.explain.tflite_classifier import TfliteClassifier
from classification.network import NETWORK_FILE
from edge_runtime.bundle.schema import MANIFEST_NAME
from edge_runtime.errors import GalaxyEdgeError

__all__ = [
    "EDGE_OUTPUTS",
    "VOTE_OUTPUTS",
    "Crops",
    "ExplainedNetwork",
    "KerasNetwork",
    "Progress",
    "TfliteClassifier",
    "open_network",
]


class ExplainedNetwork(Protocol):
    """A network seen through its answers alone."""

    @property
    def name(self) -> str:
        """For titles and messages."""
        ...

    @property
    def input_size_px(self) -> int:
        """Side S of the crops."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the K answers: ``votes:Class1.1``, ``class5:spiral``, ``galaxy``."""
        ...

    def answers(self, crops: Crops, progress: Progress | None = None) -> NDArray[np.float32]:
        """Vote fractions and probabilities.

        Parameters
        ----------
        crops : ndarray, shape (N, S, S, 3), uint8 or float32, 0 to 255, RGB
        progress : callable, optional
            Called with the crops done and all of them.

        Returns
        -------
        ndarray, shape (N, K), float32, 0 to 1

        Raises
        ------
        GalaxyEdgeError
            The crops have another shape or dtype, or pixels outside 0 to 255.
        """
        ...


def open_network(path: Path | None = None, threads: int = 1) -> KerasNetwork | TfliteClassifier:
    """Open whatever network a path names.

    Parameters
    ----------
    path : Path or None
        ``.keras`` or ``.tflite`` file, folder of a training, folder or zip of a bundle.
        None is the shipped bundle.
    threads : int
        Of one call of a TFLite file.

    Raises
    ------
    GalaxyEdgeError
        There is nothing there, or something else.
    """
    if path is None:
        return TfliteClassifier.of_bundle(None, threads)
    if not path.exists():
        raise GalaxyEdgeError(
            f"{path}: not found; name a .keras or .tflite file, a run or a bundle"
        )
    if path.suffix == ".keras" or (path / NETWORK_FILE).exists():
        return KerasNetwork.open(path)
    if path.suffix in (".tflite", ".zip") or (path / MANIFEST_NAME).exists():
        return TfliteClassifier.open(path, threads)
    raise GalaxyEdgeError(
        f"{path}: is no network; name a .keras or .tflite file, the folder of a run "
        f"(with {NETWORK_FILE}) or of a bundle (with {MANIFEST_NAME})"
    )
