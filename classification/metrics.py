"""Scores of a classifier, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Agreement of predicted and true classes.

    Attributes
    ----------
    accuracy : float
        Part of the rows whose class is right.
    macro_f1 : float
        Mean F1 of the classes, each counted the same.
    f1 : tuple of float
        F1 of each class; 0 where neither predicted nor present.
    confusion : ndarray, shape (K, K), int64
        Rows are true classes, columns predicted ones.
    n : int
        Number of rows.
    """

    accuracy: float
    macro_f1: float
    f1: tuple[float, ...]
    confusion: NDArray[np.int64]
    n: int


def class_scores(
    true: NDArray[np.integer], predicted: NDArray[np.integer], classes: int
) -> ClassScores:
    """Accuracy, F1 and confusion of class indices.

    Parameters
    ----------
    true, predicted : ndarray, shape (N,), integer
        Class indices from 0 to ``classes`` - 1.
    classes : int
        Number of classes.

    Raises
    ------
    ValueError
        If there is no row or the shapes differ.
    """
    if true.shape != predicted.shape or true.ndim != 1 or not len(true):
        raise ValueError(f"need two equal, non-empty rows; got {true.shape}, {predicted.shape}")
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (true, predicted), 1)
    hits = np.diag(confusion)
    f1 = 2 * hits / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)
    return ClassScores(
        accuracy=float(hits.sum() / len(true)),
        macro_f1=float(f1.mean()),
        f1=tuple(float(v) for v in f1),
        confusion=confusion,
        n=len(true),
    )


def vote_rmse(true: NDArray[np.floating], predicted: NDArray[np.floating]) -> float:
    """Root of the mean squared error over all votes of all rows, shape (N, 37)."""
    return float(np.sqrt(np.mean(np.square(true - predicted))))


def roc_auc(positive: NDArray[np.floating], negative: NDArray[np.floating]) -> float:
    """Probability that a positive scores above a negative; ties count half."""
    if not len(positive) or not len(negative):
        raise ValueError("need at least one positive and one negative score")
    scores = np.concatenate([positive, negative])
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n = len(positive)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(negative)))


def recall_at_false_rate(
    positive: NDArray[np.floating], negative: NDArray[np.floating], false_rate: float
) -> float:
    """Part of the positives above the score that ``false_rate`` of the negatives exceed."""
    return float(np.mean(positive > np.quantile(negative, 1 - false_rate)))
