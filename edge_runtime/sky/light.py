"""Shared pieces of the artefacts: colours, brightness scale, adding light."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_runtime.sky.colour import rgb_from_b_v
from edge_runtime.sky.optics import Image

Rng = np.random.Generator


def background_noise(image: Image) -> float:
    """Return the standard deviation of the background of an image.

    Measured from differences of neighbouring pixels by the median absolute
    deviation, so that neither gradients nor stars count.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, 3), float32

    Returns
    -------
    float
        In the image's units; a thousandth of the brightest pixel, or 1, for an
        image without noise.
    """
    plane = image if image.ndim == 2 else image[..., image.shape[2] // 2]
    step = max(1, plane.shape[0] // 256)
    difference = np.diff(plane[::step], axis=1)
    sigma = 1.4826 * float(np.median(np.abs(difference))) / math.sqrt(2.0)
    return sigma if sigma > 0.0 else (float(plane.max()) * 1e-3 or 1.0)


def star_b_v(rng: Rng, count: int) -> NDArray[np.float32]:
    """Draw colour indices of field stars, shape (count,), mostly 0.4 to 1.2."""
    kind = rng.random(count)
    colour = np.where(kind < 0.55, rng.normal(0.62, 0.15, count), rng.normal(1.05, 0.25, count))
    colour = np.where(kind > 0.92, rng.normal(0.1, 0.2, count), colour)
    return colour.clip(-0.3, 1.8).astype(np.float32)


def tint(image: Image, b_v: ArrayLike) -> NDArray[np.float32]:
    """Return channel weights of a colour index, shape (..., planes of the image)."""
    rgb = rgb_from_b_v(b_v)
    return rgb if image.ndim == 3 else rgb[..., 1:2]


def add_light(image: Image, light: Image, colour: NDArray[np.float32]) -> Image:
    """Add light of shape (H, W) to an image in place, in a colour of shape (planes,)."""
    image += light if image.ndim == 2 else light[..., None] * colour
    return image


def noise_level(image: Image, noise: float | None) -> float:
    """Return the noise given, else the one measured in the image."""
    return background_noise(image) if noise is None else noise


def offsets(
    height: int, width: int, x: float, y: float, *, left: int = 0, top: int = 0
) -> tuple[Image, Image]:
    """Distances to a point, in pixels, of a raster's columns (1, W) and rows (H, 1).

    Parameters
    ----------
    height, width : int
        Of the raster.
    x, y : float
        The point.
    left, top : int
        Where the raster begins in the picture that the point is in.
    """
    dx = np.arange(left, left + width, dtype=np.float32)[None, :] - np.float32(x)
    dy = np.arange(top, top + height, dtype=np.float32)[:, None] - np.float32(y)
    return dx, dy


def turned(dx: Image, dy: Image, angle: float, squash: float = 1.0) -> tuple[Image, Image]:
    """Distances along a direction and across it, the latter divided by ``squash``.

    Parameters
    ----------
    dx, dy : ndarray, float32
        As `offsets` gives them.
    angle : float
        Radians from right through down.
    squash : float
        Ratio of an ellipse's axes.

    Returns
    -------
    along, across : ndarray, shape (H, W), float32
    """
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    across = np.asarray((dy * cos - dx * sin) / np.float32(squash), dtype=np.float32)
    return np.asarray(dx * cos + dy * sin, dtype=np.float32), across
