"""A field of the simulated sky: the light in it and the galaxies it shows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.frame import TrueGalaxy
from edge_runtime.sky.catalogue import CatalogueGalaxy, galaxies_in_field
from edge_runtime.sky.colour import rgb_from_b_v
from edge_runtime.sky.galaxies import EXTENT, model_for_type, render_galaxy
from edge_runtime.sky.instrument import TelescopeConfig
from edge_runtime.sky.optics import add_stars, blur
from edge_runtime.sky.projection import FieldProjection
from edge_runtime.sky.stars import stars_in_field

MARGIN_PX = 25
"""Light is drawn this far beyond each edge of the frame, so that the field can drift."""

MIN_TRUE_BOX_PX = 8.0
MIN_TRUE_SNR = 30.0
MIN_TRUE_CONTRAST = 0.3


@dataclass(frozen=True, slots=True)
class SkyScene:
    """The light of a field before sky, sensor and noise, larger than the frame.

    Attributes
    ----------
    planes : tuple of ndarray, shape (H + 2 m, W + 2 m), float32
        Electrons per second in red, green, blue, or their sum; the margin m is
        ``MARGIN_PX``.
    plane : FieldProjection
        Projection on the frame (without the margin) at zero drift.
    galaxies : tuple of CatalogueGalaxy
        What was drawn.
    """

    planes: tuple[NDArray[np.float32], ...]
    plane: FieldProjection
    galaxies: tuple[CatalogueGalaxy, ...]


@dataclass(frozen=True, slots=True)
class Isophote:
    """Where the 25 mag/arcsec^2 ellipse of a galaxy falls; all in pixels.

    ``x`` and ``y`` have (0, 0) in the middle of the top left pixel; the half sides
    are those of the ellipse's bounding box.
    """

    x: float
    y: float
    semi_major: float
    semi_minor: float
    half_width: float
    half_height: float


def isophote(galaxy: CatalogueGalaxy, plane: FieldProjection) -> Isophote:
    """Return the ellipse of the catalogued diameters at the catalogued position angle."""
    x, y = plane.to_pixels(galaxy.ra_deg, galaxy.dec_deg)
    major = galaxy.major_arcmin * 30.0 / plane.scale_arcsec
    minor = galaxy.minor_arcmin * 30.0 / plane.scale_arcsec
    angle = math.radians(galaxy.position_angle_deg)
    half_width = math.hypot(major * math.sin(angle), minor * math.cos(angle))
    half_height = math.hypot(major * math.cos(angle), minor * math.sin(angle))
    return Isophote(float(x), float(y), major, minor, half_width, half_height)


def draw_scene(config: TelescopeConfig, ra_deg: float, dec_deg: float) -> SkyScene:
    """Draw the stars and galaxies of a field, blurred by the seeing.

    Parameters
    ----------
    config : TelescopeConfig
    ra_deg, dec_deg : float
        ICRS position of the frame's centre.

    Returns
    -------
    SkyScene
        The same for the same arguments.
    """
    height, width = config.height + 2 * MARGIN_PX, config.width + 2 * MARGIN_PX
    scale = config.pixel_scale_arcsec
    centre = (config.width - 1) / 2.0, (config.height - 1) / 2.0
    plane = FieldProjection(ra_deg, dec_deg, scale, *centre)
    radius_deg = math.hypot(width, height) / 2.0 * scale / 3600.0
    light = tuple(np.zeros((height, width), dtype=np.float32) for _ in range(config.planes))
    galaxies: list[CatalogueGalaxy] = []
    if config.galaxies:
        galaxies = galaxies_in_field(ra_deg, dec_deg, radius_deg, config.faintest_galaxy_mag)
        for galaxy in galaxies:
            draw_galaxy(light, galaxy, plane, config)
    if config.stars:
        stars = stars_in_field(ra_deg, dec_deg, radius_deg, config.faintest_star_mag, config.seed)
        x, y = plane.to_pixels(stars.ra_deg, stars.dec_deg)
        rate = config.electrons_per_s_of_mag_0 * 10.0 ** (-0.4 * stars.magnitude)
        rates = _bands(rate[:, None] * rgb_from_b_v(stars.b_v), config)
        floor = max(0.02 * config.sky_electrons_per_s, 1e-6)
        for band, rate in zip(light, rates, strict=True):
            add_stars(band, x + MARGIN_PX, y + MARGIN_PX, rate, config.fwhm_px, floor=floor)
    return SkyScene(light, plane, tuple(galaxies))


def _bands(rgb: NDArray[np.float32], config: TelescopeConfig) -> list[NDArray[np.float32]]:
    """Split the last axis in the camera's bands: three, or their sum."""
    return [rgb.sum(axis=-1)] if config.colour == "mono" else [rgb[..., c] for c in range(3)]


