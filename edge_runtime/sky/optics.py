"""What a telescope does to light: point spread, vignetting, gradients."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Image = NDArray[np.float32]

MOFFAT_BETA = 3.0
"""Wing exponent of seeing-limited stars (Trujillo et al. 2001, MNRAS 328, 977: 2.5 to 4.8)."""

_SHARED_RADIUS_PX = 9
_PHASES = 8
_OVERSAMPLED_BELOW_FWHM_PX = 2.5


def moffat_alpha(fwhm_px: float, beta: float = MOFFAT_BETA) -> float:
    """Return the core width of a Moffat profile from its full width at half maximum."""
    return fwhm_px / (2.0 * math.sqrt(2.0 ** (1.0 / beta) - 1.0))


def moffat_kernel(fwhm_px: float, radius_px: int, beta: float = MOFFAT_BETA) -> Image:
    """Return a centred Moffat point spread function.

    Parameters
    ----------
    fwhm_px : float
        Full width at half maximum in pixels, > 0.
    radius_px : int
        The kernel has 2 radius_px + 1 pixels a side.
    beta : float
        Wing exponent, > 1.

    Returns
    -------
    ndarray, shape (2 radius_px + 1,) * 2, float32, sum 1
    """
    return _moffat(np.zeros(2), fwhm_px, radius_px, beta, normalise=True)


def _moffat(
    offset_xy: NDArray[np.float64], fwhm_px: float, radius: int, beta: float, normalise: bool
) -> Image:
    """Moffat stamp of unit flux centred at an offset of less than a pixel."""
    fold = 3 if fwhm_px < _OVERSAMPLED_BELOW_FWHM_PX and radius < 30 else 1
    count = (2 * radius + 1) * fold
    axis = (np.arange(count) - (count - 1) / 2.0) / fold
    squared = ((axis - offset_xy[0]) ** 2)[None, :] + ((axis - offset_xy[1]) ** 2)[:, None]
    alpha = moffat_alpha(fwhm_px, beta)
    profile = (1.0 + squared / alpha**2) ** -beta
    profile *= (beta - 1.0) / (math.pi * alpha**2 * fold * fold)
    if fold > 1:
        profile = profile.reshape(count // fold, fold, count // fold, fold).sum(axis=(1, 3))
    if normalise:
        profile /= profile.sum()
    return np.asarray(profile, dtype=np.float32)


def blur(image: Image, fwhm_px: float, beta: float = MOFFAT_BETA) -> Image:
    """Convolve an image with the Moffat point spread function.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, C), float32
        Light before the telescope.
    fwhm_px : float
        Full width at half maximum in pixels; 0 returns the image as it is.
    beta : float
        Wing exponent.

    Returns
    -------
    ndarray, same shape, float32
        Light beyond the edges is taken as dark.
    """
    if fwhm_px <= 0.0:
        return image
    kernel = moffat_kernel(fwhm_px, max(4, math.ceil(3.5 * fwhm_px)), beta)
    blurred = cv2.filter2D(image, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
    # The transform that OpenCV uses leaves tiny negative values.
    return np.asarray(np.maximum(blurred, 0.0, out=blurred), dtype=np.float32)


def add_stars(
    image: Image,
    x_px: ArrayLike,
    y_px: ArrayLike,
    flux: ArrayLike,
    fwhm_px: float,
    *,
    beta: float = MOFFAT_BETA,
    floor: float = 0.2,
) -> Image:
    """Add point sources with Moffat profiles, in place.

    Faint stars are stamped to an eighth of a pixel; a star whose wings show above
    ``floor`` beyond the stamp is drawn on its own, as far out as they show.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, 3), float32
        Modified in place.
    x_px, y_px : array_like, shape (N,)
        Positions, (0, 0) the middle of the top left pixel; may lie outside.
    flux : array_like, shape (N,) or (N, 3)
        Total flux of each star, a channel each for colour images.
    fwhm_px : float
        Full width at half maximum in pixels, > 0.
    beta : float
        Wing exponent.
    floor : float
        Brightness per pixel below which wings need not be drawn, > 0.

    Returns
    -------
    ndarray
        The image.
    """
    x = np.atleast_1d(np.asarray(x_px, dtype=np.float64))
    y = np.atleast_1d(np.asarray(y_px, dtype=np.float64))
    if len(x) == 0:
        return image
    fluxes = np.asarray(flux, dtype=np.float32).reshape(len(x), -1)
    planes = 1 if image.ndim == 2 else image.shape[2]
    fluxes = np.broadcast_to(fluxes, (len(x), planes))
    alpha = moffat_alpha(fwhm_px, beta)
    wing = fluxes.max(axis=1, initial=0.0) * ((beta - 1.0) / (math.pi * alpha**2)) / floor
    reach = alpha * np.sqrt(np.maximum(wing, 1.0) ** (1.0 / beta) - 1.0)
    shared = reach <= _SHARED_RADIUS_PX
    _add_shared(image, x[shared], y[shared], fluxes[shared], fwhm_px, beta)
    longest = max(image.shape[:2])
    for i in np.flatnonzero(~shared):
        _add_one(image, x[i], y[i], fluxes[i], fwhm_px, beta, min(math.ceil(reach[i]), longest))
    return image


def _add_shared(
    image: Image,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    flux: NDArray[np.float32],
    fwhm_px: float,
    beta: float,
) -> None:
    """Draw faint stars from stamps prepared for eighths of a pixel."""
    height, width = image.shape[:2]
    radius = _SHARED_RADIUS_PX
    column, row = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    near = (column >= -radius) & (column < width + radius)
    near &= (row >= -radius) & (row < height + radius)
    phase_x = np.rint((x - column) * _PHASES).astype(np.int64)
    phase_y = np.rint((y - row) * _PHASES).astype(np.int64)
    stamps: dict[tuple[int, int], Image] = {}
    for i in np.flatnonzero(near):
        phase = int(phase_x[i]), int(phase_y[i])
        if phase not in stamps:
            offset = np.array(phase, dtype=np.float64) / _PHASES
            stamps[phase] = _moffat(offset, fwhm_px, radius, beta, normalise=True)
        _paste(image, stamps[phase], int(column[i]), int(row[i]), flux[i])


def _paste(image: Image, stamp: Image, column: int, row: int, flux: NDArray[np.float32]) -> None:
    """Add a square stamp centred at a pixel, as much of it as is inside."""
    height, width = image.shape[:2]
    radius = stamp.shape[0] // 2
    left, right = max(0, column - radius), min(width, column + radius + 1)
    top, bottom = max(0, row - radius), min(height, row + radius + 1)
    if left >= right or top >= bottom:
        return
    stamp = stamp[
        top - row + radius : bottom - row + radius, left - column + radius : right - column + radius
    ]
    patch = image[top:bottom, left:right]
    patch += stamp * flux[0] if image.ndim == 2 else stamp[..., None] * flux


def _add_one(
    image: Image,
    x: float,
    y: float,
    flux: NDArray[np.float32],
    fwhm_px: float,
    beta: float,
    radius: int,
) -> None:
    """Draw one star with its wings."""
    column, row = round(x), round(y)
    stamp = _moffat(np.array([x - column, y - row]), fwhm_px, radius, beta, normalise=False)
    _paste(image, stamp, column, row, flux)


def vignetting(height: int, width: int, corner_loss: float) -> Image:
    """Return the relative illumination of a sensor.

    Parameters
    ----------
    height, width : int
        Size in pixels.
    corner_loss : float
        Light missing in the corners, 0 to 1; the loss grows as the square of the
        distance from the centre at first, and levels off as cos^4 does.

    Returns
    -------
    ndarray, shape (height, width), float32
        1 in the centre, 1 - corner_loss in the corners.
    """
    y = np.linspace(-1.0, 1.0, height, dtype=np.float32)
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)
    aspect = width / height
    squared = (x[None, :] ** 2 * aspect**2 + y[:, None] ** 2) / (1.0 + aspect**2)
    tangent = math.sqrt(max(0.0, (1.0 - corner_loss) ** -0.5 - 1.0)) if corner_loss < 1.0 else 10.0
    return ((1.0 + squared * tangent**2) ** -2.0).astype(np.float32)


def linear_gradient(height: int, width: int, angle_deg: float, strength: float) -> Image:
    """Return a sky brightness that grows in one direction.

    Parameters
    ----------
    height, width : int
        Size in pixels.
    angle_deg : float
        Direction of the brighter sky, from right through up.
    strength : float
        Difference between the brightest and the darkest corner, relative to the
        mean of 1; 0 to 2.

    Returns
    -------
    ndarray, shape (height, width), float32, mean 1
    """
    angle = math.radians(angle_deg)
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32) * (width * math.cos(angle))
    y = np.linspace(0.5, -0.5, height, dtype=np.float32) * (height * math.sin(angle))
    span = abs(width * math.cos(angle)) + abs(height * math.sin(angle))
    ramp = (x[None, :] + y[:, None]) * np.float32(strength / span)
    return np.asarray(1.0 + ramp, dtype=np.float32)
