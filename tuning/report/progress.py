"""How the best objective of a search grew with its trials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def best_so_far(objectives: Sequence[float | None]) -> NDArray[np.float64]:
    """Best objective after each trial.

    Parameters
    ----------
    objectives : sequence of float or None
        In the order of the trials; None of failed ones.

    Returns
    -------
    ndarray, shape (N,), float64
        NaN until a trial has finished.
    """
    values = np.array([np.nan if each is None else each for each in objectives], np.float64)
    if not len(values):
        return values
    best = np.maximum.accumulate(np.where(np.isnan(values), -np.inf, values))
    return np.where(np.isinf(best), np.nan, best)