def draw_galaxy(
    light: tuple[NDArray[np.float32], ...],
    galaxy: CatalogueGalaxy,
    plane: FieldProjection,
    config: TelescopeConfig,
) -> None:
    """Add one galaxy to a field, blurred by the seeing.

    Parameters
    ----------
    light : tuple of ndarray, shape (H + 2 m, W + 2 m), float32
        Electrons per second in each band, as in ``SkyScene``; added to in place.
    galaxy : CatalogueGalaxy
    plane : FieldProjection
        Projection on the frame, without the margin.
    config : TelescopeConfig
    """
    height, width = light[0].shape
    shape = isophote(galaxy, plane)
    x, y = shape.x + MARGIN_PX, shape.y + MARGIN_PX
    reach = math.ceil(EXTENT * shape.semi_major + 4.0 * config.fwhm_px) + 2
    left, right = max(0, math.floor(x) - reach), min(width, math.ceil(x) + reach + 1)
    top, bottom = max(0, math.floor(y) - reach), min(height, math.ceil(y) + reach + 1)
    if left >= right or top >= bottom:
        return
    place = [round(galaxy.ra_deg * 1e4), round((galaxy.dec_deg + 90.0) * 1e4)]
    rng = np.random.default_rng([config.seed, *place])
    stamp = render_galaxy(
        model_for_type(galaxy.hubble_type, shape.semi_minor / shape.semi_major, rng),
        shape.semi_major,
        config.electrons_per_s_of_mag_0 * 10.0 ** (-0.4 * galaxy.magnitude),
        galaxy.position_angle_deg,
        (bottom - top, right - left),
        (x - left, y - top),
    )
    for band, part in zip(light, _bands(stamp, config), strict=True):
        band[top:bottom, left:right] += blur(np.ascontiguousarray(part), config.fwhm_px)


def visible_galaxies(
    scene: SkyScene, plane: FieldProjection, config: TelescopeConfig, exposure_s: float
) -> tuple[TrueGalaxy, ...]:
    """Return the galaxies that a frame shows clearly enough to be found.

    Listed are those whose centre is in the frame, whose box is at least 8 pixels on
    its longer side, whose light within the isophote is at least 30 times its noise,
    and whose mean brightness there is at least 0.3 times the noise of one pixel.

    Parameters
    ----------
    scene : SkyScene
        The field.
    plane : FieldProjection
        Projection on the frame, drift included.
    config : TelescopeConfig
    exposure_s : float
        Exposure time in seconds.

    Returns
    -------
    tuple of TrueGalaxy
        Boxes bound the 25 mag/arcsec^2 ellipse and are cut at the frame's edges;
        brightest first.
    """
    zero = config.electrons_per_s_of_mag_0 * exposure_s
    bands = 3.0 if config.colour == "mono" else 1.0
    sky = bands * config.sky_electrons_per_s * exposure_s
    variance = sky + config.dark_e_per_s * exposure_s + config.read_noise_e**2
    found = []
    for galaxy in scene.galaxies:
        shape = isophote(galaxy, plane)
        # Edges of the frame lie half a pixel outside the middles of its outer pixels.
        x, y = shape.x + 0.5, shape.y + 0.5
        if not (0.0 <= x < config.width and 0.0 <= y < config.height):
            continue
        if 2.0 * max(shape.half_width, shape.half_height) < MIN_TRUE_BOX_PX:
            continue
        signal = bands * zero * 10.0 ** (-0.4 * galaxy.magnitude)
        area = math.pi * shape.semi_major * shape.semi_minor
        if signal < MIN_TRUE_SNR * math.sqrt(signal + area * variance):
            continue
        if signal < MIN_TRUE_CONTRAST * area * math.sqrt(variance):
            continue
        box = (
            max(0.0, x - shape.half_width),
            max(0.0, y - shape.half_height),
            min(float(config.width), x + shape.half_width),
            min(float(config.height), y + shape.half_height),
        )
        found.append(TrueGalaxy(galaxy.name, box, galaxy.magnitude, galaxy.hubble_type))
    return tuple(found)
