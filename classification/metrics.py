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
        Mean F1 of the classes that are predicted or present, each counted the same.
    balanced_accuracy : float
        Mean recall of the classes that are present.
    precision, recall, f1 : tuple of float
        Of each class; 0 where they have no denominator.
    support : tuple of int
        Rows of each true class.
    confusion : ndarray, shape (K, K), int64
        Rows are true classes, columns predicted ones.
    n : int
        Number of rows.
    """

    accuracy: float
    macro_f1: float
    balanced_accuracy: float
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    support: tuple[int, ...]
    confusion: NDArray[np.int64]
    n: int


def class_scores(
    true: NDArray[np.integer], predicted: NDArray[np.integer], classes: int
) -> ClassScores:
    """Accuracy, precision, recall, F1 and confusion of class indices.

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
    hits, present, claimed = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    recall = hits / np.maximum(present, 1)
    f1 = 2 * hits / np.maximum(present + claimed, 1)
    return ClassScores(
        accuracy=float(hits.sum() / len(true)),
        macro_f1=float(f1[present + claimed > 0].mean()),
        balanced_accuracy=float(recall[present > 0].mean()),
        precision=tuple((hits / np.maximum(claimed, 1)).tolist()),
        recall=tuple(recall.tolist()),
        f1=tuple(f1.tolist()),
        support=tuple(present.tolist()),
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


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Receiver operating characteristic.

    Attributes
    ----------
    false_rate, true_rate : ndarray, shape (P,), float64
        From (0, 0) to (1, 1), a point for each score at which they change.
    """

    false_rate: NDArray[np.float64]
    true_rate: NDArray[np.float64]


def roc_curve(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> RocCurve:
    """False and true positive rates as the threshold falls.

    Parameters
    ----------
    positive : ndarray, shape (N,), bool
    scores : ndarray, shape (N,)
        Higher means more likely positive.

    Raises
    ------
    ValueError
        If all rows are positive, or none is.
    """
    hits, claims = _falling_threshold(positive, scores)
    false = claims - hits
    return RocCurve(
        np.concatenate([[0.0], false / false[-1]]), np.concatenate([[0.0], hits / hits[-1]])
    )


def average_precision(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """Mean of the precision over the recall it is reached at, without interpolation.

    Parameters
    ----------
    positive : ndarray, shape (N,), bool
    scores : ndarray, shape (N,)

    Raises
    ------
    ValueError
        If all rows are positive, or none is.
    """
    hits, claims = _falling_threshold(positive, scores)
    gained = np.diff(hits, prepend=0.0) / hits[-1]
    return float(np.sum(gained * hits / claims))


def _falling_threshold(
    positive: NDArray[np.bool_], scores: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positives, and rows, at or above each distinct score, from the highest down."""
    if not positive.any() or positive.all():
        raise ValueError("need at least one positive and one negative score")
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    return np.cumsum(positive[order])[last].astype(np.float64), last + 1.0


def recall_at_false_rate(
    positive: NDArray[np.floating], negative: NDArray[np.floating], false_rate: float
) -> float:
    """Part of the positives above the score that ``false_rate`` of the negatives exceed."""
    return float(np.mean(positive > np.quantile(negative, 1 - false_rate)))
