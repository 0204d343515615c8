"""Drawing galaxies: Sersic bulge, exponential disc, bar, logarithmic arms, dust."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.sky.colour import rgb_from_b_v
from edge_runtime.sky.morphology import GalaxyModel, model_for_type, random_galaxy

__all__ = ["GalaxyModel", "model_for_type", "random_galaxy", "render_galaxy"]

EXTENT = 1.7
"""Radius at which the drawn light ends, in semi-major axes."""

_TAPER_START = 1.2
_ARM_B_V_BLUER = 0.22
_EXTINCTION_RGB = np.array([0.75, 1.0, 1.33], dtype=np.float32)
_COARSE_SIDE = 192
_STRIP_SAMPLES = 100_000
_OVERSAMPLED_BELOW_PX = 20.0

Grid = NDArray[np.float32]


def render_galaxy(
    model: GalaxyModel,
    radius_px: float,
    flux: float = 1.0,
    position_angle_deg: float = 0.0,
    size_hw: tuple[int, int] | None = None,
    centre_xy_px: tuple[float, float] | None = None,
) -> NDArray[np.float32]:
    """Draw a galaxy, without PSF or noise.

    Parameters
    ----------
    model : GalaxyModel
        Shape and colours.
    radius_px : float
        Semi-major axis of its 25 mag/arcsec^2 isophote in pixels, > 0.
    flux : float
        Total of the green channel over the whole galaxy, also where part of it
        lies outside the picture; red and blue follow from its colours.
    position_angle_deg : float
        Angle of the major axis from up (north) to the left (east).
    size_hw : (int, int), optional
        Height and width of the picture; a square that holds the whole galaxy
        where not given.
    centre_xy_px : (float, float), optional
        Centre of light, in pixels, (0, 0) the middle of the top left pixel; the
        middle of the picture where not given. May lie outside.

    Returns
    -------
    ndarray, shape (H, W, 3), float32
        Red, green, blue flux per pixel; zero beyond 1.7 semi-major axes.

    Raises
    ------
    ValueError
        ``radius_px`` is not positive.
    """
    if not radius_px > 0.0:
        raise ValueError(f"radius_px is {radius_px}; it must be positive")
    reach = math.ceil(EXTENT * radius_px) + 1
    height, width = size_hw or (2 * reach + 1, 2 * reach + 1)
    centre_x, centre_y = centre_xy_px or ((width - 1) / 2.0, (height - 1) / 2.0)
    picture = np.zeros((height, width, 3), dtype=np.float32)
    left, right = max(0, math.floor(centre_x) - reach), min(width, math.ceil(centre_x) + reach + 1)
    top, bottom = max(0, math.floor(centre_y) - reach), min(height, math.ceil(centre_y) + reach + 1)
    if left >= right or top >= bottom:
        return picture

    fold = 3 if radius_px < _OVERSAMPLED_BELOW_PX else 1
    x = _samples(left, right, fold) - centre_x
    y = _samples(top, bottom, fold) - centre_y
    softening = 0.35 / (fold * radius_px)
    part = picture[top:bottom, left:right]
    # A band of rows at a time: less memory, and faster.
    rows = max(1, _STRIP_SAMPLES // (len(x) * fold))
    for row in range(0, bottom - top, rows):
        band = y[row * fold : (row + rows) * fold]
        light = _brightness(model, x, band, radius_px, position_angle_deg, softening)
        if fold > 1:
            light = light.reshape(-1, fold, right - left, fold, 3).sum(axis=(1, 3))
        part[row : row + rows] = light

    whole = right - left >= 2 * reach and bottom - top >= 2 * reach
    x, y = x[fold // 2 :: fold], y[fold // 2 :: fold]
    if whole:
        total, slope = _balance(part[..., 1], x, y)
    else:
        step = 2.0 * reach / _COARSE_SIDE
        axis = (np.arange(_COARSE_SIDE, dtype=np.float32) - (_COARSE_SIDE - 1) / 2.0) * step
        coarse = _brightness(model, axis, axis, radius_px, position_angle_deg, softening)
        total, slope = _balance(coarse[..., 1], axis, axis)
        total *= step * step * fold * fold
    for row in range(0, bottom - top, rows):
        band = y[row : row + rows]
        tilt = (1.0 - slope[0] * x[None, :] - slope[1] * band[:, None]).clip(0.2, 1.8)
        part[row : row + rows] *= (tilt * (flux / total)).astype(np.float32)[..., None]
    return picture


def _samples(start: int, stop: int, fold: int) -> Grid:
    """Return the middles of ``fold`` samples in each pixel from start to stop."""
    return (
        np.arange(start * fold, stop * fold, dtype=np.float32) - np.float32((fold - 1) / 2.0)
    ) / np.float32(fold)


def _balance(light: Grid, x: Grid, y: Grid) -> tuple[float, tuple[float, float]]:
    """Return the total and the linear tilt that moves the centre of light to 0, 0."""
    total = float(light.sum(dtype=np.float64))
    by_x, by_y = light.sum(axis=0, dtype=np.float64), light.sum(axis=1, dtype=np.float64)
    mean_x, mean_y = float(by_x @ x) / total, float(by_y @ y) / total
    xx, yy = float(by_x @ (x * x)) / total, float(by_y @ (y * y)) / total
    xy = float(y @ (light @ x)) / total
    determinant = xx * yy - xy * xy
    if determinant <= 0.0:
        return total, (0.0, 0.0)
    slope_x = (mean_x * yy - mean_y * xy) / determinant
    slope_y = (mean_y * xx - mean_x * xy) / determinant
    return total * (1.0 - slope_x * mean_x - slope_y * mean_y), (slope_x, slope_y)


def _brightness(
    model: GalaxyModel, x: Grid, y: Grid, radius_px: float, angle_deg: float, softening: float
) -> NDArray[np.float32]:
    """Return the surface brightness on the grid x by y, shape (len(y), len(x), 3)."""
    angle = math.radians(angle_deg)
    scale = 1.0 / radius_px
    # North is up (-y) and east is left (-x).
    along = (-math.sin(angle) * scale * x)[None, :] + (-math.cos(angle) * scale * y)[:, None]
    across = (math.cos(angle) * scale * x)[None, :] + (-math.sin(angle) * scale * y)[:, None]
    along, across = along.astype(np.float32), across.astype(np.float32)

    old = model.bulge_fraction * _sersic(
        along, across, model.bulge_axis_ratio, model.bulge_radius, model.bulge_sersic, softening
    )
    red_light = old
    if model.elliptical:
        light = red_light[..., None] * rgb_from_b_v(model.bulge_b_v)
        return light * _taper(np.hypot(along, across / model.axis_ratio))[..., None]

    disc_share = max(0.0, 1.0 - model.bulge_fraction - model.bar_fraction)
    if model.edge_on:
        disc, young, dust = _edge_on_disc(model, along, across)
    else:
        disc, young, dust = _inclined_disc(model, along, across)
    if model.bar_fraction > 0.0:
        red_light = red_light + model.bar_fraction * _bar(model, along, across)
    light = red_light[..., None] * rgb_from_b_v(model.bulge_b_v)
    light += (disc_share * disc)[..., None] * rgb_from_b_v(model.disc_b_v)
    light += (disc_share * young)[..., None] * rgb_from_b_v(model.disc_b_v - _ARM_B_V_BLUER)
    if model.dust_depth > 0.0:
        light *= np.exp(-dust[..., None] * _EXTINCTION_RGB)
    return light * _taper(np.hypot(along, across / max(model.axis_ratio, 0.15)))[..., None]


def _taper(radius: Grid) -> Grid:
    """Fade smoothly from 1 to 0 between the taper's start and the extent."""
    t = ((EXTENT - radius) / (EXTENT - _TAPER_START)).clip(0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)


