"""Sets in which some classes are rare, drawn and weighted so that these count.

Everything here works on class indices alone. What comes back says which rows
make up an epoch and how much each of them weighs in the loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import UNKNOWN_CLASS
from edge_runtime.errors import ConfigError

METHODS = ("none", "up", "down", "weights", "partial")


@dataclass(frozen=True, slots=True)
class Balance:
    """How rare classes are made up for.

    Attributes
    ----------
    method : str
        ``none``; ``up`` repeats rows until each class is as large as the
        largest; ``down`` leaves rows out until each is as small as the
        smallest; ``weights`` keeps the rows and weighs each class by
        N / (C n_c); ``partial`` draws each class towards a common size, and
        weights make up for the rest.
    level : float
        Of ``partial``: 0 leaves the sizes as they are, 1 makes them all the
        same, between them a class of ``n_c`` rows gets
        ``n_c ** (1 - level) * mean ** level``.
    """

    method: str = "none"
    level: float = 0.5

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"unknown balance {self.method!r}; known: {', '.join(METHODS)}")
        if not 0 <= self.level <= 1:
            raise ConfigError(f"the level of a partial balance is from 0 to 1, not {self.level}")


@dataclass(frozen=True, slots=True)
class Draw:
    """Rows of one epoch, in no particular order.

    Attributes
    ----------
    index : ndarray, shape (M,), int64
        Rows; one may be there several times.
    weight : ndarray, shape (M,), float32
        Of each in the loss.
    """

    index: NDArray[np.int64]
    weight: NDArray[np.float32]


def class_weights(labels: NDArray[np.integer], count: int) -> NDArray[np.float32]:
    """Weights N / (C n_c), with which every class weighs the same in all.

    Parameters
    ----------
    labels : ndarray, shape (N,), integer
        Class of each row; ``UNKNOWN_CLASS`` is left out.
    count : int
        Number of classes, C.

    Returns
    -------
    ndarray, shape (count,), float32
        0 for a class without rows, which C does not count.
    """
    sizes = np.bincount(labels[labels != UNKNOWN_CLASS], minlength=count).astype(np.float64)
    present = sizes > 0
    weights = np.zeros(count)
    weights[present] = sizes.sum() / (present.sum() * sizes[present])
    return weights.astype(np.float32)


def draw(
    labels: NDArray[np.integer], count: int, balance: Balance, rng: np.random.Generator
) -> Draw:
    """Draw the rows of one epoch.

    Parameters
    ----------
    labels : ndarray, shape (N,), integer
        Class of each row; rows of ``UNKNOWN_CLASS`` are drawn once and weigh 1.
    count : int
        Number of classes.
    balance : Balance
    rng : Generator
        Says which rows are repeated or left out.

    Returns
    -------
    Draw
        Up and down resampling keep or repeat whole rows: each row of a class
        comes up as often as any other, give or take one.
    """
    everything = np.arange(len(labels), dtype=np.int64)
    if balance.method == "none":
        return Draw(everything, np.ones(len(labels), np.float32))
    if balance.method == "weights":
        return Draw(everything, _row_weights(labels, class_weights(labels, count)))
    sizes = np.bincount(labels[labels != UNKNOWN_CLASS], minlength=count)
    parts = [everything[labels == UNKNOWN_CLASS]]
    for label, wanted in enumerate(_wanted_sizes(sizes, balance)):
        if sizes[label]:
            parts.append(_resample(everything[labels == label], wanted, rng))
    index = np.concatenate(parts)
    if balance.method != "partial":
        return Draw(index, np.ones(len(index), np.float32))
    drawn = labels[index]
    return Draw(index, _row_weights(drawn, class_weights(drawn, count)))


def _wanted_sizes(sizes: NDArray[np.integer], balance: Balance) -> list[int]:
    present = sizes[sizes > 0]
    if not len(present):
        return [0] * len(sizes)
    if balance.method == "up":
        return [int(present.max())] * len(sizes)
    if balance.method == "down":
        return [int(present.min())] * len(sizes)
    mean = present.mean()
    return [
        max(1, round(float(size) ** (1 - balance.level) * mean**balance.level)) if size else 0
        for size in sizes
    ]


def _resample(rows: NDArray[np.int64], wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    whole, rest = divmod(wanted, len(rows))
    return np.concatenate([np.tile(rows, whole), rng.choice(rows, size=rest, replace=False)])


def _row_weights(labels: NDArray[np.integer], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    known = labels != UNKNOWN_CLASS
    rows = np.ones(len(labels), np.float32)
    rows[known] = weights[labels[known]]
    return rows
