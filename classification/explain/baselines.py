"""What a crop looks like with its galaxy taken away, wholly or in patches."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.sky_border import border_pixels
from classification.explain.networks import Crops
from edge_runtime.errors import ConfigError

BLACK = "black"
BLURRED = "blurred"
GREY = "grey"
SKY = "sky"
BASELINES = (SKY, BLURRED, BLACK, GREY)
"""Names that ``baseline_picture`` knows."""

BLUR_OF_SIDE = 0.15
"""Standard deviation of the blur, of the crop's side: no arm or bar is left."""

_GREY_LEVEL = 127.5
_CLIPPED_AT = 2.5  # standard deviations
_ROUNDS = 8


def sky_level(crop: Crops) -> NDArray[np.float32]:
    """Level of the sky in a crop, without its noise.

    The median of the pixels at the border, those of stars and of a galaxy that reaches
    there clipped away: 2.5 standard deviations, again and again until nothing changes.

    Parameters
    ----------
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255

    Returns
    -------
    ndarray, shape (3,), float32
    """
    border = border_pixels(np.asarray(crop, np.float32))
    kept = np.ones(len(border), dtype=bool)
    for _ in range(_ROUNDS):
        middle = np.median(border[kept], axis=0)
        # the spread of the lower half, which nothing bright widens
        spread = np.sqrt(np.mean(np.minimum(border[kept] - middle, 0) ** 2, axis=0) * 2) + 0.5
        clipped = (np.abs(border - middle) <= _CLIPPED_AT * spread).all(axis=1)
        if not clipped.any() or (clipped == kept).all():
            break
        kept = clipped
    return np.median(border[kept], axis=0).astype(np.float32)


def baseline_picture(crop: Crops, kind: str) -> NDArray[np.float32]:
    """A picture that says nothing, to begin from or to fill with.

    Parameters
    ----------
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255
    kind : str
        ``sky``: the crop's own sky level everywhere, without noise. ``blurred``: the
        crop blurred until no shape is left. ``black``: 0. ``grey``: 127.5.

    Returns
    -------
    ndarray, shape (S, S, 3), float32, 0 to 255

    Raises
    ------
    ConfigError
        The kind is unknown.
    """
    pixels = np.asarray(crop, np.float32)
    if kind == SKY:
        return np.broadcast_to(sky_level(crop), pixels.shape).copy()
    if kind == BLURRED:
        sigma = BLUR_OF_SIDE * pixels.shape[0]
        blurred = cv2.GaussianBlur(pixels, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        return np.asarray(blurred, np.float32)
    if kind in (BLACK, GREY):
        return np.full_like(pixels, 0.0 if kind == BLACK else _GREY_LEVEL)
    raise ConfigError(f"unknown baseline {kind!r}; known: {', '.join(BASELINES)}")


def cover_picture(crop: Crops, kind: str) -> Crops:
    """Same as ``baseline_picture`` in the dtype of the crop, to cover parts of it."""
    cover = baseline_picture(crop, kind)
    return np.rint(cover).astype(np.uint8) if crop.dtype == np.uint8 else cover