def _sersic(along: Grid, across: Grid, ratio: float, radius: float, n: float, soft: float) -> Grid:
    """Sersic profile of unit light (Graham & Driver 2005, PASA 22, 118, eqs. 1-4)."""
    b = 2.0 * n - 1.0 / 3.0 + 0.009876 / n
    norm = 2.0 * math.pi * n * math.exp(b) * b ** (-2.0 * n) * math.gamma(2.0 * n)
    norm *= radius * radius * ratio
    squared = (along * along + (across / ratio) ** 2 + soft * soft) / (radius * radius)
    profile = np.exp(-b * (squared ** (0.5 / n) - 1.0)) / norm
    return np.asarray(profile, dtype=np.float32)


def _bar(model: GalaxyModel, along: Grid, across: Grid) -> Grid:
    """A flat-topped elongated bar of unit light in the plane of the disc."""
    ratio = max(model.axis_ratio, 0.15)
    turn = math.radians(model.bar_angle_deg)
    u = along * math.cos(turn) + across / ratio * math.sin(turn)
    v = -along * math.sin(turn) + across / ratio * math.cos(turn)
    length, width = model.bar_length, 0.3 * model.bar_length
    shape = np.exp(-((u / length) ** 4) - 0.5 * (v / (0.5 * width)) ** 2)
    # Integral of exp(-(u/l)^4) is 2 l Gamma(5/4); the other factor is a Gaussian.
    norm = 2.0 * length * math.gamma(1.25) * math.sqrt(2.0 * math.pi) * 0.5 * width * ratio
    return (shape / norm).astype(np.float32)


