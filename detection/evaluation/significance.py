"""Whether one detector is better than another, on the same frames or folds.

All tests are two-sided and paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detection.evaluation.outcomes import (
    outcomes,
    resampled_weights,
    weighted_average_precision,
)
from edge_runtime.evaluation.matching import ScoredPicture, match


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Outcome of a paired test.

    Attributes
    ----------
    difference : float
        Mean of second minus first.
    statistic : float
        Of the test; 0 where there is no difference at all.
    p_value : float
        0 to 1.
    pairs : int
        Pairs compared.
    """

    difference: float
    statistic: float
    p_value: float
    pairs: int


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


def wilcoxon_signed_rank(first: ArrayLike, second: ArrayLike) -> PairedTest:
    """Wilcoxon signed-rank test (Wilcoxon 1945) over frames or folds.

    Parameters
    ----------
    first, second : array_like, shape (N,)
        A figure of each detector on the same frames or folds. Pairs without a
        difference are left out, as in the original test.

    Returns
    -------
    PairedTest
        With p-value 1 where no pair differs.

    Raises
    ------
    ValueError
        The lengths differ, or a value is not finite.
    """
    from scipy.stats import wilcoxon

    differences = _differences(first, second)
    if not differences.any():
        return PairedTest(0.0, 0.0, 1.0, len(differences))
    result = wilcoxon(differences, zero_method="wilcox")
    return PairedTest(
        float(differences.mean()), float(result.statistic), float(result.pvalue), len(differences)
    )


def corrected_resampled_t(
    first: ArrayLike, second: ArrayLike, *, test_to_train: float | None = None
) -> PairedTest:
    """Corrected resampled t-test (Nadeau & Bengio 2003, Machine Learning 52, 239).

    Folds share training data, so their figures are not independent, and the
    ordinary t-test finds differences that are none. The variance of the mean is
    multiplied by (1/k + n_test/n_train) in place of 1/k.

    Parameters
    ----------
    first, second : array_like, shape (k,)
        A figure of each detector on the same k folds, at least two.
    test_to_train : float, optional
        Size of a test fold over the size of its training part; that of k-fold
        cross-validation, 1 / (k - 1), where not given.

    Raises
    ------
    ValueError
        The lengths differ, there are fewer than two folds, or a value is not
        finite.
    """
    from scipy.stats import t as student

    differences = _differences(first, second)
    folds = len(differences)
    if folds < 2:
        raise ValueError(f"a test over folds needs at least two, got {folds}")
    ratio = 1.0 / (folds - 1) if test_to_train is None else test_to_train
    mean = float(differences.mean())
    spread = float(np.sqrt((1.0 / folds + ratio) * differences.var(ddof=1)))
    if spread == 0.0:
        return PairedTest(mean, 0.0 if mean == 0.0 else np.inf, 1.0 if mean == 0.0 else 0.0, folds)
    statistic = mean / spread
    p_value = 2.0 * float(student.sf(abs(statistic), df=folds - 1))
    return PairedTest(mean, statistic, p_value, folds)


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


def _differences(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise ValueError(f"a paired test needs two lists of one length, got {a.shape}, {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a paired test needs finite values")
    return np.asarray(b - a)
