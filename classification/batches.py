"""Batches of prepared crops and their targets, in an order that the seed and the epoch tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import UNKNOWN_CLASS, GalaxySet
from classification.balancing import Balance, Draw, draw
from classification.picture_cache import Crops
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.errors import GalaxyEdgeError

VOTES = "votes"
COUNTS = "counts"
"""Targets that are not the name of a scheme of classes."""

Batch = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Targets:
    """What a network shall answer, for the rows that have it.

    Attributes
    ----------
    values : ndarray, shape (N, K), float32
        Vote fractions, counts of votes, or 1 at the class; one column of 0 and
        1 for two classes and a head of width 1.
    labels : ndarray, shape (N,), int64
        Class by which rows are balanced; ``UNKNOWN_CLASS`` throughout where
        the target is no class.
    names : tuple of str
        Of the columns: answers of the decision tree, or all classes of the scheme.
    """

    values: NDArray[np.float32]
    labels: NDArray[np.int64]
    names: tuple[str, ...]


def known_rows(galaxies: GalaxySet, target: str) -> GalaxySet:
    """Rows of a set that have the target.

    Parameters
    ----------
    galaxies : GalaxySet
    target : str
        ``votes``, ``counts``, or a scheme of classes.

    Raises
    ------
    GalaxyEdgeError
        The set has no such target, or no row of it.
    """
    if target == VOTES:
        keep = galaxies.has_votes
    elif target == COUNTS:
        if galaxies.counts is None:
            raise GalaxyEdgeError(f"{galaxies.name}: does not say how many people gave each answer")
        keep = ~np.isnan(galaxies.counts).any(axis=1)
    else:
        keep = galaxies.labels(target).known
    if not keep.any():
        raise GalaxyEdgeError(f"{galaxies.name}: none of {len(galaxies)} pictures has {target}")
    return galaxies.rows(keep)


def targets_of(galaxies: GalaxySet, target: str, width: int) -> Targets:
    """Targets of rows that all have them, see ``known_rows``.

    Parameters
    ----------
    galaxies : GalaxySet
    target : str
        ``votes``, ``counts``, or a scheme of classes.
    width : int
        Of the network's output.

    Raises
    ------
    GalaxyEdgeError
        The head is not as wide as the target.
    """
    if target in (VOTES, COUNTS):
        values = galaxies.votes if target == VOTES else galaxies.counts
        assert values is not None
        labels = np.full(len(galaxies), UNKNOWN_CLASS, np.int64)
        found = Targets(np.asarray(values, np.float32), labels, VOTE_COLUMNS)
    else:
        classes = galaxies.labels(target)
        index = np.asarray(classes.index, np.int64)
        if width == 1 and len(classes.names) == 2:
            return Targets(classes.one_hot()[:, 1:], index, classes.names)
        found = Targets(classes.one_hot(), index, classes.names)
    if found.values.shape[1] != width:
        raise GalaxyEdgeError(
            f"{galaxies.name}: {target} has {found.values.shape[1]} columns, "
            f"but the network's head has {width}"
        )
    return found


class GalaxyBatches(keras.utils.PyDataset):
    """Batches of crops, targets and weights.

    What a batch holds follows from the seed, the epoch and its number, so any
    number of workers gives the same batches, and a training that was broken
    off goes on with those it would have had.

    Parameters
    ----------
    crops : Crops
    targets : Targets
        As long as ``crops``.
    batch : int
        Rows of a batch; the last one of an epoch may be shorter.
    shuffle : bool
        False gives the rows in order, as for validation.
    balance : Balance
        Draws the rows of each epoch.
    seed, epoch : int
        Epoch the first batches are of; ``begin_epoch`` moves on.
    **options
        ``workers``, ``use_multiprocessing``, ``max_queue_size`` of Keras.
    """

    def __init__(
        self,
        crops: Crops,
        targets: Targets,
        batch: int,
        *,
        shuffle: bool = True,
        balance: Balance | None = None,
        seed: int = 0,
        epoch: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if len(crops) != len(targets.values):
            raise ValueError(f"{len(crops)} crops, but {len(targets.values)} targets")
        self._crops = crops
        self._targets = targets
        self.batch = batch
        self._shuffle = shuffle
        self._balance = balance or Balance()
        self._seed = seed
        self.begin_epoch(epoch)

    def begin_epoch(self, epoch: int) -> None:
        """Draw the rows of an epoch; call it between epochs."""
        self._rows = self._draw(epoch)

    @property
    def rows(self) -> Draw:
        """Rows of this epoch in their order, and their weights."""
        return self._rows

    def __len__(self) -> int:
        return math.ceil(len(self._rows.index) / self.batch)

    def __getitem__(self, index: int) -> Batch:
        part = slice(index * self.batch, (index + 1) * self.batch)
        rows = self._rows.index[part]
        return self._crops.read(rows), self._targets.values[rows], self._rows.weight[part]

    def _draw(self, epoch: int) -> Draw:
        rng = np.random.default_rng((self._seed, epoch))
        labels = self._targets.labels
        count = len(self._targets.names)
        drawn = draw(labels, count, self._balance, rng)
        if not self._shuffle:
            return drawn
        order = rng.permutation(len(drawn.index))
        return Draw(drawn.index[order], drawn.weight[order])
