"""Field stars: how many, how bright, of which colour, anywhere on the sky."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.sky.catalogue import unit_vectors
from edge_runtime.sky.light import star_b_v

BRIGHTEST_MAG = 4.0

_CELL_DEG = 0.5
_LOWEST_LATITUDE_DEG = 20.0
_POLE_RA_DEG, _POLE_DEC_DEG, _NODE_DEG = 192.85948, 27.12825, 122.93192


@dataclass(frozen=True, slots=True)
class StarField:
    """Stars of a region.

    Attributes
    ----------
    ra_deg, dec_deg : ndarray, shape (N,), float64
        ICRS positions in degrees.
    magnitude : ndarray, shape (N,), float32
        V magnitudes.
    b_v : ndarray, shape (N,), float32
        Colour indices B - V.
    """

    ra_deg: NDArray[np.float64]
    dec_deg: NDArray[np.float64]
    magnitude: NDArray[np.float32]
    b_v: NDArray[np.float32]


def galactic(ra_deg: float, dec_deg: float) -> tuple[float, float]:
    """Return galactic longitude and latitude in degrees of an ICRS position."""
    ra, dec = math.radians(ra_deg - _POLE_RA_DEG), math.radians(dec_deg)
    pole = math.radians(_POLE_DEC_DEG)
    sine = math.sin(dec) * math.sin(pole) + math.cos(dec) * math.cos(pole) * math.cos(ra)
    across = math.cos(dec) * math.sin(ra)
    along = math.sin(dec) * math.cos(pole) - math.cos(dec) * math.sin(pole) * math.cos(ra)
    longitude = (_NODE_DEG - math.degrees(math.atan2(across, along))) % 360.0
    return longitude, math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def stars_per_square_degree(
    magnitude: NDArray[np.float64] | float, longitude_deg: float, latitude_deg: float
) -> NDArray[np.float64]:
    """Return the number of stars brighter than a V magnitude.

    The analytic fit of Bahcall & Soneira (1980, ApJS 44, 73, eq. B1, integral
    counts), good to 15 per cent above 20 degrees of galactic latitude. Below, the
    counts at 20 degrees grow as 1 / sin b down to 5 degrees: the order of magnitude
    is right, dark clouds are not there.

    Parameters
    ----------
    magnitude : float or ndarray
        Limiting V magnitude, 4 to 25.
    longitude_deg, latitude_deg : float
        Galactic coordinates.

    Returns
    -------
    ndarray
        Stars per square degree, same shape as ``magnitude``.
    """
    m = np.asarray(magnitude, dtype=np.float64)
    true_latitude = abs(latitude_deg)
    latitude = math.radians(max(true_latitude, _LOWEST_LATITUDE_DEG))
    cosine = math.cos(latitude) * math.cos(math.radians(longitude_deg))
    step = m.clip(12.0, 20.0) - 12.0
    mu, gamma = 0.03 + 0.0075 * step, 0.36 - 0.04 * step
    disc = 925.0 * 10.0 ** (0.035 * (m - 15.75)) / (1.0 + 10.0 ** (-0.132 * (m - 15.75))) ** 3.0
    disc /= (math.sin(latitude) - mu * cosine) ** (3.0 - 5.0 * gamma)
    halo = 1050.0 * 10.0 ** (0.087 * (m - 17.5)) / (1.0 + 10.0 ** (-0.180 * (m - 17.5))) ** 2.5
    halo /= (1.0 - cosine) ** (1.45 - 0.20 * cosine)
    density = disc + halo
    if true_latitude < _LOWEST_LATITUDE_DEG:
        density = density * (math.sin(latitude) / math.sin(math.radians(max(true_latitude, 5.0))))
    return np.asarray(density, dtype=np.float64)


def stars_in_field(
    ra_deg: float, dec_deg: float, radius_deg: float, faintest_mag: float, seed: int
) -> StarField:
    """Return the stars of the simulated sky around a position.

    The sky is divided in cells of half a degree, each with its own random stream,
    so that overlapping fields show the same stars.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Centre, ICRS degrees.
    radius_deg : float
        All stars up to this distance are returned, and some beyond.
    faintest_mag : float
        Limiting V magnitude; a deeper limit gives other stars.
    seed : int
        Which of the possible skies this is, >= 0.

    Returns
    -------
    StarField
    """
    grid = np.linspace(BRIGHTEST_MAG, faintest_mag, 200)
    parts: list[tuple[NDArray[np.float64], ...]] = []
    reach = radius_deg + 0.75 * _CELL_DEG
    centre = unit_vectors(np.radians(np.float64(ra_deg)), np.radians(np.float64(dec_deg)))
    for band in _bands(dec_deg, reach):
        low = band * _CELL_DEG - 90.0
        middle = low + _CELL_DEG / 2.0
        cells = max(1, round(360.0 * math.cos(math.radians(middle)) / _CELL_DEG))
        centres_ra = (np.arange(cells) + 0.5) * (360.0 / cells)
        directions = unit_vectors(np.radians(centres_ra), np.full(cells, math.radians(middle)))
        near = np.flatnonzero(directions @ centre >= math.cos(math.radians(min(reach, 180.0))))
        sines = math.sin(math.radians(low)), math.sin(math.radians(low + _CELL_DEG))
        area = 360.0 / cells * math.degrees(sines[1] - sines[0])
        for cell in near:
            rng = np.random.default_rng([seed, band, int(cell)])
            counts = stars_per_square_degree(grid, *galactic(float(centres_ra[cell]), middle))
            number = int(rng.poisson(counts[-1] * area))
            ra = (cell + rng.random(number)) * (360.0 / cells)
            dec = np.degrees(np.arcsin(rng.uniform(*sines, number)))
            magnitude = np.interp(rng.random(number) * counts[-1], counts, grid)
            parts.append((ra, dec, magnitude, star_b_v(rng, number).astype(np.float64)))
    if not parts:
        parts.append((np.zeros(0),) * 4)
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return StarField(
        joined[0], joined[1], joined[2].astype(np.float32), joined[3].astype(np.float32)
    )


def _bands(dec_deg: float, reach_deg: float) -> range:
    """Return the declination bands within reach."""
    count = round(180.0 / _CELL_DEG)
    first = math.floor((dec_deg - reach_deg + 90.0) / _CELL_DEG)
    last = math.floor((dec_deg + reach_deg + 90.0) / _CELL_DEG)
    return range(max(0, first), min(count - 1, last) + 1)
