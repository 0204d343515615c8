"""Classes that follow from votes by fixed thresholds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import CLASS5, GALAXY10, UNKNOWN_CLASS, ClassLabels
from annotations.galaxies.schemes import SCHEMES
from edge_runtime.decision_tree import (
    COLUMN_INDEX,
    EVALUATION_ORDER,
    PARENT_INDEX,
    QUESTION_SLICES,
)

CLASS5_THRESHOLDS = (
    {"Class1.1": 0.469, "Class7.1": 0.5},
    {"Class1.1": 0.469, "Class7.2": 0.5},
    {"Class1.1": 0.469, "Class7.3": 0.5},
    {"Class1.2": 0.43, "Class2.1": 0.602},
    {"Class1.2": 0.43, "Class2.2": 0.715, "Class4.1": 0.69},
)
"""Least vote fractions of each of the five classes; the first that fits is taken.

After the clean samples of Willett et al. (2013), table 3, with 0.69 instead of
0.619 for spirals.
"""

GALAXY10_COLUMNS = (
    "Class4.2",
    "Class7.1",
    "Class7.2",
    "Class7.3",
    "Class9.1",
    "Class9.2",
    "Class9.3",
    "Class10.1",
    "Class10.2",
    "Class10.3",
)
"""Answer behind each class of Galaxy10 SDSS, in its order (astroNN, Leung and Bovy)."""

GALAXY10_LEAST = 0.55
"""More than this part of the votes must agree on a class of Galaxy10."""


def classes_from_votes(votes: NDArray[np.floating]) -> dict[str, ClassLabels]:
    """``class5`` and ``galaxy10`` of galaxies with votes.

    Parameters
    ----------
    votes : ndarray, shape (N, 37)
        Cumulative fractions; rows of NaN have no class.
    """
    return {CLASS5: class5_of_clear_votes(votes), GALAXY10: galaxy10_of_clear_votes(votes)}


def class5_of_clear_votes(votes: NDArray[np.floating]) -> ClassLabels:
    """The five classes where the votes are clear, by ``CLASS5_THRESHOLDS``."""
    index = np.full(len(votes), UNKNOWN_CLASS, np.int64)
    for number, thresholds in reversed(list(enumerate(CLASS5_THRESHOLDS))):
        fits = np.all(
            [votes[:, COLUMN_INDEX[column]] >= least for column, least in thresholds.items()],
            axis=0,
        )
        index[fits] = number
    return ClassLabels(SCHEMES[CLASS5].names, index)


def galaxy10_of_clear_votes(votes: NDArray[np.floating]) -> ClassLabels:
    """The class of Galaxy10 SDSS that more than ``GALAXY10_LEAST`` of the votes agree on."""
    shares = np.nan_to_num(votes[:, [COLUMN_INDEX[column] for column in GALAXY10_COLUMNS]])
    index = np.where(
        shares.max(axis=1, initial=0) > GALAXY10_LEAST, shares.argmax(axis=1), UNKNOWN_CLASS
    )
    return ClassLabels(SCHEMES[GALAXY10].names, index.astype(np.int64))


def cumulative_votes(fractions: NDArray[np.floating]) -> NDArray[np.float32]:
    """Turn fractions within each question into cumulative ones.

    Parameters
    ----------
    fractions : ndarray, shape (N, 37)
        Of the people who were asked a question, the part that gave each answer.
        They are scaled to add up to 1 within a question, except where all are 0:
        nobody was asked.

    Returns
    -------
    ndarray, shape (N, 37), float32
        They obey the sums of the tree wherever a question whose parent's
        fraction is above 0 was answered.
    """
    votes = np.zeros(fractions.shape)
    for question in EVALUATION_ORDER:
        columns, parent = QUESTION_SLICES[question], PARENT_INDEX[question]
        part = fractions[:, columns].astype(np.float64)
        total = part.sum(axis=1, keepdims=True)
        share = np.divide(part, total, out=np.zeros_like(part), where=total > 0)
        votes[:, columns] = share if parent is None else share * votes[:, parent : parent + 1]
    return votes.astype(np.float32)
