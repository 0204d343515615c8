"""The classifier's crop again, from the picture that the store keeps of a sighting.

The store keeps a square around the box for people: wider than what the
classifier sees, at most 256 pixels, and black outside the frame.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.crops import cut_square
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.preview import CROP_SIDE_PER_BOX, square_around
from edge_runtime.sighting import BoxXyxy


class RecordedCrop:
    """A recorded picture and where the box is in it.

    Parameters
    ----------
    recorded : ndarray, shape (R, R, 3), uint8, RGB
        From `edge_runtime.preview.square_crop` with its default side.
    box_xyxy_px : tuple of float
        The sighting's box, in pixels of its frame.
    fill : int
        Level of empty sky, 0 to 255, for what lies outside the frame.

    Attributes
    ----------
    picture : ndarray, shape (R, R, 3), uint8, RGB
        With sky outside the frame.
    box_xyxy_px : tuple of float
    scale : float
        Pixels of the picture per pixel of the frame, at most 1.
    centre_px : tuple of float
        x and y of the box's centre in the picture.
    """

    def __init__(self, recorded: NDArray[np.uint8], box_xyxy_px: BoxXyxy, fill: int) -> None:
        left, top, right, bottom = box_xyxy_px
        x0, y0, side = square_around(box_xyxy_px, CROP_SIDE_PER_BOX)
        self.picture = _with_sky_outside(recorded, fill)
        self.box_xyxy_px = box_xyxy_px
        self.scale = float(recorded.shape[0]) / side
        self.centre_px = (
            (0.5 * (left + right) - x0) * self.scale,
            (0.5 * (top + bottom) - y0) * self.scale,
        )
        self._fill = fill

    def side_px(self, multiple: float) -> float:
        """Side, in pixels of the picture, of a square ``multiple`` times the box's longer side."""
        left, top, right, bottom = self.box_xyxy_px
        return max(1.0, multiple * max(right - left, bottom - top)) * self.scale

    def cut(self, multiple: float, size_px: int) -> NDArray[np.uint8]:
        """Cut what the classifier saw.

        The same pixels as `edge_runtime.crops.crop_square` gives on the frame,
        to rounding by one pixel; where the record was shrunk, as sharp as it is.

        Parameters
        ----------
        multiple : float
            Crop multiple of the bundle.
        size_px : int
            Side of the result; the classifier's input, or larger to look at.

        Returns
        -------
        ndarray, shape (size_px, size_px, 3), uint8, RGB
        """
        x, y = self.centre_px
        return cut_square(self.picture, x, y, self.side_px(multiple), size_px, self._fill)


def decode_crop(content: bytes) -> NDArray[np.uint8]:
    """The picture of a crop's file, shape (H, W, 3), RGB.

    Raises
    ------
    GalaxyEdgeError
        The file is damaged.
    """
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if picture is None:
        raise GalaxyEdgeError("the recorded picture of this sighting is damaged")
    return np.ascontiguousarray(picture[:, :, ::-1], dtype=np.uint8)


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
