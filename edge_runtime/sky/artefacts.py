"""What spoils real pictures: bright stars, clusters, nebulae, ghosts, trails, gradients.

Each function takes a random generator and a linear float32 image, (H, W) or
(H, W, 3), modifies the image in place and returns it. Brightness is drawn
relative to ``noise``, the standard deviation of the background in the image's
units, which is measured where it is not given (pass it for noiseless images).
They serve domain randomisation: parameters are drawn from wide, plausible ranges.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from edge_runtime.sky.decoys import (
    add_comet,
    add_globular_cluster,
    add_nebula,
    add_open_cluster,
    add_planetary_nebula,
    cloudy_noise,
)
from edge_runtime.sky.light import (
    Rng,
    add_light,
    background_noise,
    noise_level,
    offsets,
    star_b_v,
    tint,
    turned,
)
from edge_runtime.sky.optics import Image, add_stars, linear_gradient
from edge_runtime.sky.optics import vignetting as vignetting_map

__all__ = [
    "add_bright_star",
    "add_comet",
    "add_globular_cluster",
    "add_gradient",
    "add_hot_pixels",
    "add_nebula",
    "add_noise",
    "add_open_cluster",
    "add_optical_ghost",
    "add_planetary_nebula",
    "add_satellite_trail",
    "add_star_field",
    "add_vignetting",
    "background_noise",
    "cloudy_noise",
    "star_b_v",
    "trail",
]


def add_star_field(
    rng: Rng,
    image: Image,
    noise: float | None = None,
    *,
    count: int | None = None,
    fwhm_px: float | None = None,
    trail_px: float = 0.0,
    trail_angle_deg: float | None = None,
) -> Image:
    """Add field stars with a natural distribution of brightness and colour.

    Parameters
    ----------
    rng : numpy.random.Generator
    image : ndarray, shape (H, W) or (H, W, 3), float32
        Modified in place.
    noise : float, optional
        Background noise that sets the faintest stars.
    count : int, optional
        Number of stars; log-uniform between 20 and 1500 per megapixel where not given.
    fwhm_px : float, optional
        Width of the stars; 1.5 to 5 pixels where not given.
    trail_px : float
        Length of a guiding error that draws stars out.
    trail_angle_deg : float, optional
        Direction of the trail.

    Returns
    -------
    ndarray
        The image.
    """
    sigma = noise_level(image, noise)
    height, width = image.shape[:2]
    if count is None:
        count = int(rng.poisson(math.exp(rng.uniform(3.0, 7.3)) * height * width / 1e6))
    width_px = rng.uniform(1.5, 5.0) if fwhm_px is None else fwhm_px
    # log10 N(<m) grows by about 0.35 a magnitude: N(>F) ~ F^-0.875.
    flux = 10.0 * sigma * width_px * (1.0 - rng.random(count)) ** (-1.0 / 0.875)
    flux = np.minimum(flux, 3e5 * sigma)
    x, y = rng.uniform(-5, width + 5, count), rng.uniform(-5, height + 5, count)
    colours = tint(image, star_b_v(rng, count))
    layer = np.zeros_like(image) if trail_px > 0.0 else image
    add_stars(layer, x, y, flux[:, None] * colours, width_px, floor=0.1 * sigma)
    if trail_px > 0.0:
        angle = rng.uniform(0, 360) if trail_angle_deg is None else trail_angle_deg
        image += trail(layer, trail_px, angle)
    return image


def trail(image: Image, length_px: float, angle_deg: float) -> Image:
    """Return the image smeared along a line, as by bad guiding.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, 3), float32
    length_px : float
        Length of the smear.
    angle_deg : float
        Its direction, from right through up.

    Returns
    -------
    ndarray, same shape, float32
    """
    side = 2 * math.ceil(length_px / 2.0) + 3
    kernel = np.zeros((side, side), dtype=np.float32)
    middle, half, angle = side // 2, length_px / 2.0, math.radians(angle_deg)
    for t in np.linspace(-half, half, 4 * side):
        kernel[round(middle - t * math.sin(angle)), round(middle + t * math.cos(angle))] += 1.0
    smeared = cv2.filter2D(image, cv2.CV_32F, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    return np.asarray(smeared, dtype=np.float32).reshape(image.shape)


def add_bright_star(
    rng: Rng,
    image: Image,
    noise: float | None = None,
    *,
    xy_px: tuple[float, float] | None = None,
    spikes: int | None = None,
    halo: bool | None = None,
) -> Image:
    """Add a star bright enough to show wings, diffraction spikes or a halo.

    Parameters
    ----------
    rng : numpy.random.Generator
    image : ndarray, shape (H, W) or (H, W, 3), float32
        Modified in place.
    noise : float, optional
        Background noise.
    xy_px : (float, float), optional
        Position; anywhere where not given.
    spikes : int, optional
        Number of spikes (0, 4 or 6); drawn where not given.
    halo : bool, optional
        Whether a reflection halo surrounds it; drawn where not given.

    Returns
    -------
    ndarray
        The image.
    """
    sigma = noise_level(image, noise)
    height, width = image.shape[:2]
    x, y = xy_px or (rng.uniform(0, width), rng.uniform(0, height))
    colour = tint(image, star_b_v(rng, 1))[0]
    flux = sigma * 10.0 ** rng.uniform(3.5, 6.0)
    fwhm = rng.uniform(1.8, 5.0)
    add_stars(
        image, x, y, flux * colour, fwhm, beta=float(rng.uniform(2.0, 3.2)), floor=0.3 * sigma
    )
    dx, dy = offsets(height, width, x, y)
    count = int(rng.choice([0, 0, 4, 4, 6])) if spikes is None else spikes
    if count:
        turn = rng.uniform(0.0, math.pi)
        length = rng.uniform(8.0, 40.0) * (flux / sigma / 1e4) ** 0.25
        peak = min(flux * rng.uniform(3e-4, 3e-3), sigma * rng.uniform(5.0, 150.0))
        thin = fwhm * 0.45
        for k in range(count // 2):
            angle = turn + math.pi * k / (count // 2)
            along, across = turned(dx, dy, angle)
            spike = np.exp(-np.abs(along) / length - 0.5 * (across / thin) ** 2) * np.float32(peak)
            add_light(image, spike, colour)
    if rng.random() < 0.4 if halo is None else halo:
        radius = rng.uniform(12.0, 70.0)
        distance = np.hypot(dx, dy)
        disc = 1.0 / (1.0 + np.exp((distance - radius).clip(-40, 40) / rng.uniform(0.8, 5.0)))
        rim = 1.0 + rng.uniform(0.0, 1.0) * (distance / radius) ** 4 * (distance < radius)
        brightness = sigma * rng.uniform(0.5, 6.0)
        add_light(image, (brightness * disc * rim).astype(np.float32), colour)
    return image


def add_gradient(rng: Rng, image: Image, noise: float | None = None) -> Image:
    """Add a coloured background that varies across the picture (Moon, town, dew, amp glow)."""
    sigma = noise_level(image, noise)
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        strength = sigma * 10.0 ** rng.uniform(-0.3, 1.3)
        if rng.random() < 0.6:
            ramp = (linear_gradient(height, width, rng.uniform(0, 360), 1.0) - 0.5).clip(0.0, 1.0)
            light = strength * ramp ** rng.uniform(0.8, 2.5)
        else:
            x, y = rng.uniform(-0.3, 1.3) * width, rng.uniform(-0.3, 1.3) * height
            reach = rng.uniform(0.4, 1.2) * max(height, width)
            dx, dy = offsets(height, width, x, y)
            light = strength * np.exp(-0.5 * (dx * dx + dy * dy) / np.float32(reach * reach))
        colour = np.asarray(rng.uniform(0.4, 1.6, 3), dtype=np.float32)
        add_light(image, light.astype(np.float32), colour)
    return image


def add_vignetting(rng: Rng, image: Image, noise: float | None = None) -> Image:
    """Darken the corners by 5 to 60 per cent, over a sky background of random level."""
    sigma = noise_level(image, noise)
    image += np.float32(sigma * 10.0 ** rng.uniform(0.0, 1.5))
    falloff = vignetting_map(image.shape[0], image.shape[1], float(rng.uniform(0.05, 0.6)))
    image *= falloff if image.ndim == 2 else falloff[..., None]
    return image


def add_noise(rng: Rng, image: Image, noise: float | None = None) -> Image:
    """Add sensor noise: white, now and then blurred into blotches, or banded.

    ``noise`` is the standard deviation to add; half the present noise to twice it
    where not given.
    """
    sigma = background_noise(image) * rng.uniform(0.5, 2.0) if noise is None else noise
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    if rng.random() < 0.3:
        width = float(rng.uniform(0.5, 1.6))
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), width), dtype=np.float32)
        grain = grain.reshape(image.shape) / np.float32(grain.std())
    image += grain * np.float32(sigma)
    if rng.random() < 0.15:
        shape = (image.shape[0],) + (1,) * (image.ndim - 1)
        image += rng.standard_normal(shape, dtype=np.float32) * np.float32(0.3 * sigma)
    return image


def add_hot_pixels(rng: Rng, image: Image, noise: float | None = None) -> Image:
    """Set up to two pixels in a thousand to high values, a channel at a time."""
    sigma = noise_level(image, noise)
    count = int(image.size * 10.0 ** rng.uniform(-5.0, -2.7))
    where = np.unravel_index(rng.integers(0, image.size, count), image.shape)
    image[where] += (sigma * 10.0 ** rng.uniform(0.7, 2.5, count)).astype(np.float32)
    return image


def add_satellite_trail(rng: Rng, image: Image, noise: float | None = None) -> Image:
    """Add the straight trail of a satellite, or the dashed one of an aeroplane."""
    sigma = noise_level(image, noise)
    height, width = image.shape[:2]
    x, y, angle = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, math.pi)
    dx, dy = offsets(height, width, x, y)
    along, across = turned(dx, dy, angle)
    spread = np.float32(rng.uniform(0.8, 2.5))
    light = np.exp(-0.5 * (across / spread) ** 2) * np.float32(sigma * 10 ** rng.uniform(0.3, 2.0))
    if rng.random() < 0.25:
        light *= np.cos(along / np.float32(rng.uniform(5, 30))) > 0.3
    else:
        light *= 1.0 + 0.5 * np.sin(along / np.float32(rng.uniform(40, 400)))
    ends = rng.random()
    if ends < 0.4:
        light *= along > 0
    return add_light(image, light.astype(np.float32), tint(image, float(rng.uniform(0.4, 1.0))))


def add_optical_ghost(
    rng: Rng,
    image: Image,
    noise: float | None = None,
    *,
    xy_px: tuple[float, float] | None = None,
) -> Image:
    """Add an out-of-focus reflection: a faint disc or ring, perhaps cut or with a shadow."""
    sigma = noise_level(image, noise)
    height, width = image.shape[:2]
    x, y = xy_px or (rng.uniform(0, width), rng.uniform(0, height))
    dx, dy = offsets(height, width, x, y)
    turn, squash = rng.uniform(0, math.pi), rng.uniform(0.6, 1.0)
    u, v = turned(dx, dy, turn, squash)
    distance = np.hypot(u, v)
    radius = math.exp(rng.uniform(math.log(8.0), math.log(0.25 * max(height, width, 60))))
    edge = rng.uniform(0.6, 0.12 * radius + 0.8)
    light = 1.0 / (1.0 + np.exp(((distance - radius) / edge).clip(-40, 40)))
    if rng.random() < 0.5:
        hole = radius * rng.uniform(0.2, 0.8)
        light -= rng.uniform(0.3, 1.0) / (1.0 + np.exp(((distance - hole) / edge).clip(-40, 40)))
    light *= 1.0 + rng.uniform(-0.6, 0.6) * (u / np.float32(radius)).clip(-1, 1)
    light *= np.float32(sigma * 10.0 ** rng.uniform(-0.2, 1.2))
    colour = rng.uniform(0.5, 1.4, 3).astype(np.float32)
    return add_light(image, light.clip(0.0, None).astype(np.float32), colour)
