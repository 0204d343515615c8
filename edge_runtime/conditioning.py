"""From raw pixels to the 8-bit picture the networks were trained on.

Three steps, the same at the telescope and in training:

1. colour: a Bayer mosaic is interpolated, monochrome is repeated;
2. background: a second-order surface per channel, fitted to the medians of a
   grid of cells with the cells that hold light rejected, is subtracted;
3. stretch: black is put ``shadow_sigma`` noise deviations below the sky and a
   midtones transfer function brings the sky to ``sky_level``. The function
   m(x) = (b - 1) x / ((2 b - 1) x - b) and its use for an automatic stretch
   follow the PixInsight reference documentation (ScreenTransferFunction).

A linear 16-bit exposure and a JPEG that somebody has already stretched come
out alike: the noisier the sky, the closer the function is to the identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import FrameError
from edge_runtime.frame import Frame

Planes = NDArray[np.uint8] | NDArray[np.uint16]

_BAYER_CODES = {
    "RGGB": cv2.COLOR_BayerRGGB2RGB,
    "BGGR": cv2.COLOR_BayerBGGR2RGB,
    "GRBG": cv2.COLOR_BayerGRBG2RGB,
    "GBRG": cv2.COLOR_BayerGBRG2RGB,
}
_MAD_TO_SIGMA = 1.4826  # of a normal distribution
_CELL_SAMPLES = 9  # a cell's median comes from at most 9 x 9 of its pixels
_RANGE_SAMPLES = 1 << 20  # pixels looked at for the range of a float frame


@dataclass(frozen=True, slots=True)
class ConditioningParams:
    """Look of a conditioned picture; recorded in the bundle.

    Attributes
    ----------
    sky_level : float
        Level of the sky in the result, as a fraction of 255.
    shadow_sigma : float
        Distance of black below the sky in noise deviations.
    noise_floor : float
        Smallest noise deviation assumed, as a fraction of the range after
        which the stretch would only amplify quantisation (8-bit pictures).
    background_grid : int
        Cells along the longer side for the background fit.
    """

    sky_level: float = 0.08
    shadow_sigma: float = 2.8
    noise_floor: float = 0.006
    background_grid: int = 16


@dataclass(frozen=True, slots=True)
class Background:
    """Sky of a frame in units of its pixel range (0 to 1).

    Attributes
    ----------
    coefficients : ndarray, shape (C, 6)
        Of 1, x, y, x^2, xy, y^2 with x and y from -1 to 1 across the frame.
    sigma : float
        Noise deviation about the surface, mean over the channels.
    """

    coefficients: NDArray[np.float64]
    sigma: float

    def surface(self, height: int, width: int) -> NDArray[np.float32]:
        """Sky on a (height, width) raster, shape (height, width, C)."""
        terms = _polynomial_terms(
            np.linspace(-1.0, 1.0, width)[None, :], np.linspace(-1.0, 1.0, height)[:, None]
        )
        return np.asarray(np.tensordot(terms, self.coefficients, axes=([0], [1])), dtype=np.float32)


def condition(frame: Frame, params: ConditioningParams | None = None) -> NDArray[np.uint8]:
    """Bring a frame to the look the networks were trained on.

    Parameters
    ----------
    frame : Frame
        Raw exposure of any supported dtype.
    params : ConditioningParams, optional
        Look to bring it to.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8, RGB

    Raises
    ------
    FrameError
        The frame holds no finite pixel.
    """
    planes = to_planes(frame)
    return condition_planes(planes, params or ConditioningParams())


def to_planes(frame: Frame) -> Planes:
    """Integer planes of a frame, debayered: (H, W) or (H, W, 3), uint8 or uint16."""
    pixels: Any = frame.pixels
    if pixels.dtype == np.float32:
        pixels = _to_uint16(pixels, frame.name or f"{frame.camera} frame {frame.sequence}")
    if frame.bayer is not None:
        pixels = cv2.cvtColor(pixels, _BAYER_CODES[frame.bayer])
    return cast(Planes, pixels)


def condition_planes(planes: Planes, params: ConditioningParams) -> NDArray[np.uint8]:
    """Background and stretch of integer planes, see `condition`."""
    if planes.ndim == 2:
        planes = planes[:, :, None]
    background = estimate_background(planes, params)
    flat, pedestal = _subtract(planes, background, params)
    levels = int(np.iinfo(planes.dtype).max) + 1
    lut = stretch_lut(background.sigma, params, levels, pedestal)
    stretched: Any = _look_up(flat, lut)
    if stretched.ndim == 2 or stretched.shape[2] == 1:
        stretched = cv2.cvtColor(stretched, cv2.COLOR_GRAY2RGB)
    return cast(NDArray[np.uint8], stretched)


def estimate_background(planes: Planes, params: ConditioningParams) -> Background:
    """Fit the sky of integer planes.

    Cells brighter than the surface by more than 1.5 deviations are left out
    and the fit repeated, so that galaxies and nebulae do not pull it up. Cells
    that are mostly exactly zero (the border a rotation left) do not count,
    unless most of the frame is like that.

    Parameters
    ----------
    planes : ndarray, shape (H, W, C), uint8 or uint16

    Returns
    -------
    Background
    """
    full_scale = float(np.iinfo(planes.dtype).max)
    samples = _cell_samples(planes, params.background_grid)
    rows, columns, count, channels = samples.shape
    cells = samples.reshape(rows * columns, count, channels)
    level = np.asarray(np.median(cells, axis=1) / full_scale, dtype=np.float64)
    empty = np.median(cells.max(axis=2), axis=1) == 0
    valid = ~empty if empty.mean() < 0.7 else np.ones(len(cells), dtype=bool)
    y, x = np.meshgrid(_cell_centres(rows), _cell_centres(columns), indexing="ij")
    terms = _polynomial_terms(x.ravel(), y.ravel()).T
    coefficients = np.stack([_fit_clipped(terms, level[:, c], valid) for c in range(channels)])
    residual = cells / full_scale - (terms @ coefficients.T)[:, None, :]
    deviations = np.median(np.abs(residual[valid]), axis=1)
    # the lower half of the cells: those with the fewest stars and least light
    sigma = _MAD_TO_SIGMA * float(np.percentile(deviations, 35.0))
    return Background(coefficients, sigma)


def stretch_lut(
    sigma: float, params: ConditioningParams, levels: int, pedestal: int
) -> NDArray[np.uint8]:
    """Table from sky-subtracted counts (plus ``pedestal``) to 8 bits.

    Parameters
    ----------
    sigma : float
        Noise deviation as a fraction of the range.
    levels : int
        Number of input levels, 256 or 65536.
    pedestal : int
        Input level of the sky.

    Returns
    -------
    ndarray, shape (levels,), uint8
    """
    noise = max(sigma, params.noise_floor if levels == 256 else params.noise_floor / 256)
    shadow = params.shadow_sigma * noise
    x = (np.arange(levels) - pedestal) / (levels - 1) + shadow
    x = np.clip(x / (1.0 + shadow), 0.0, 1.0)
    at_sky = shadow / (1.0 + shadow)
    balance = _midtones_balance(at_sky, params.sky_level)
    y = (balance - 1.0) * x / ((2.0 * balance - 1.0) * x - balance)
    return np.asarray(np.round(255.0 * y), dtype=np.uint8)


def _midtones_balance(x: float, y: float) -> float:
    """Balance b for which the midtones function maps x to y."""
    return x * (1.0 - y) / (x * (1.0 - y) + y * (1.0 - x))


def _subtract(
    planes: Planes,
    background: Background,
    params: ConditioningParams,
) -> tuple[Planes, int]:
    height, width = planes.shape[:2]
    full_scale = int(np.iinfo(planes.dtype).max)
    noise = max(background.sigma, params.noise_floor if full_scale == 255 else 0.0)
    pedestal = int(np.ceil(params.shadow_sigma * noise * full_scale)) + 1
    # the surface is smooth: a small raster, enlarged, is the same to 1e-3 levels
    small = background.surface(max(height // 16, 2), max(width // 16, 2)) * full_scale - pedestal
    large: Any = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    code = cv2.CV_8U if full_scale == 255 else cv2.CV_16U
    flat: Any = cv2.subtract(planes.reshape(large.shape), large, dtype=code)  # rounds, saturates
    return cast(Planes, flat.reshape(planes.shape)), pedestal


def _look_up(planes: Planes, table: NDArray[np.uint8]) -> Any:
    try:
        return cv2.LUT(planes, table)
    except cv2.error:  # OpenCV 4 has no tables for 16 bits
        return table[planes]


def _to_uint16(pixels: NDArray[np.generic], where: str) -> NDArray[np.uint16]:
    """Scale finite float pixels to 16 bits between their robust extremes."""
    values = np.asarray(pixels, dtype=np.float32)
    stride = max(1, int(np.sqrt(values.size / _RANGE_SAMPLES)))
    sample = values[::stride, ::stride]
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        raise FrameError(f"{where}: no finite pixel; check the file or the camera's driver")
    low, high = np.percentile(sample, [0.05, 99.98])
    if not high > low:
        low, high = float(sample.min()), float(sample.max())
    span = float(high - low) or 1.0
    # leave room below for the noise that the percentile cut off
    scaled = (values - (low - 0.02 * span)) * (65535.0 / (1.04 * span))
    return np.asarray(np.nan_to_num(np.clip(scaled, 0.0, 65535.0), nan=0.0), dtype=np.uint16)


def _cell_samples(planes: Planes, grid: int) -> NDArray[np.float32]:
    """Pixels sampled from each cell, shape (rows, columns, samples, C)."""
    height, width, channels = planes.shape
    cell = max(1, int(np.ceil(max(height, width) / grid)))
    rows, columns = max(1, height // cell), max(1, width // cell)
    per_side = min(cell, _CELL_SAMPLES, height, width)
    inside = (np.arange(per_side) + 0.5) / per_side
    y = ((np.arange(rows)[:, None] + inside) * (height / rows)).astype(int).ravel()
    x = ((np.arange(columns)[:, None] + inside) * (width / columns)).astype(int).ravel()
    picked = planes[np.ix_(y, x)].reshape(rows, per_side, columns, per_side, channels)
    return (
        picked.transpose(0, 2, 1, 3, 4)
        .reshape(rows, columns, per_side * per_side, channels)
        .astype(np.float32)
    )


def _cell_centres(count: int) -> NDArray[np.float64]:
    return (np.arange(count) + 0.5) / count * 2.0 - 1.0


def _polynomial_terms(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = np.broadcast_arrays(x, y)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])


def _fit_clipped(
    terms: NDArray[np.float64], level: NDArray[np.float64], valid: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Least squares that rejects cells above the surface, as an array of 6."""
    flat: NDArray[np.float64] = np.zeros(6)
    flat[0] = float(np.percentile(level[valid], 35.0))
    keep = valid & (level <= np.percentile(level[valid], 70.0))
    coefficients: NDArray[np.float64] = flat
    for _ in range(4):
        if keep.sum() < 24:
            # too little sky left for a surface: a constant is the safe answer
            return flat
        coefficients = np.asarray(np.linalg.lstsq(terms[keep], level[keep], rcond=None)[0])
        residual = level - terms @ coefficients
        spread = _MAD_TO_SIGMA * float(np.median(np.abs(residual[keep]))) + 1e-5
        keep = valid & (residual < 1.5 * spread) & (residual > -4.0 * spread)
    return np.asarray(coefficients)
