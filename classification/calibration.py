"""Whether probabilities are as often right as they say.

Expected and maximum calibration error are those of Guo et al. (2017, ICML,
"On calibration of modern neural networks"): the probability of the most likely
class against the share of rows where that class is right, in bins of equal
width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Bins of equal width from 0 to 1, the usual number."""

LEAST_PROBABILITY = 1e-7
"""A true class given less counts as this in the log-loss; about the step of float32 at 1."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence against accuracy, bin by bin: a reliability diagram.

    Attributes
    ----------
    expected_error : float
        Mean gap between the two, bins weighted by their rows (ECE).
    maximum_error : float
        Largest gap of a bin that has rows.
    edges : ndarray, shape (B + 1,), float64
        A bin holds confidences above its lower edge, up to its upper one.
    counts : ndarray, shape (B,), int64
    confidence, accuracy : ndarray, shape (B,), float64
        Means of each bin; NaN where it has no row.
    """

    expected_error: float
    maximum_error: float
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; null where a bin has no row."""
        return {
            "ece": self.expected_error,
            "mce": self.maximum_error,
            "edges": self.edges.tolist(),
            "counts": self.counts.tolist(),
            "confidence": [_known(v) for v in self.confidence],
            "accuracy": [_known(v) for v in self.accuracy],
        }


def calibration(
    true: NDArray[np.integer], probabilities: NDArray[np.floating], *, bins: int = BINS
) -> Calibration:
    """Compare the confidence in the most likely class with how often it is right.

    Parameters
    ----------
    true : ndarray, shape (N,), integer
        Class indices.
    probabilities : ndarray, shape (N, K)
    bins : int
        Of equal width.

    Raises
    ------
    ValueError
        There is no row.
    """
    _check(true, probabilities)
    index, confidence, hit = confidence_bins(true, probabilities, bins)
    counts = np.bincount(index, minlength=bins)
    filled = counts > 0
    mean_confidence, accuracy = np.full(bins, np.nan), np.full(bins, np.nan)
    mean_confidence[filled] = np.bincount(index, confidence, bins)[filled] / counts[filled]
    accuracy[filled] = np.bincount(index, hit, bins)[filled] / counts[filled]
    gap = np.abs(mean_confidence - accuracy)[filled]
    return Calibration(
        expected_error=float(np.sum(gap * counts[filled]) / len(true)),
        maximum_error=float(gap.max()),
        edges=np.linspace(0.0, 1.0, bins + 1),
        counts=counts.astype(np.int64),
        confidence=mean_confidence,
        accuracy=accuracy,
    )


def confidence_bins(
    true: NDArray[np.integer], probabilities: NDArray[np.floating], bins: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Bin, confidence and success (1 or 0) of each row, each of shape (N,)."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    hit = (probabilities.argmax(axis=1) == true).astype(np.float64)
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return index, confidence, hit


def brier_score(true: NDArray[np.integer], probabilities: NDArray[np.floating]) -> float:
    """Mean squared distance of the probabilities from the truth (Brier 1950).

    Summed over the classes, so from 0 (certain and right) to 2 (certain and wrong).

    Raises
    ------
    ValueError
        There is no row.
    """
    _check(true, probabilities)
    wanted = np.eye(probabilities.shape[1])[true]
    return float(np.mean(np.sum(np.square(probabilities - wanted), axis=1)))


def log_loss(true: NDArray[np.integer], probabilities: NDArray[np.floating]) -> float:
    """Mean of -ln of the probability of the true class, at least ``LEAST_PROBABILITY``.

    Raises
    ------
    ValueError
        There is no row.
    """
    _check(true, probabilities)
    return float(np.mean(row_log_losses(true, probabilities)))


def row_log_losses(
    true: NDArray[np.integer], probabilities: NDArray[np.floating]
) -> NDArray[np.float64]:
    """-ln of the probability of each row's true class, shape (N,)."""
    given = probabilities[np.arange(len(true)), true].astype(np.float64)
    return -np.log(np.clip(given, LEAST_PROBABILITY, 1.0))


def _check(true: NDArray[np.integer], probabilities: NDArray[np.floating]) -> None:
    if probabilities.ndim != 2 or true.shape != probabilities.shape[:1] or not len(true):
        raise ValueError(
            f"need (N,) classes and (N, K) probabilities; got {true.shape}, {probabilities.shape}"
        )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
