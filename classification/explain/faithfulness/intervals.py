"""Means over galaxies, with the intervals that hold them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from classification.bootstrap import (
    RESAMPLES,
    Difference,
    Interval,
    Statistic,
    bootstrap_difference,
    bootstrap_interval,
)


def mean_interval(
    values: NDArray[np.floating], *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Mean of one score of each galaxy, and its 95 % interval.

    Parameters
    ----------
    values : ndarray, shape (N,)
        NaN where a galaxy has no such score.
    resamples, seed : int
        Of the galaxies.
    """
    if not np.isfinite(values).any():
        return Interval(None, None, None)
    return bootstrap_interval(mean_of(values), len(values), resamples=resamples, seed=seed)


def mean_difference(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """How far the mean of the second is above that of the first, on the same galaxies.

    Galaxies that lack one of the scores are left out.
    """
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return Difference(None, None, None, None)
    return bootstrap_difference(
        mean_of(first[both]), mean_of(second[both]), int(both.sum()), resamples=resamples, seed=seed
    )


def mean_of(values: NDArray[np.floating]) -> Statistic:
    """The mean of the values that are known, as a function of the galaxies' weights."""
    known = np.isfinite(values).astype(np.float64)
    filled = np.where(known > 0, values, 0.0).astype(np.float64)

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        drawn = weights @ known
        mean = np.full(drawn.shape, np.nan)
        np.divide(weights @ filled, drawn, out=mean, where=drawn > 0)
        return mean

    return statistic
