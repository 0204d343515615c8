"""The classifier's crop again, from the picture that the store keeps of a sighting.

The store keeps a square around the box for people: wider than what the
classifier sees, at most 256 pixels, and black outside the frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_runtime.crops import cut_square
from edge_runtime.preview import CROP_SIDE_PER_BOX, square_around
from edge_runtime.sighting import BoxXyxy


def cut_recorded(
    recorded: NDArray[np.uint8],
    box_xyxy_px: BoxXyxy,
    multiple: float,
    size_px: int,
    fill: int,
) -> NDArray[np.uint8]:
    """Cut what the classifier saw out of a recorded crop.

    The same pixels as `edge_runtime.crops.crop_square` gives on the frame, to
    rounding by one pixel; where the record was shrunk, as sharp as it is.

    Parameters
    ----------
    recorded : ndarray, shape (R, R, 3), uint8, RGB
        From `edge_runtime.preview.square_crop` with its default side.
    box_xyxy_px : tuple of float
        The sighting's box, in pixels of its frame.
    multiple : float
        Crop multiple of the bundle.
    size_px : int
        Side of the result; the classifier's input, or larger to look at.
    fill : int
        Level of empty sky, 0 to 255, outside the frame.

    Returns
    -------
    ndarray, shape (size_px, size_px, 3), uint8, RGB
    """
    left, top, right, bottom = box_xyxy_px
    x0, y0, side = square_around(box_xyxy_px, CROP_SIDE_PER_BOX)
    scale = recorded.shape[0] / side
    return cut_square(
        _with_sky_outside(recorded, fill),
        (0.5 * (left + right) - x0) * scale,
        (0.5 * (top + bottom) - y0) * scale,
        max(1.0, multiple * max(right - left, bottom - top)) * scale,
        size_px,
        fill,
    )


def _with_sky_outside(recorded: NDArray[np.uint8], fill: int) -> NDArray[np.uint8]:
    """Fill the wholly black rows and columns at the borders: they are outside the frame."""
    light = recorded.max(axis=2) > 0
    rows, columns = np.flatnonzero(light.any(axis=1)), np.flatnonzero(light.any(axis=0))
    if rows.size == 0:
        return recorded
    filled = np.full_like(recorded, fill)
    inside = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    filled[inside] = recorded[inside]
    return filled
