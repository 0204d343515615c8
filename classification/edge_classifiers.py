"""The edge's classifier on sets of galaxies: of a bundle, or as Keras trained it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from annotations.galaxies.dataset import CLASS5, GALAXY10, GalaxySet
from classification.class_rules import galaxy10_from_votes
from classification.predictions import Predictions
from classification.preparation import Preparation
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.crops import CROP_SIDE_R90
from edge_runtime.decision_tree import votes_from_logits
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.galaxy_labels import R90_FRAME_PX
from edge_runtime.litert import LiteRtModel

Progress = Callable[[int, int], None]
Predict = Callable[[NDArray[np.float32]], Mapping[str, NDArray[np.float32]]]

_BATCH = 128  # crops held in memory at a time


class GalaxyClassifier(Protocol):
    """Anything that says what galaxies are: here, or a ``TrainedNetwork``."""

    def predict(self, galaxies: GalaxySet) -> Predictions:
        """Answers for all galaxies of a set."""
        ...


def edge_preparation(size_px: int) -> Preparation:
    """How survey pictures become the crops that the edge's classifier sees."""
    return Preparation(CROP_SIDE_R90 * R90_FRAME_PX, size_px)


class BundleClassifier:
    """The int8 classifier of a bundle, as the edge runs it.

    Parameters
    ----------
    bundle_path : Path or None
        Folder or zip; None is the shipped bundle.
    threads : int
        Of one call.

    Attributes
    ----------
    bundle : Bundle
    name : str
        Name and version of the bundle.
    """

    def __init__(self, bundle_path: Path | None = None, threads: int = 1) -> None:
        self.bundle = load_bundle(bundle_path)
        self.name = f"{self.bundle.name} {self.bundle.version}"
        self._classifier = Classifier(self.bundle, threads)

    def predict(self, galaxies: GalaxySet, *, progress: Progress | None = None) -> Predictions:
        """Answers for all galaxies: votes, ``class5``, and ``galaxy10`` by its rule.

        Parameters
        ----------
        galaxies : GalaxySet
        progress : callable, optional
            Called with the galaxies done and all of them.
        """
        preparation = edge_preparation(self._classifier.input_size_px)
        votes = np.empty_like(galaxies.votes)
        names = self.bundle.manifest.classifier.classes
        class5 = np.empty((len(galaxies), len(names)), np.float32)
        for row in range(len(galaxies)):
            answer = self._classifier.classify(_crop(galaxies, row, preparation))
            votes[row] = answer.votes
            class5[row] = answer.class_probabilities
            if progress is not None and (row % 50 == 49 or row + 1 == len(galaxies)):
                progress(row + 1, len(galaxies))
        return _predictions(galaxies, votes, class5)


class EdgeNetworkClassifier:
    """A network of ``classification.edge_network`` that is in no bundle yet.

    Parameters
    ----------
    path : Path
        ``.keras`` or ``.tflite`` file with the outputs votes, class5 and galaxy.

    Attributes
    ----------
    name : str
        Of the file.

    Raises
    ------
    GalaxyEdgeError
        The file holds another kind of network, or none.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        opened = _open_tflite if path.suffix == ".tflite" else _open_keras
        self._answer, self._input_size_px = opened(path)

    def predict(self, galaxies: GalaxySet, *, progress: Progress | None = None) -> Predictions:
        """Answers for all galaxies; see ``BundleClassifier.predict``."""
        preparation = edge_preparation(self._input_size_px)
        votes, class5 = [], []
        for start in range(0, len(galaxies), _BATCH):
            rows = range(start, min(start + _BATCH, len(galaxies)))
            crops = np.stack([_crop(galaxies, row, preparation) for row in rows])
            logits = self._answer(crops.astype(np.float32))
            votes.append(votes_from_logits(logits["votes"]))
            class5.append(softmax(logits["class5"], axis=1))
            if progress is not None:
                progress(rows[-1] + 1, len(galaxies))
        return _predictions(galaxies, np.concatenate(votes), np.concatenate(class5))


def _open_keras(path: Path) -> tuple[Predict, int]:
    from classification.edge_network.evaluation import keras_predictor
    from classification.keras_files import read_keras

    model = read_keras(path)
    outputs = model.output
    if not isinstance(outputs, dict) or not {"votes", "class5"} <= set(outputs):
        raise GalaxyEdgeError(f"{path}: has no outputs named votes and class5")
    return keras_predictor(model), int(model.input_shape[1])


def _open_tflite(path: Path) -> tuple[Predict, int]:
    from classification.edge_network.export import tflite_predictor

    model = LiteRtModel(path)
    if sorted(output.shape[-1] for output in model.outputs) != [1, 5, 37]:
        raise GalaxyEdgeError(f"{path}: has not the outputs votes, class5 and galaxy")
    return tflite_predictor(path), model.input.shape[1]


def _crop(galaxies: GalaxySet, row: int, preparation: Preparation) -> NDArray[np.uint8]:
    return preparation.prepare(galaxies.pictures.read(row), float(galaxies.frame_scale[row]))


def _predictions(
    galaxies: GalaxySet, votes: NDArray[np.float32], class5: NDArray[np.float32]
) -> Predictions:
    return Predictions(
        ids=galaxies.ids,
        votes=votes,
        classes={CLASS5: class5, GALAXY10: galaxy10_from_votes(votes)},
    )
