"""Recall, precision and false positives against the score threshold.

The intervals are percentile bootstrap intervals over frames (Efron &
Tibshirani 1993, chapter 13): frames are what is sampled from the sky, and the
galaxies of one frame are found or missed together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.evaluation.outcomes import outcomes, resampled_weights
from edge_runtime.evaluation.matching import ScoredPicture

THRESHOLDS: NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
_RESAMPLES = 1000
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure at each threshold, with the interval it lies in.

    Attributes
    ----------
    thresholds, values, low, high : ndarray, shape (T,), float64
        Not a number where the figure is not defined (precision without a
        detection).
    """

    thresholds: NDArray[np.float64]
    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def at(self, threshold: float) -> tuple[float, float, float]:
        """Value, low and high end at the nearest threshold of the curve."""
        i = int(np.argmin(np.abs(self.thresholds - threshold)))
        return float(self.values[i]), float(self.low[i]), float(self.high[i])


def recall_curve(
    pictures: Sequence[ScoredPicture],
    least_iou: float,
    *,
    thresholds: NDArray[np.float64] = THRESHOLDS,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> Curve:
    """Share of the galaxies found, over the galaxies that count."""
    table = outcomes(pictures, least_iou)
    hits = table.hits(thresholds)
    galaxies = np.repeat(table.galaxies[:, None], len(thresholds), axis=1)
    return _ratio_curve(hits, galaxies, thresholds, resamples, seed)


def precision_curve(
    pictures: Sequence[ScoredPicture],
    least_iou: float,
    *,
    thresholds: NDArray[np.float64] = THRESHOLDS,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> Curve:
    """Share of the detections that hit a galaxy, over the detections that count."""
    table = outcomes(pictures, least_iou)
    hits = table.hits(thresholds)
    return _ratio_curve(hits, hits + table.mistakes(thresholds), thresholds, resamples, seed)


def false_positive_curve(
    empty: Sequence[ScoredPicture],
    *,
    thresholds: NDArray[np.float64] = THRESHOLDS,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> Curve:
    """False positives per empty frame.

    Against the recall of galaxy frames at the same thresholds this is the
    free-response curve (FROC; Bunch et al. 1978).
    """
    mistakes = outcomes(empty, 0.5).mistakes(thresholds)
    return _ratio_curve(mistakes, np.ones_like(mistakes), thresholds, resamples, seed)


def threshold_for_rate(empty: Sequence[ScoredPicture], rate: float) -> float:
    """Least threshold with at most ``rate`` false positives per empty frame.

    Parameters
    ----------
    empty : sequence of ScoredPicture
        Frames without a galaxy.
    rate : float

    Returns
    -------
    float
        Just above the first score that must go; 0 where even all detections
        keep within the rate, so that the collection's own lowest score rules.

    Raises
    ------
    ValueError
        There is no empty frame.
    """
    if not empty:
        raise ValueError("a false-positive rate needs frames without a galaxy")
    scores = np.sort(np.concatenate([picture.scores for picture in empty]))[::-1]
    allowed = int(np.floor(rate * len(empty) + 1e-9))
    if len(scores) <= allowed:
        return 0.0
    return float(np.nextafter(np.float32(scores[allowed]), np.float32(np.inf)))


def _ratio_curve(
    numerator: NDArray[np.int64],
    denominator: NDArray[np.int64],
    thresholds: NDArray[np.float64],
    resamples: int,
    seed: int,
) -> Curve:
    """Sum over frames of one count by the sum of another, both of shape (F, T)."""
    if not len(numerator):
        nothing = np.full(len(thresholds), np.nan)
        return Curve(thresholds, nothing, nothing, nothing)
    # as floats, which hold such counts exactly and multiply far faster
    weights = resampled_weights(len(numerator), resamples, seed).astype(np.float64)
    drawn = _ratio(weights @ numerator, weights @ denominator)
    values = _ratio(numerator.sum(axis=0), denominator.sum(axis=0))
    low, high = np.full(len(thresholds), np.nan), np.full(len(thresholds), np.nan)
    tail = 50.0 * (1.0 - _CONFIDENCE)
    for i in np.flatnonzero(np.isfinite(values)):
        defined = drawn[np.isfinite(drawn[:, i]), i]
        low[i], high[i] = np.percentile(defined, [tail, 100.0 - tail])
    return Curve(thresholds, values, low, high)


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> NDArray[np.float64]:
    ratio = np.full(above.shape, np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio
