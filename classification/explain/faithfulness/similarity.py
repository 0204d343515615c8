"""How alike two maps are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

_SCALE_PERCENTILE = 99.5


def rank_correlation(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    where: NDArray[np.bool_] | None = None,
) -> float:
    """Spearman's rank correlation of two maps; NaN where one of them is the same everywhere.

    Parameters
    ----------
    first, second : ndarray, shape (S, S)
    where : ndarray, shape (S, S), bool, optional
        Pixels to compare.
    """
    if first.shape != second.shape:
        raise ValueError(f"maps of shapes {first.shape} and {second.shape}")
    a = first.ravel() if where is None else first[where]
    b = second.ravel() if where is None else second[where]
    if not a.size or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def structural_similarity(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """SSIM (Wang et al. 2004) of two maps, each on its own scale; NaN where one is constant.

    Parameters
    ----------
    first, second : ndarray, shape (S, S), S at least 7
    """
    from skimage.metrics import structural_similarity as ssim

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(ssim(scaled(first), scaled(second), data_range=2.0))


def scaled(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """A map from -1 to 1: divided by the 99.5th percentile of its absolute values, and cut off.

    Zero stays zero, so that the sign keeps its meaning; a map of zeros stays one.
    """
    magnitude = np.abs(values)
    scale = float(np.percentile(magnitude, _SCALE_PERCENTILE)) or float(magnitude.max())
    if scale == 0.0:
        return np.zeros(values.shape, np.float32)
    return np.clip(values / scale, -1.0, 1.0).astype(np.float32)
