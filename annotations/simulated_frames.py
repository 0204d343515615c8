"""Labelled frames from the sky simulator of the edge, with exact boxes.

Where composites add galaxies to pictures, these frames are made from the sky on:
catalogued galaxies and stars on their places, a random telescope and night, shot and
read noise in 16 bits, and the edge's own conditioning. Boxes are the isophotes of
each galaxy's own light, after the same stretch, by the rule the composites follow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from annotations.composites import Composite, jittered_look, visible_box
from edge_runtime.boxes import iou
from edge_runtime.conditioning import (
    ConditioningParams,
    condition,
    estimate_background,
    stretch_lut,
    to_planes,
)
from edge_runtime.frame import Frame
from edge_runtime.sky.catalogue import CatalogueGalaxy, galaxies_in_field, load_galaxies
from edge_runtime.sky.instrument import ColourMode, TelescopeConfig
from edge_runtime.sky.noise import NoiseBank
from edge_runtime.sky.projection import FieldProjection
from edge_runtime.sky.scene import EXTENT, MARGIN_PX, draw_galaxy, draw_scene, isophote
from edge_runtime.sky.sensor import BAYER_PATTERN, Sensor

Planes = tuple[NDArray[np.float32], ...]

_FAINTEST_TARGET_MAG = 13.5
_SMALLEST_PX = 14.0
_SCALES_ARCSEC = (0.5, 6.0)
_LEAST_NOISE_ADU = 0.7  # cameras are built so that their noise hides the steps
_COLOURS: tuple[ColourMode, ...] = ("colour", "bayer", "mono")
_TIME = datetime(2020, 1, 1, tzinfo=UTC)  # no frame depends on it
_MOST_OVERLAP = 0.7  # of two boxes; beyond, they are one object to the eye


@dataclass(frozen=True, slots=True)
class SimulatedFrameParams:
    """Distribution the frames are drawn from.

    Attributes
    ----------
    size_px : int
        Side of the square frames, at least 64.
    empty_fraction : float
        Share of frames without a galaxy.
    largest : float
        Longest side of a target in units of the frame's.
    """

    size_px: int = 320
    empty_fraction: float = 0.15
    largest: float = 1.0


def simulated_composites(
    rng: np.random.Generator, size_px: int, params: SimulatedFrameParams | None = None
) -> Iterator[Composite]:
    """Labelled frames of a simulated sky, for as long as asked.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness: the same state gives the same frames.
    size_px : int
        Side of the frames.
    params : SimulatedFrameParams, optional
        Its size is overruled by ``size_px``.

    Raises
    ------
    ConfigError
        The catalogue of galaxies is not installed.
    """
    chosen = params or SimulatedFrameParams()
    while True:
        yield draw_simulated(
            rng, SimulatedFrameParams(size_px, chosen.empty_fraction, chosen.largest)
        )


def draw_simulated(rng: np.random.Generator, params: SimulatedFrameParams) -> Composite:
    """One labelled frame of a simulated sky."""
    empty = rng.random() < params.empty_fraction
    side_px = _log_uniform(rng, _SMALLEST_PX, params.largest * params.size_px)
    target = None if empty else _target(rng, side_px)
    scale = target.major_arcmin * 60.0 / side_px if target else _log_uniform(rng, *_SCALES_ARCSEC)
    telescope, exposure_s = random_night(rng, params.size_px, scale)
    ra_deg, dec_deg = _pointing(rng, telescope, target)
    scene = draw_scene(telescope, ra_deg, dec_deg)  # stars only
    sensor = Sensor(telescope, _noise_bank())
    look = jittered_look(rng)
    galaxies = [] if empty else _galaxies(telescope, ra_deg, dec_deg, scene.plane)
    # The stretch depends on the sky and its noise, which galaxies hardly change.
    sky_seed = int(rng.integers(2**31))
    without = _expose(sensor, telescope, scene.planes, exposure_s, sky_seed)
    stretch = _Stretch.of(without, look, telescope, exposure_s)
    light: Planes = scene.planes
    boxes: list[tuple[float, float, float, float]] = []
    for own in galaxies:
        box = visible_box(stretch.seen(own), stretch.noise, telescope.width, 0, 0)
        if box is None or not _mostly_inside(own):
            continue
        if boxes and iou(np.array([box]), np.array(boxes)).max() > _MOST_OVERLAP:
            continue
        boxes.append(box)
        light = tuple(a + b for a, b in zip(light, own, strict=True))
    frame = without
    if boxes:
        frame = _expose(sensor, telescope, light, exposure_s, sky_seed)
    picture = condition(frame, look)
    return Composite(picture, np.asarray(boxes, dtype=np.float32).reshape(-1, 4))


def random_night(
    rng: np.random.Generator, size_px: int, scale_arcsec: float
) -> tuple[TelescopeConfig, float]:
    """Draw a telescope, a night and an exposure time.

    Parameters
    ----------
    rng : numpy.random.Generator
    size_px : int
        Side of the frame.
    scale_arcsec : float
        Arcseconds per pixel.

    Returns
    -------
    TelescopeConfig
        One that draws no catalogued galaxy by itself.
    float
        Exposure time in seconds; the sky fills less than half of the well.
    """
    full_well_e, read_noise_e = _log_uniform(rng, 15_000.0, 80_000.0), rng.uniform(1.0, 8.0)
    coarse = [b for b in (12, 14) if read_noise_e * 2**b / full_well_e > _LEAST_NOISE_ADU]
    telescope = TelescopeConfig(
        width=size_px,
        height=size_px,
        pixel_scale_arcsec=scale_arcsec,
        colour=_COLOURS[int(rng.choice(3, p=[0.4, 0.3, 0.3]))],
        aperture_mm=_log_uniform(rng, 50.0, 400.0),
        throughput=float(rng.uniform(0.3, 0.6)),
        seeing_arcsec=scale_arcsec * _log_uniform(rng, 1.3, 5.0),
        sky_mag_arcsec2=float(rng.uniform(18.5, 21.7)),
        sky_gradient=float(rng.uniform(0.0, 0.4)),
        vignetting=float(rng.uniform(0.0, 0.4)),
        read_noise_e=float(read_noise_e),
        dark_e_per_s=_log_uniform(rng, 0.005, 0.3),
        full_well_e=full_well_e,
        adc_bits=int(rng.choice([*coarse, 16])),
        hot_pixel_share=_log_uniform(rng, 1e-6, 3e-4),
        galaxies=False,
        seed=int(rng.integers(2**31)),
    )
    longest = 0.4 * full_well_e / (telescope.planes * telescope.sky_electrons_per_s)
    return telescope, _log_uniform(rng, 10.0, float(np.clip(longest, 20.0, 1200.0)))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """How much light a pixel needs to be seen in the conditioned picture."""

    table: NDArray[np.uint8]
    sky_adu: int
    adu_per_rate: float
    noise: float

    @classmethod
    def of(
        cls, frame: Frame, look: ConditioningParams, telescope: TelescopeConfig, exposure_s: float
    ) -> _Stretch:
        """Measure the stretch of a frame without galaxies."""
        planes = to_planes(frame)
        if planes.ndim == 2:
            planes = planes[:, :, None]
        sigma = estimate_background(planes, look).sigma
        levels = int(np.iinfo(planes.dtype).max) + 1
        pedestal = math.ceil(look.shadow_sigma * sigma * (levels - 1)) + 1
        table = stretch_lut(sigma, look, levels, pedestal)
        noise_adu = max(1.0, sigma * (levels - 1))
        above = int(table[min(levels - 1, round(pedestal + noise_adu))])
        noise = (above - int(table[pedestal])) / 255.0
        return cls(table, pedestal, exposure_s * telescope.adu_per_electron, noise)

    def seen(self, light: Planes) -> NDArray[np.float32]:
        """What a galaxy's light adds to the picture, shape (H, W, C), 0 to 1."""
        inner = np.s_[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
        counts = np.stack([plane[inner] for plane in light], axis=-1) * self.adu_per_rate
        index = np.clip(np.rint(counts) + self.sky_adu, 0, len(self.table) - 1).astype(np.int64)
        values = self.table[index].astype(np.float32) - np.float32(self.table[self.sky_adu])
        return np.asarray(values / np.float32(255.0), dtype=np.float32)


def _galaxies(
    telescope: TelescopeConfig, ra_deg: float, dec_deg: float, plane: FieldProjection
) -> list[Planes]:
    """The light of each galaxy in the field that is large enough for a box."""
    radius_deg = telescope.width / math.sqrt(2.0) * telescope.pixel_scale_arcsec / 3600.0
    side = telescope.width + 2 * MARGIN_PX
    found = []
    for galaxy in galaxies_in_field(ra_deg, dec_deg, radius_deg, telescope.faintest_galaxy_mag):
        shape = isophote(galaxy, plane)
        if 2.0 * EXTENT * shape.semi_major < _SMALLEST_PX:
            continue
        light = tuple(np.zeros((side, side), dtype=np.float32) for _ in range(telescope.planes))
        draw_galaxy(light, galaxy, plane, telescope)
        found.append(light)
    return found


def _mostly_inside(light: Planes) -> bool:
    """Whether no more than a tenth of the light that is drawn lies in the margin."""
    whole = sum(float(plane.sum()) for plane in light)
    inner = np.s_[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
    return sum(float(plane[inner].sum()) for plane in light) > 0.9 * whole > 0.0


def _expose(
    sensor: Sensor, telescope: TelescopeConfig, light: Planes, exposure_s: float, seed: int
) -> Frame:
    pixels = sensor.expose(light, exposure_s, np.random.default_rng(seed), (0.0, 0.0))
    return Frame(
        pixels=pixels,
        time=_TIME,
        exposure_s=exposure_s,
        camera="simulated sky",
        sequence=0,
        bayer=BAYER_PATTERN if telescope.colour == "bayer" else None,
    )


@lru_cache(maxsize=1)
def _noise_bank() -> NoiseBank:
    """Noise of all frames; each row starts at a place of its own."""
    return NoiseBank(0)


@lru_cache(maxsize=1)
def _targets() -> tuple[tuple[CatalogueGalaxy, ...], NDArray[np.float64]]:
    """Galaxies bright enough to be targets, brightest first, and their lengths in arcmin."""
    bright = tuple(g for g in load_galaxies() if g.magnitude < _FAINTEST_TARGET_MAG)
    return bright, np.array([galaxy.major_arcmin for galaxy in bright])


def _target(rng: np.random.Generator, side_px: float) -> CatalogueGalaxy:
    """A galaxy that is that long on an ordinary telescope; bright ones more often."""
    low, high = (scale * side_px / 60.0 for scale in _SCALES_ARCSEC)
    galaxies, lengths = _targets()
    fitting = np.flatnonzero((lengths >= low) & (lengths <= high))
    return galaxies[int(fitting[int(len(fitting) * rng.random() ** 2)])]


def _pointing(
    rng: np.random.Generator, telescope: TelescopeConfig, target: CatalogueGalaxy | None
) -> tuple[float, float]:
    """Somewhere on the sky, or where the target is off the middle by up to a third."""
    if target is None:
        return float(rng.uniform(0.0, 360.0)), math.degrees(math.asin(rng.uniform(-0.95, 0.95)))
    side = target.major_arcmin * 60.0 / telescope.pixel_scale_arcsec
    slack = 0.4 if side < 0.3 * telescope.width else 0.15
    middle = (telescope.width - 1) / 2.0
    plane = FieldProjection(
        target.ra_deg, target.dec_deg, telescope.pixel_scale_arcsec, middle, middle
    )
    offset = rng.uniform(-slack, slack, 2) * telescope.width
    ra_deg, dec_deg = plane.to_sky(middle + offset[0], middle + offset[1])
    return float(ra_deg), float(dec_deg)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(max(low, high)))))
