"""Whether one detector is better than another, on the same frames.

`edge_runtime.evaluation.paired_tests` has the tests for any figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.evaluation.outcomes import (
    outcomes,
    resampled_weights,
    weighted_average_precision,
)
from edge_runtime.evaluation.matching import ScoredPicture, match


@dataclass(frozen=True, slots=True)
class BootstrapDifference:
    """Difference of a figure between two detectors, with its interval.

    Attributes
    ----------
    difference : float
        Second minus first.
    low, high : float
        Ends of the percentile interval at 95 %.
    p_value : float
        Twice the share of the resamples on the less likely side of zero.
    resamples : int
    """

    difference: float
    low: float
    high: float
    p_value: float
    resamples: int


def bootstrap_ap_difference(
    first: Sequence[ScoredPicture],
    second: Sequence[ScoredPicture],
    *,
    least_iou: float = 0.5,
    resamples: int = 2000,
    seed: int = 0,
) -> BootstrapDifference:
    """Difference of average precision, frames resampled for both at once.

    Parameters
    ----------
    first, second : sequence of ScoredPicture
        The same frames in the same order.

    Raises
    ------
    ValueError
        The frames are not the same.
    """
    _check_same_frames(first, second)
    a, b = outcomes(first, least_iou), outcomes(second, least_iou)
    once = np.ones(len(first), dtype=np.int64)
    difference = weighted_average_precision(b, once) - weighted_average_precision(a, once)
    drawn = np.array(
        [
            weighted_average_precision(b, weights) - weighted_average_precision(a, weights)
            for weights in resampled_weights(len(first), resamples, seed)
        ]
    )
    low, high = np.percentile(drawn, [2.5, 97.5])
    p_value = min(1.0, 2.0 * min(float(np.mean(drawn <= 0.0)), float(np.mean(drawn >= 0.0))))
    # with R resamples no p-value below 1/R can be told from zero
    return BootstrapDifference(
        difference, float(low), float(high), max(p_value, 1.0 / resamples), resamples
    )


def frame_f1(
    pictures: Sequence[ScoredPicture], threshold: float, least_iou: float
) -> NDArray[np.float64]:
    """F1 of each frame at a threshold, for tests over frames.

    An empty frame has 1 without and 0 with a detection.

    Returns
    -------
    ndarray, shape (F,), float64
    """
    values = np.ones(len(pictures))
    for i, picture in enumerate(pictures):
        matches = match(picture.above(threshold), least_iou)
        judged = int((~matches.ignored).sum())
        galaxies = int((~picture.difficult).sum())
        if judged + galaxies:
            values[i] = 2.0 * int(matches.hit.sum()) / (judged + galaxies)
    return values


def _check_same_frames(first: Sequence[ScoredPicture], second: Sequence[ScoredPicture]) -> None:
    if not first or len(first) != len(second):
        raise ValueError(f"a paired test needs the same frames, got {len(first)} and {len(second)}")
    for i, (a, b) in enumerate(zip(first, second, strict=True)):
        if not np.array_equal(a.boxes_xyxy_px, b.boxes_xyxy_px):
            raise ValueError(f"frame {i} has other galaxies for the second detector")
