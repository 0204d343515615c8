"""A trained network together with all that is needed to use it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

import classification.models  # noqa: F401  registers the layers that saved networks hold
from annotations.formats.outputs import new_file
from annotations.galaxies.dataset import CLASS5, GALAXY10, GalaxySet
from annotations.galaxies.derived_classes import cumulative_votes
from classification.batches import COUNTS, VOTES
from classification.class_rules import class5_from_votes, galaxy10_from_votes
from classification.heads import Head
from classification.keras_files import read_keras
from classification.picture_cache import CropsOnDemand
from classification.predictions import Predictions
from classification.preparation import Preparation
from edge_runtime.errors import GalaxyEdgeError

NETWORK_FILE = "network.keras"
CARD_FILE = "network.json"
TURNED_VIEWS = 8
_BATCH = 64

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """What a network is, and where it comes from.

    Attributes
    ----------
    preset, architecture : str
    head : Head
    target : str
        ``votes``, ``counts`` or a scheme of classes.
    class_names : tuple of str
        Of the scheme's classes; the answers of the decision tree for votes.
    preparation : Preparation
    loss : str
    loss_options : mapping
    seed : int
    data, data_hash : str
        Name of the set it was trained on, and SHA-256 of its labels.
    training_pictures, validation_pictures : int
    parameters : int
    epochs, best_epoch : int
        Epochs trained, and the one the weights are of, from 0.
    validation_loss : float
        Of that epoch.
    training_s : float
        Time spent, validation included.
    images_per_s : float
        Training pictures a second in the fastest epoch; 0 where no epoch has
        more than one batch.
    backend, device, precision, code_version : str
    recipe : mapping
        The whole preset it was trained by.
    """

    preset: str
    architecture: str
    head: Head
    target: str
    class_names: tuple[str, ...]
    preparation: Preparation
    loss: str
    loss_options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    data: str = ""
    data_hash: str = ""
    training_pictures: int = 0
    validation_pictures: int = 0
    parameters: int = 0
    epochs: int = 0
    best_epoch: int = 0
    validation_loss: float = 0.0
    training_s: float = 0.0
    images_per_s: float = 0.0
    backend: str = ""
    device: str = ""
    precision: str = "float32"
    code_version: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write as JSON, whole or not at all."""
        with new_file(path) as partial:
            partial.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> NetworkCard:
        """Read what ``save`` wrote.

        Raises
        ------
        GalaxyEdgeError
            The file is missing, damaged, or something else.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            values["head"] = Head(**values["head"])
            values["preparation"] = Preparation(**values["preparation"])
            values["class_names"] = tuple(values["class_names"])
            return cls(**values)
        except FileNotFoundError as error:
            raise GalaxyEdgeError(
                f"{path}: not found; name the folder of a trained classifier"
            ) from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise GalaxyEdgeError(f"{path}: is not the card of a network ({error})") from error


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """A network, ready to answer.

    Attributes
    ----------
    card : NetworkCard
    model : keras.Model
        Takes (N, S, S, 3) float32 pixels of 0 to 255.
    folder : Path
        Of the run it comes from.
    """

    card: NetworkCard
    model: keras.Model
    folder: Path

    @property
    def target(self) -> str:
        """``votes``, ``counts`` or a scheme of classes."""
        return self.card.target

    @classmethod
    def load(cls, folder: Path) -> TrainedNetwork:
        """Read the best epoch of a run, also of one that goes on.

        Parameters
        ----------
        folder : Path
            Output of ``galaxy-edge train classifier``.

        Raises
        ------
        GalaxyEdgeError
            The folder holds no such network.
        """
        card = NetworkCard.load(folder / CARD_FILE)
        return cls(card, read_keras(folder / NETWORK_FILE), folder)

    def predict(
        self,
        galaxies: GalaxySet,
        *,
        turned_views: int = 1,
        progress: Progress | None = None,
    ) -> Predictions:
        """Answer for each galaxy of a set, a batch of pictures in memory at a time.

        Parameters
        ----------
        galaxies : GalaxySet
        turned_views : int
            How many turned and mirrored views of each picture to average, 1 to 8.
        progress : callable or None
            Told how many galaxies of how many are done.

        Raises
        ------
        GalaxyEdgeError
            A picture cannot be read.
        """
        crops = CropsOnDemand(galaxies, self.card.preparation)
        parts = []
        for start in range(0, len(galaxies), _BATCH):
            rows = np.arange(start, min(start + _BATCH, len(galaxies)))
            parts.append(self._answers(crops.read(rows), turned_views))
            if progress is not None:
                progress(int(rows[-1]) + 1, len(galaxies))
        return self._predictions(parts, galaxies.ids)

    def predict_crops(
        self,
        crops: NDArray[np.uint8] | NDArray[np.float32],
        *,
        ids: Sequence[str] | None = None,
        turned_views: int = 1,
    ) -> Predictions:
        """Answer for crops that are prepared already.

        Parameters
        ----------
        crops : ndarray, shape (N, S, S, 3), uint8 or float32, 0 to 255
        ids : sequence of str or None
            Their names; numbers from 0 where None.
        turned_views : int
            How many turned and mirrored views of each to average, 1 to 8.
        """
        size = self.card.preparation.size_px
        if crops.ndim != 4 or crops.shape[1:] != (size, size, 3):
            raise ValueError(f"crops must be (N, {size}, {size}, 3), not {crops.shape}")
        parts = [
            self._answers(crops[start : start + _BATCH], turned_views)
            for start in range(0, len(crops), _BATCH)
        ]
        names = tuple(map(str, range(len(crops)))) if ids is None else tuple(ids)
        return self._predictions(parts, names)

    def _answers(self, crops: NDArray, turned_views: int) -> NDArray[np.float32]:
        """Votes or probabilities of one batch, the mean over its views."""
        if not 1 <= turned_views <= TURNED_VIEWS:
            raise ValueError(f"turned_views is 1 to {TURNED_VIEWS}, not {turned_views}")
        count = len(crops)
        # always the same shape, so that the network is compiled once
        full = np.zeros((_BATCH, *crops.shape[1:]), np.float32)
        full[:count] = crops
        total = np.zeros((count, 1), np.float64)
        for view in range(turned_views):
            outputs = np.asarray(
                keras.ops.convert_to_numpy(self.model.predict_on_batch(turned(full, view)))
            )
            total = total + self._activated(outputs[:count].astype(np.float32))
        return (total / turned_views).astype(np.float32)

    def _activated(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.target == COUNTS:
            return votes_from_concentrations(
                1.0 + float(self.card.loss_options.get("largest", 100.0)) * outputs
            )
        if self.target != VOTES and outputs.shape[1] == 1:
            return np.concatenate([1.0 - outputs, outputs], axis=1)
        return outputs

    def _predictions(self, parts: list[NDArray[np.float32]], ids: tuple[str, ...]) -> Predictions:
        width = max(self.card.head.width, 2)
        answers = np.concatenate([np.empty((0, width), np.float32), *parts])
        if self.target not in (VOTES, COUNTS):
            return Predictions(ids, classes={self.target: answers})
        classes = {
            CLASS5: class5_from_votes(answers),
            GALAXY10: galaxy10_from_votes(answers),
        }
        return Predictions(ids, votes=answers, classes=classes)


def turned(crops: NDArray, view: int) -> NDArray:
    """One of the eight turned and mirrored views of square crops.

    Parameters
    ----------
    crops : ndarray, shape (N, S, S, C)
    view : int
        0 is the crop itself, 1 to 3 are quarter turns, 4 to 7 the same mirrored.
    """
    if view >= 4:
        crops = crops[:, :, ::-1]
    return np.ascontiguousarray(np.rot90(crops, view % 4, axes=(1, 2)))


def votes_from_concentrations(concentrations: NDArray[np.floating]) -> NDArray[np.float32]:
    """Expected vote fractions of one Dirichlet distribution a question.

    Parameters
    ----------
    concentrations : ndarray, shape (N, 37), above 0

    Returns
    -------
    ndarray, shape (N, 37), float32
        Cumulative, so that the sums of the decision tree hold.
    """
    return cumulative_votes(concentrations)
