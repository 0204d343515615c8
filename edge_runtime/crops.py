"""Square crops around galaxies, in the geometry the classifier was trained in.

Galaxy Zoo showed each galaxy in a frame 8.48 Petrosian R90 wide (Willett et
al. 2013, MNRAS 435, 2835); the networks see the central ``CROP_SIDE_R90``. At
the telescope there is no R90, only the detector's box: the crop is the box's
longer side times a multiple that was calibrated on the same survey images and
is recorded in the bundle.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

CROP_SIDE_R90 = 4.1


def crop_square(
    picture: NDArray[np.uint8],
    box_xyxy_px: tuple[float, float, float, float],
    multiple: float,
    size_px: int,
    fill: int,
) -> NDArray[np.uint8]:
    """Cut the square around a box and resize it.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8
    box_xyxy_px : tuple of float
        Left, top, right, bottom in frame pixels.
    multiple : float
        Side of the square in longer sides of the box.
    size_px : int
        Side of the result.
    fill : int
        Level outside the frame, 0 to 255.

    Returns
    -------
    ndarray, shape (size_px, size_px, 3), uint8
    """
    x0, y0, x1, y1 = box_xyxy_px
    side = max(1.0, multiple * max(x1 - x0, y1 - y0))
    return cut_square(picture, 0.5 * (x0 + x1), 0.5 * (y0 + y1), side, size_px, fill)


def cut_square(
    picture: NDArray[np.uint8], x: float, y: float, side: float, size_px: int, fill: int
) -> NDArray[np.uint8]:
    """Square of ``side`` pixels centred on (x, y), resized; see `crop_square`."""
    height, width = picture.shape[:2]
    whole = max(1, round(side))
    left, top = round(x - whole / 2.0), round(y - whole / 2.0)
    x0, y0 = min(max(left, 0), width), min(max(top, 0), height)
    x1, y1 = max(min(left + whole, width), x0), max(min(top + whole, height), y0)
    inside = picture[y0:y1, x0:x1]
    if inside.shape[:2] != (whole, whole):
        padded = np.full((whole, whole, picture.shape[2]), fill, dtype=np.uint8)
        padded[y0 - top : y1 - top, x0 - left : x1 - left] = inside
        inside = padded
    method = cv2.INTER_AREA if whole > size_px else cv2.INTER_CUBIC
    return cv2.resize(inside, (size_px, size_px), interpolation=method)  # type: ignore[return-value]
