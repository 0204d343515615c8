"""The border of a picture, where a survey's cut-out shows mostly sky."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BORDER_SHARE = 12  # a twelfth of the shorter side


def border_pixels(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pixels within a twelfth of the picture's edges.

    Parameters
    ----------
    values : ndarray, shape (H, W, C), float32

    Returns
    -------
    ndarray, shape (N, C), float32
    """
    height, width, channels = values.shape
    rim = max(2, min(height, width) // _BORDER_SHARE)
    inner = np.ones((height, width), dtype=bool)
    inner[rim:-rim, rim:-rim] = False
    return values[inner].reshape(-1, channels)
