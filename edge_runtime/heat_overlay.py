"""Signed maps drawn over pictures, for people with any colour vision."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Amber and blue are told apart with every kind of colour vision (Okabe and Ito
# 2008) and, one light and one dark, without any, as under the red light.
AMBER_RGB = np.array((255, 190, 60), dtype=np.float32)
BLUE_RGB = np.array((50, 110, 235), dtype=np.float32)
_OPACITY = 0.8


def draw_heat(
    picture: NDArray[np.uint8], values: NDArray[np.float32], full_scale: float
) -> NDArray[np.uint8]:
    """Lay a map over a picture: amber where it is above 0, blue where it is below.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8, RGB
        It is not changed.
    values : ndarray, shape (h, w), float32
        The map, from the same place; enlarged to the picture.
    full_scale : float
        Value, above 0, that is drawn with full strength; 0 is not drawn.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8, RGB
    """
    if not full_scale > 0.0:
        raise ValueError(f"full_scale must be above 0, got {full_scale}")
    height, width = picture.shape[:2]
    strength = np.clip(np.nan_to_num(values) / full_scale, -1.0, 1.0).astype(np.float32)
    large = np.clip(cv2.resize(strength, (width, height), interpolation=cv2.INTER_CUBIC), -1, 1)
    opacity = _OPACITY * np.abs(large)[:, :, None]
    colour = np.where(large[:, :, None] > 0, AMBER_RGB, BLUE_RGB)
    # the light of the picture stays visible through the colour
    mixed = picture * (1.0 - opacity) + (0.25 * picture + 0.75 * colour) * opacity
    return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)
