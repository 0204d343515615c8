"""Labels that a network's answers stand in for, wholly or in part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def blended(
    labels: NDArray[np.floating], answers: NDArray[np.floating], share: float
) -> NDArray[np.float32]:
    """Labels mixed with a teacher's answers, which stand alone where no label is known.

    Parameters
    ----------
    labels : ndarray, shape (N, K)
        Rows of NaN where not known.
    answers : ndarray, shape (N, K)
    share : float
        Part of a known label that is replaced, 0 to 1.
    """
    known = ~np.isnan(labels).any(axis=1, keepdims=True)
    return np.where(known, (1 - share) * labels + share * answers, answers).astype(np.float32)
