"""Classes that follow from the 37 votes.

A vote fraction is the share of all people who reached an answer and gave it, so
the fractions of answers that end the way to a class compare directly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.derived_classes import GALAXY10_COLUMNS
from annotations.galaxies.schemes import GALAXY10_NAMES
from edge_runtime.decision_tree import COLUMN_INDEX

__all__ = [
    "CLASS5_COLUMNS",
    "GALAXY10_COLUMNS",
    "GALAXY10_NAMES",
    "class5_from_votes",
    "galaxy10_from_votes",
]

CLASS5_COLUMNS = ("Class7.1", "Class7.2", "Class7.3", "Class2.1", "Class4.1")
"""Answer behind each of the five classes, in the order of ``CLASS5``."""


def class5_from_votes(votes: NDArray[np.floating]) -> NDArray[np.float32]:
    """Shares of the five classes.

    Parameters
    ----------
    votes : ndarray, shape (N, 37)

    Returns
    -------
    ndarray, shape (N, 5), float32
        Adding up to 1; all the same where no class got a vote.
    """
    return _shares(votes, CLASS5_COLUMNS)


def galaxy10_from_votes(votes: NDArray[np.floating]) -> NDArray[np.float32]:
    """Shares of the ten classes of Galaxy10 SDSS, shape (N, 10), float32, adding up to 1."""
    return _shares(votes, GALAXY10_COLUMNS)


def _shares(votes: NDArray[np.floating], columns: tuple[str, ...]) -> NDArray[np.float32]:
    chosen = np.clip(votes[:, [COLUMN_INDEX[c] for c in columns]], 1e-6, None).astype(np.float64)
    return (chosen / chosen.sum(axis=1, keepdims=True)).astype(np.float32)
