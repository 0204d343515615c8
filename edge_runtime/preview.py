"""Small pictures for people: shrunk frames and crops around a galaxy."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.sighting import BoxXyxy

CROP_SIDE_PER_BOX = 1.5


def fit_within(picture: NDArray[np.uint8], longest_side_px: int) -> NDArray[np.uint8]:
    """Shrink a picture to at most ``longest_side_px`` pixels on its longer side.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8, RGB
    longest_side_px : int
        At least 1.

    Returns
    -------
    ndarray, shape (h, w, 3), uint8, RGB
        The picture itself where it is small enough.
    """
    height, width = picture.shape[:2]
    scale = longest_side_px / max(height, width)
    if scale >= 1.0:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def square_crop(
    picture: NDArray[np.uint8],
    box_xyxy_px: BoxXyxy,
    side_per_box: float = CROP_SIDE_PER_BOX,
    longest_side_px: int = 256,
) -> NDArray[np.uint8]:
    """Cut a square around a galaxy, for a person to look at.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8, RGB
    box_xyxy_px : tuple of float
        Box in pixels of ``picture``.
    side_per_box : float
        Side of the square over the longer side of the box.
    longest_side_px : int
        Larger squares are shrunk to this.

    Returns
    -------
    ndarray, shape (S, S, 3), uint8, RGB
        Black where the square reaches outside the frame.
    """
    height, width = picture.shape[:2]
    x0, y0, side = square_around(box_xyxy_px, side_per_box, 2 * max(height, width))
    crop = np.zeros((side, side, 3), dtype=np.uint8)
    columns = slice(max(0, x0), max(0, min(width, x0 + side)))
    rows = slice(max(0, y0), max(0, min(height, y0 + side)))
    part = picture[rows, columns]
    if part.size:
        y, x = rows.start - y0, columns.start - x0
        crop[y : y + part.shape[0], x : x + part.shape[1]] = part
    return fit_within(crop, longest_side_px)


def square_around(
    box_xyxy_px: BoxXyxy, side_per_box: float, most_px: int | None = None
) -> tuple[int, int, int]:
    """Left, top and side, in pixels, of the square that `square_crop` cuts."""
    left, top, right, bottom = box_xyxy_px
    side = max(8, round(max(right - left, bottom - top) * side_per_box))
    side = side if most_px is None else min(side, most_px)
    return round((left + right - side) / 2.0), round((top + bottom - side) / 2.0), side


def encode_picture(picture: NDArray[np.uint8], suffix: str, jpeg_quality: int = 88) -> bytes:
    """Encode a picture as a file.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8, RGB
    suffix : {".png", ".jpg"}
        Format of the file.
    jpeg_quality : int
        1 to 100, for ``".jpg"``.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        OpenCV cannot encode the picture.
    """
    options: list[int] = []
    if suffix == ".jpg":
        # Full colour resolution, or thin coloured lines turn grey.
        full = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, full]
    done, data = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded as {suffix}")
    return bytes(data)
