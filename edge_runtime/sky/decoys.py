"""Things in the sky that a detector may take for galaxies: clusters and nebulae."""

from __future__ import annotations

import math

import cv2
import numpy as np

from edge_runtime.sky.light import Rng, add_light, noise_level, offsets, tint, turned
from edge_runtime.sky.optics import Image, add_stars


def add_globular_cluster(
    rng: Rng,
    image: Image,
    noise: float | None = None,
    *,
    xy_px: tuple[float, float] | None = None,
    radius_px: float | None = None,
) -> Image:
    """Add a globular cluster: a King (1962, AJ 67, 471) profile of stars and haze.

    Parameters
    ----------
    rng : numpy.random.Generator
    image : ndarray, shape (H, W) or (H, W, 3), float32
        Modified in place.
    noise : float, optional
        Background noise.
    xy_px : (float, float), optional
        Centre; anywhere where not given.
    radius_px : float, optional
        Tidal radius; 15 pixels to 40 per cent of the shorter side where not given.

    Returns
    -------
    ndarray
        The image.
    """
    sigma = noise_level(image, noise)
    height, width = image.shape[:2]
    x, y = xy_px or (rng.uniform(0, width), rng.uniform(0, height))
    if radius_px is None:
        largest = max(16.0, 0.4 * min(height, width))
        radius_px = math.exp(rng.uniform(math.log(15.0), math.log(largest)))
    core = radius_px / 10.0 ** rng.uniform(0.7, 1.4)
    grid = np.linspace(0.0, radius_px, 400)
    edge = 1.0 / math.sqrt(1.0 + (radius_px / core) ** 2)
    density = (1.0 / np.sqrt(1.0 + (grid / core) ** 2) - edge) ** 2
    inside = np.cumsum(density * grid)
    count = int(rng.uniform(150, 900) * min(4.0, 0.3 + radius_px / 60.0))
    distance = np.interp(rng.random(count), inside / inside[-1], grid)
    angle = rng.uniform(0, math.tau, count)
    fwhm = rng.uniform(1.5, 4.0)
    flux = (1.0 - rng.random(count)) ** -0.9
    # stars that stand out of the haze: without them nobody could tell a globular
    # cluster from an elliptical galaxy. The giants that a small telescope resolves
    # have much the same brightness; all others together are the haze.
    brightness = rng.uniform(0.2, 1.5)
    flux = np.minimum(flux, rng.uniform(5.0, 60.0)) * sigma * 10.0**brightness * fwhm
    colours = tint(image, rng.normal(0.75, 0.25, count).clip(-0.1, 1.5).astype(np.float32))
    stars = flux[:, None] * colours
    squash, turn = rng.uniform(0.75, 1.0), rng.uniform(0.0, math.pi)
    u, v = distance * np.cos(angle), squash * distance * np.sin(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    add_stars(image, x + u * cos - v * sin, y + u * sin + v * cos, stars, fwhm, floor=0.3 * sigma)
    dx, dy = offsets(height, width, x, y)
    from_centre = np.hypot(*turned(dx, dy, turn, squash))
    haze = np.interp(from_centre, grid, density / density[0], right=0.0).astype(np.float32)
    haze *= np.float32(sigma * 10.0 ** (brightness + rng.uniform(-0.4, 0.9)))
    return add_light(image, haze, tint(image, 0.75))


def add_open_cluster(
    rng: Rng,
    image: Image,
    noise: float | None = None,
    *,
    xy_px: tuple[float, float] | None = None,
) -> Image:
    """Add an open cluster: some tens of mostly blue stars in an irregular clump."""
    sigma = noise_level(image, noise)
    height, width = image.shape[:2]
    x, y = xy_px or (rng.uniform(0, width), rng.uniform(0, height))
    count = int(rng.integers(15, 200))
    spread = rng.uniform(8.0, 0.25 * min(height, width) + 8.0)
    squash, turn = rng.uniform(0.5, 1.0), rng.uniform(0, math.pi)
    u = rng.standard_t(4, count) * spread
    v = rng.standard_t(4, count) * spread * squash
    fwhm = rng.uniform(1.6, 4.5)
    flux = np.minimum((1.0 - rng.random(count)) ** -1.1, 300.0) * sigma * 25.0 * fwhm
    b_v = np.where(rng.random(count) < 0.1, 1.2, rng.normal(0.15, 0.25, count))
    colours = tint(image, b_v.astype(np.float32))
    add_stars(
        image,
        x + u * math.cos(turn) - v * math.sin(turn),
        y + u * math.sin(turn) + v * math.cos(turn),
        flux[:, None] * colours,
        fwhm,
        floor=0.3 * sigma,
    )
    return image


def cloudy_noise(rng: Rng, height: int, width: int, slope: float = 1.6) -> Image:
    """Return cloud-like noise with a power-law spectrum.

    Parameters
    ----------
    rng : numpy.random.Generator
    height, width : int
        Size in pixels.
    slope : float
        Amplitude falls with spatial frequency to this power; 1 is grainy, 2 smooth.

    Returns
    -------
    ndarray, shape (height, width), float32, mean 0, standard deviation 1
    """
    shrink = max(1, max(height, width) // 384)
    rows, columns = -(-height // shrink), -(-width // shrink)
    side = max(rows, columns, 2)
    frequency = np.hypot(np.fft.fftfreq(2 * side)[:, None], np.fft.rfftfreq(2 * side)[None, :])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((2 * side, 2 * side))) * frequency**-slope
    spectrum[0, 0] = 0.0
    small = np.fft.irfft2(spectrum, s=(2 * side, 2 * side))[:rows, :columns].astype(np.float32)
    clouds = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray((clouds - clouds.mean()) / (float(clouds.std()) or 1.0), dtype=np.float32)


_NEBULA_RGB = (
    (1.0, 0.25, 0.35),  # hydrogen
    (0.35, 0.9, 0.8),  # oxygen, planetary nebulae
    (0.5, 0.7, 1.0),  # reflection
    (0.9, 0.75, 0.6),  # dust
    (1.0, 0.7, 0.75),  # hydrogen so bright that the camera saturates
)


def add_nebula(
    rng: Rng,
    image: Image,
    noise: float | None = None,
    *,
    xy_px: tuple[float, float] | None = None,
) -> Image:
    """Add an emission or reflection nebula: filaments within a blob, a shell or the whole field.

    Parameters
    ----------
    rng : numpy.random.Generator
    image : ndarray, shape (H, W) or (H, W, 3), float32
        Modified in place.
    noise : float, optional
        Background noise.
    xy_px : (float, float), optional
        Centre; anywhere where not given.

    Returns
    -------
    ndarray
        The image.
    """
    sigma = noise_level(image, noise)
    height, width = image.shape[:2]
    x, y = xy_px or (rng.uniform(0, width), rng.uniform(0, height))
    clouds = cloudy_noise(rng, height, width, float(rng.uniform(1.2, 1.9)))
    ridges = np.exp(-np.abs(cloudy_noise(rng, height, width, 1.5)) / 0.25)
    dx, dy = offsets(height, width, x, y)
    turn, squash = rng.uniform(0, math.pi), rng.uniform(0.4, 1.0)
    u, v = turned(dx, dy, turn, squash)
    radius = math.exp(rng.uniform(math.log(12.0), math.log(0.6 * max(height, width, 40))))
    distance = np.hypot(u, v) / np.float32(radius) * np.exp(0.3 * clouds)
    kind = rng.random()
    if kind < 0.25:
        envelope = np.exp(-0.5 * ((distance - 0.7) / rng.uniform(0.08, 0.3)) ** 2)
    elif kind < 0.85:
        envelope = np.exp(-(distance ** rng.uniform(1.5, 5.0)))
    else:
        envelope = np.ones_like(distance)
    light = envelope * np.exp(rng.uniform(0.3, 1.0) * clouds) * (1 + rng.uniform(0, 1.5) * ridges)
    light *= np.float32(sigma * 10.0 ** rng.uniform(0.0, 2.2) / max(float(light.max()), 1e-6) * 2)
    if image.ndim == 2 or rng.random() < 0.5:
        return add_light(image, light.astype(np.float32), _nebula_colour(rng))
    # hot gas within, cooler without: two colours that change over
    inner = np.exp(-((distance / rng.uniform(0.3, 1.0)) ** 2)).astype(np.float32)
    add_light(image, (light * inner).astype(np.float32), _nebula_colour(rng))
    return add_light(image, (light * (1.0 - inner)).astype(np.float32), _nebula_colour(rng))


def add_comet(
    rng: Rng,
    image: Image,
    noise: float | None = None,
    *,
    xy_px: tuple[float, float] | None = None,
) -> Image:
    """Add a comet: a coma that falls with the inverse distance, a nucleus, mostly a tail.

    Parameters
    ----------
    rng : numpy.random.Generator
    image : ndarray, shape (H, W) or (H, W, 3), float32
        Modified in place.
    noise : float, optional
        Background noise.
    xy_px : (float, float), optional
        Nucleus; anywhere where not given.

    Returns
    -------
    ndarray
        The image.
    """
    sigma = noise_level(image, noise)
    height, width = image.shape[:2]
    x, y = xy_px or (rng.uniform(0, width), rng.uniform(0, height))
    turn = rng.uniform(0, math.tau)
    dx, dy = offsets(height, width, x, y)
    along, across = turned(dx, dy, turn)
    core = rng.uniform(1.5, 5.0)
    reach = math.exp(rng.uniform(math.log(10.0), math.log(0.4 * max(height, width, 40))))
    distance = np.hypot(dx, dy)
    light = np.exp(-distance / reach) * core / (core + distance)
    if rng.random() < 0.8:
        ahead = np.maximum(along, 0.0)
        spread = core + rng.uniform(0.1, 0.5) * ahead
        tail = np.exp(-ahead / (reach * rng.uniform(1.5, 6.0)) - 0.5 * (across / spread) ** 2)
        light += rng.uniform(0.02, 0.3) * tail * (along > 0.0) * core / spread
    peak = sigma * 10.0 ** rng.uniform(0.8, 2.3)
    colour = (
        np.array((0.6, 1.0, 0.75), dtype=np.float32) if rng.random() < 0.6 else tint(image, 0.6)
    )
    add_light(image, (light * peak).astype(np.float32), colour)
    nucleus = peak * rng.uniform(4.0, 40.0) * tint(image, 0.6)
    return add_stars(image, x, y, nucleus, float(rng.uniform(1.6, 4.5)), floor=0.3 * sigma)


def _nebula_colour(rng: Rng) -> Image:
    """Weights of red, green and blue of a kind of nebula, a little changed."""
    return _varied(_NEBULA_RGB[int(rng.integers(len(_NEBULA_RGB)))], rng)


def _varied(rgb: tuple[float, float, float], rng: Rng) -> Image:
    """A colour with each channel changed by up to 30 per cent."""
    return np.asarray(np.array(rgb, dtype=np.float32) * rng.uniform(0.7, 1.3, 3), dtype=np.float32)


def add_planetary_nebula(
    rng: Rng,
    image: Image,
    noise: float | None = None,
    *,
    xy_px: tuple[float, float] | None = None,
) -> Image:
    """Add a planetary nebula: a small disc or ring with an edge, or two lobes.

    Parameters
    ----------
    rng : numpy.random.Generator
    image : ndarray, shape (H, W) or (H, W, 3), float32
        Modified in place.
    noise : float, optional
        Background noise.
    xy_px : (float, float), optional
        Centre; anywhere where not given.

    Returns
    -------
    ndarray
        The image.
    """
    sigma = noise_level(image, noise)
    height, width = image.shape[:2]
    x, y = xy_px or (rng.uniform(0, width), rng.uniform(0, height))
    radius = math.exp(rng.uniform(math.log(6.0), math.log(max(8.0, 0.25 * min(height, width)))))
    reach = math.ceil(2.5 * radius)
    left, top = max(int(x) - reach, 0), max(int(y) - reach, 0)
    area = image[top : int(y) + reach + 1, left : int(x) + reach + 1]
    if area.size == 0:
        return image
    rows, columns = area.shape[:2]
    dx, dy = offsets(rows, columns, x, y, left=left, top=top)
    turn, squash = rng.uniform(0, math.pi), rng.uniform(0.6, 1.0)
    u, v = turned(dx, dy, turn, squash)
    distance = np.hypot(u, v) / np.float32(radius)
    kind = rng.random()
    if kind < 0.4:
        light = np.exp(-0.5 * ((distance - 0.8) / rng.uniform(0.1, 0.3)) ** 2)
        light += rng.uniform(0.0, 0.6) * (distance < 0.8)
    elif kind < 0.75:
        edge = rng.uniform(0.03, 0.15)
        light = 1.0 / (1.0 + np.exp(((distance - 1.0) / edge).clip(-40.0, 40.0)))
    else:
        lobe = rng.uniform(0.35, 0.6)
        light = np.exp(-((np.hypot(u / radius - lobe, v / radius) / 0.45) ** 3))
        light += np.exp(-((np.hypot(u / radius + lobe, v / radius) / 0.45) ** 3))
    light = light * np.exp(0.35 * cloudy_noise(rng, rows, columns, 1.8))
    seeing = float(rng.uniform(0.6, 2.0))
    light = cv2.GaussianBlur(light.astype(np.float32), (0, 0), seeing)
    light *= np.float32(sigma * 10.0 ** rng.uniform(0.5, 1.9) / max(float(light.max()), 1e-6))
    add_light(area, light, _varied(_NEBULA_RGB[int(rng.choice([0, 1, 1, 1, 2]))], rng))
    if rng.random() < 0.5:
        star = sigma * 10.0 ** rng.uniform(1.0, 2.3) * tint(image, 0.0)
        add_stars(image, x, y, star, float(rng.uniform(1.6, 4.0)), floor=0.3 * sigma)
    return image