def _inclined_disc(model: GalaxyModel, along: Grid, across: Grid) -> tuple[Grid, Grid, Grid]:
    """Return old disc, young arms and optical depth of an inclined thin disc."""
    ratio, scale = model.axis_ratio, model.disc_scale
    v = across / np.float32(ratio)
    radius = np.sqrt(along * along + v * v + np.float32(0.01**2))
    disc = np.exp(-radius / scale) / np.float32(2.0 * math.pi * scale * scale * ratio)
    if model.arm_count == 0 and model.clumpiness == 0.0:
        return disc, np.zeros_like(disc), np.zeros_like(disc)
    azimuth = np.arctan2(v, along)
    log_radius = np.log(radius)
    shear = model.winding * log_radius / math.tan(math.radians(max(model.pitch_deg, 5.0)))
    if model.stage == "I":
        texture = _patchwork(model.texture_seed, along * 40.0, across * 40.0)
    else:
        texture = _patchwork(
            model.texture_seed, (azimuth - shear) * np.float32(128.0 / math.tau), log_radius * 22.0
        )
    fade = ((radius - 0.08) / 0.15).clip(0.0, 1.0)
    disc = disc * np.exp(model.clumpiness * texture * fade)
    if model.arm_count == 0:
        dust = model.dust_depth * 0.15 * fade * (texture > 0.8)
        return disc, np.zeros_like(disc), dust.astype(np.float32)
    start = max(0.12, 0.8 * model.bar_length if model.bar_fraction > 0.0 else 0.12)
    inside = ((radius - start) / 0.12).clip(0.0, 1.0)
    phase = model.arm_count * (azimuth - shear - math.radians(model.arm_phase_deg))
    # Arms wander and come and go, as in real ones.
    wander = _patchwork(model.texture_seed + 1, along * 14.0, v * 14.0)
    phase = phase + 0.5 * texture + 0.7 * wander
    crest = (0.5 + 0.5 * np.cos(phase)) ** 2 * np.float32(1.0 / 0.375)
    share = model.arm_contrast * inside * (0.75 + 0.25 * wander).clip(0.2, 1.0)
    share = share.astype(np.float32)
    young = disc * share * crest * np.exp(0.7 * model.clumpiness * texture)
    lane = (0.5 + 0.5 * np.cos(phase + 1.1 * model.winding)) ** 6
    dust = model.dust_depth * 0.8 * inside * lane * np.exp(-radius / 0.6)
    # Light from the far side of a tilted disc is dimmed across its near side.
    tilt = max(0.0, 0.75 - ratio)
    near = np.exp(-0.5 * ((v + 0.32) / 0.16) ** 2 - 0.5 * (along / 0.6) ** 2)
    return disc * (1.0 - share), young, (dust + model.dust_depth * tilt * near).astype(np.float32)


def _edge_on_disc(model: GalaxyModel, along: Grid, across: Grid) -> tuple[Grid, Grid, Grid]:
    """Return old disc, young light and optical depth of a disc seen from its edge."""
    scale, height = model.disc_scale, 0.36 * model.axis_ratio
    distance = np.sqrt(along * along + np.float32(0.03**2))
    lengthwise = np.exp(-distance / scale) / np.float32(2.0 * scale)
    disc = lengthwise / np.cosh((across / height).clip(-20.0, 20.0)) ** 2 / np.float32(2 * height)
    texture = _patchwork(model.texture_seed, along * 60.0, across * np.float32(9.0 / height))
    disc = disc * np.exp(0.6 * model.clumpiness * texture)
    thin = np.float32(0.3 * height)
    offset = 0.25 * height * model.winding
    lane = np.exp(-0.5 * ((across - offset) / thin) ** 2 - 0.5 * (along / 0.5) ** 2)
    dust = 1.6 * model.dust_depth * lane * np.exp(0.35 * texture)
    young = 0.25 * disc * np.exp(-0.5 * (across / (1.2 * height)) ** 2)
    return disc * 0.85, young.astype(np.float32), dust.astype(np.float32)


@lru_cache(maxsize=32)
def _clumps(seed: int) -> NDArray[np.float32]:
    """Return a periodic patch of cloudy noise, shape (128, 128), unit variance."""
    rng = np.random.default_rng(seed)
    side = 128
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]) * side
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    spectrum *= (frequency + 3.0) ** -1.3 * np.exp(-((frequency / 40.0) ** 2))
    spectrum[0, 0] = 0.0
    noise = np.fft.irfft2(spectrum, s=(side, side))
    return np.asarray((noise / noise.std()).clip(-2.5, 2.5), dtype=np.float32)


def _patchwork(seed: int, u: Grid, v: Grid) -> NDArray[np.float32]:
    """Sample the periodic clumps at u, v (in its cells)."""
    side = np.float32(128.0)
    map_x = np.mod(u, side).astype(np.float32)
    map_y = np.mod(v, side).astype(np.float32)
    sampled = cv2.remap(
        _clumps(seed), map_x, map_y, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    return np.asarray(sampled, dtype=np.float32)
