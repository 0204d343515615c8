"""From a picture with a galaxy in its middle to the pixels a network takes.

The side of the crop is told in pixels of the 424-pixel Galaxy Zoo frame, which
is 8.48 Petrosian R90 wide, so that pictures of different scale show a galaxy at
the same size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import ConfigError

_INTERPOLATIONS = {
    "nearest": cv2.INTER_NEAREST,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}
INTERPOLATIONS = ("auto", *_INTERPOLATIONS)
"""``auto`` averages areas where the crop shrinks and is bicubic where it grows."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Crop about the centre, and scaling; the same in training and in use.

    Attributes
    ----------
    crop_frame_px : float or None
        Side of the crop in pixels of the original Galaxy Zoo frame. None takes
        the largest square about the centre, as do pictures of unknown scale.
    size_px : int
        Side of the square the network takes.
    interpolation : str
        One of ``INTERPOLATIONS``.
    """

    crop_frame_px: float | None
    size_px: int
    interpolation: str = "auto"

    def __post_init__(self) -> None:
        if self.crop_frame_px is not None and not 1 <= self.crop_frame_px <= 10_000:
            raise ConfigError(f"crop_frame_px must be 1 to 10000, not {self.crop_frame_px}")
        if not 1 <= self.size_px <= 10_000:
            raise ConfigError(f"size_px must be 1 to 10000, not {self.size_px}")
        if self.interpolation not in INTERPOLATIONS:
            raise ConfigError(
                f"unknown interpolation {self.interpolation!r}; known: {', '.join(INTERPOLATIONS)}"
            )

    def prepare(
        self, picture: NDArray[np.uint8], frame_scale: float = math.nan
    ) -> NDArray[np.uint8]:
        """Crop and scale one picture.

        Parameters
        ----------
        picture : ndarray, shape (H, W, 3), uint8
            The galaxy in its centre.
        frame_scale : float
            Pixels of the picture per pixel of the Galaxy Zoo frame; NaN where
            not known.

        Returns
        -------
        ndarray, shape (size_px, size_px, 3), uint8
            Where the crop is wider than the picture, its edge is mirrored.
        """
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(f"a picture is (H, W, 3) uint8, not {picture.shape} {picture.dtype}")
        side = min(picture.shape[:2])
        if self.crop_frame_px is not None and math.isfinite(frame_scale):
            side = max(1, round(self.crop_frame_px * float(frame_scale)))
        crop = _centre_square(picture, side)
        if side == self.size_px:
            return np.ascontiguousarray(crop)
        if self.interpolation == "auto":
            how = cv2.INTER_AREA if side > self.size_px else cv2.INTER_CUBIC
        else:
            how = _INTERPOLATIONS[self.interpolation]
        resized = cv2.resize(crop, (self.size_px, self.size_px), interpolation=how)
        return np.asarray(resized, dtype=np.uint8)


def _centre_square(picture: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    pad = max(0, math.ceil((side_px - min(height, width)) / 2))
    if pad:
        # a picture much smaller than the crop is mirrored again and again
        reach = min(height, width) - 1
        border = cv2.BORDER_REFLECT_101 if pad <= reach else cv2.BORDER_REFLECT
        padded = cv2.copyMakeBorder(picture, pad, pad, pad, pad, border)
        picture = np.asarray(padded, dtype=np.uint8)
        height, width = picture.shape[:2]
    top, left = (height - side_px) // 2, (width - side_px) // 2
    return picture[top : top + side_px, left : left + side_px]
