"""Training pictures that a network takes for most alike to a galaxy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet
from classification.explain.crops import BATCH
from classification.explain.faithfulness.redrawing import answering_layers
from classification.explain.keras_network import KerasNetwork, outputs_of
from classification.explain.subjects import ExplainedSubject

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One training picture.

    Attributes
    ----------
    row : int
        In the training set.
    distance : float
        In units in which the training pictures lie about 1 from their mean in each
        feature.
    """

    row: int
    distance: float


class TrainingPictures:
    """Pictures of a training set by a network's features.

    Parameters
    ----------
    subject : ExplainedSubject
    galaxies : GalaxySet
        Training pictures, at least one.
    progress : callable, optional
        Called with the pictures done and all of them.

    Attributes
    ----------
    galaxies : GalaxySet
    measure : str
        What is compared, in words.
    """

    def __init__(
        self,
        subject: ExplainedSubject,
        galaxies: GalaxySet,
        progress: Progress | None = None,
    ) -> None:
        self.galaxies = galaxies
        self._preparation = subject.preparation
        self._features, self.measure = _features_of(subject)
        rows = []
        for start in range(0, len(galaxies), BATCH):
            crops = [self.crop(row) for row in range(start, min(start + BATCH, len(galaxies)))]
            rows.append(self._features(np.stack(crops)))
            if progress is not None:
                progress(min(start + BATCH, len(galaxies)), len(galaxies))
        found = np.concatenate(rows)
        spread = found.std(axis=0)
        # a feature that is the same of all pictures tells none of them apart
        self._weights = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
        self._weights /= np.sqrt(max(1, int((spread > 1e-9).sum())))
        self._rows = found * self._weights

    def crop(self, row: int) -> NDArray[np.uint8]:
        """A training picture as the network sees it, shape (S, S, 3)."""
        return self._preparation.prepare(
            self.galaxies.pictures.read(row), float(self.galaxies.frame_scale[row])
        )

    def closest(
        self, crop: NDArray[np.uint8], count: int = 6, identity: str = ""
    ) -> list[Neighbour]:
        """The training pictures nearest to a crop, the nearest first.

        Parameters
        ----------
        crop : ndarray, shape (S, S, 3), uint8
        count : int
        identity : str
            A galaxy that is left out: the crop's own.
        """
        offsets = self._rows - self._features(crop[None]) * self._weights
        distances = np.sqrt(np.square(offsets).sum(axis=1))
        order = [int(row) for row in np.argsort(distances, kind="stable")]
        kept = [row for row in order if self.galaxies.ids[row] != identity][:count]
        return [Neighbour(row, float(distances[row])) for row in kept]


def _features_of(
    subject: ExplainedSubject,
) -> tuple[Callable[[NDArray[np.uint8]], NDArray[np.float64]], str]:
    network = subject.network
    if not isinstance(network, KerasNetwork):
        return lambda crops: network.answers(crops).astype(np.float64), "its answers"
    layer = answering_layers(network.model)[0]
    inner = keras.Model(network.model.input, layer.input)

    def features(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        found = outputs_of(inner, crops.astype(np.float32))
        return found.reshape(len(crops), -1).astype(np.float64)

    return features, f"what reaches its last layer, {layer.name}"
