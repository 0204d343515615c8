"""The galaxies of the OpenNGC catalogue (Verga, github.com/mattiaverga/OpenNGC)."""

from __future__ import annotations

import importlib.util
import math
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import ConfigError

MEAN_B_V = 0.8
"""Colour of a typical bright galaxy, for those without a trustworthy V magnitude."""

# V is kept where B - V is that of a galaxy; a few catalogue entries have a V that is
# the magnitude of something else (NGC 253: B 7.9, V 11.1).
_PLAUSIBLE_B_V = (0.2, 1.6)


@dataclass(frozen=True, slots=True)
class CatalogueGalaxy:
    """A galaxy as catalogued.

    Attributes
    ----------
    name : str
        ``"NGC5194"``, ``"IC342"`` or the name in another catalogue.
    messier : int
        Messier number, 0 where it has none.
    ra_deg, dec_deg : float
        ICRS position in degrees.
    major_arcmin, minor_arcmin : float
        Diameters of the 25 mag/arcsec^2 (B) isophote.
    position_angle_deg : float
        Of the major axis, from north through east.
    magnitude : float
        Apparent V magnitude, or B - 0.8 where V is missing or implausible.
    hubble_type : str
        As catalogued; may be empty.
    """

    name: str
    messier: int
    ra_deg: float
    dec_deg: float
    major_arcmin: float
    minor_arcmin: float
    position_angle_deg: float
    magnitude: float
    hubble_type: str

    @property
    def title(self) -> str:
        """Messier number where there is one, else the name."""
        return f"M{self.messier}" if self.messier else self.name


def _database() -> sqlite3.Connection:
    """Open the catalogue without importing pyongc, which would import pandas."""
    spec = importlib.util.find_spec("pyongc")
    if spec is None or spec.origin is None:
        raise ConfigError(
            "the simulated sky needs the OpenNGC catalogue: install the package pyongc"
        )
    path = Path(spec.origin).with_name("ongc.db")
    if not path.is_file():
        raise ConfigError(f"the OpenNGC catalogue is missing: no file {path}; reinstall pyongc")
    return sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)


def _short(name: str) -> str:
    """Drop the padding of NGC and IC numbers."""
    for prefix in ("NGC", "IC"):
        if name.startswith(prefix + "0"):
            return prefix + name[len(prefix) :].lstrip("0")
    return name


@lru_cache(maxsize=1)
def load_galaxies() -> tuple[CatalogueGalaxy, ...]:
    """Return every galaxy of OpenNGC that has a magnitude and a size, brightest first.

    Read once (some 50 ms) and kept.

    Raises
    ------
    ConfigError
        The catalogue is not installed.
    """
    query = (
        "SELECT name, messier, ra, dec, majax, minax, pa, bmag, vmag, hubble FROM objects"
        " WHERE type = 'G' AND ra IS NOT NULL AND majax > 0"
        " AND (bmag IS NOT NULL OR vmag IS NOT NULL)"
    )
    galaxies = []
    with closing(_database()) as database:
        for name, messier, ra, dec, major, minor, angle, b, v, hubble in database.execute(query):
            low, high = _PLAUSIBLE_B_V
            if v is None or (b is not None and not low <= b - v <= high):
                v = b - MEAN_B_V
            galaxies.append(
                CatalogueGalaxy(
                    name=_short(name),
                    messier=int(messier) if messier else 0,
                    ra_deg=math.degrees(ra),
                    dec_deg=math.degrees(dec),
                    major_arcmin=float(major),
                    minor_arcmin=float(min(minor or major, major)),
                    position_angle_deg=float(angle or 0.0),
                    magnitude=float(v),
                    hubble_type=hubble or "",
                )
            )
    return tuple(sorted(galaxies, key=lambda galaxy: galaxy.magnitude))


@lru_cache(maxsize=1)
def _directions() -> NDArray[np.float64]:
    """Unit vectors of all galaxies, shape (N, 3)."""
    positions = np.radians([(g.ra_deg, g.dec_deg) for g in load_galaxies()])
    return unit_vectors(positions[:, 0], positions[:, 1])


def unit_vectors(ra_rad: NDArray[np.float64], dec_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return directions on the sphere, shape (..., 3), from angles in radians."""
    cos_dec = np.cos(dec_rad)
    parts = [cos_dec * np.cos(ra_rad), cos_dec * np.sin(ra_rad), np.sin(dec_rad)]
    return np.stack(parts, axis=-1)


def galaxies_in_field(
    ra_deg: float, dec_deg: float, radius_deg: float, faintest_mag: float = 99.0
) -> list[CatalogueGalaxy]:
    """Return the galaxies that reach into a circle on the sky, brightest first.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Centre of the circle, ICRS degrees.
    radius_deg : float
        Its radius, 0 to 180. A galaxy counts where its isophote reaches inside.
    faintest_mag : float
        Fainter galaxies are left out.

    Returns
    -------
    list of CatalogueGalaxy
        Empty where there is none.
    """
    centre = unit_vectors(np.radians(np.float64(ra_deg)), np.radians(np.float64(dec_deg)))
    chord = np.linalg.norm(_directions() - centre, axis=-1)
    distance_deg = np.degrees(2.0 * np.arcsin((chord / 2.0).clip(0.0, 1.0)))
    # The largest galaxy, the LMC, is 10.8 degrees long; the exact test follows.
    near = np.flatnonzero(distance_deg <= radius_deg + 6.0)
    galaxies = load_galaxies()
    return [
        galaxies[i]
        for i in near
        if galaxies[i].magnitude <= faintest_mag
        and distance_deg[i] <= radius_deg + galaxies[i].major_arcmin / 120.0
    ]


@lru_cache(maxsize=1)
def _by_name() -> dict[str, CatalogueGalaxy]:
    names: dict[str, CatalogueGalaxy] = {}
    for galaxy in load_galaxies():
        names.setdefault(galaxy.name.upper(), galaxy)
        if galaxy.messier:
            names.setdefault(f"M{galaxy.messier}", galaxy)
    return names


def _key(name: str) -> str:
    """Return a name as the index has it: capitals, no blanks, no padding."""
    compact = re.sub(r"[\s_]+", "", name).upper()
    compact = re.sub(r"^MESSIER(?=\d)", "M", compact)
    return re.sub(r"^(M|NGC|IC)0+(?=\d)", r"\1", compact)


def find_target(name: str) -> CatalogueGalaxy:
    """Return the galaxy a name means.

    Parameters
    ----------
    name : str
        ``"M51"``, ``"Messier 51"``, ``"NGC 5194"``, ``"ngc5194"``, ``"IC 342"``, a
        duplicate designation, or a common name such as ``"Sombrero Galaxy"``.

    Raises
    ------
    ConfigError
        No galaxy has this name; the message says what the object is where the
        catalogue knows it.
    """
    key = _key(name)
    galaxy = _by_name().get(key)
    if galaxy is not None:
        return galaxy
    galaxy, kind = _look_up(name, key)
    if galaxy is not None:
        return galaxy
    what = f"is a {kind}, not a single galaxy" if kind else "is not in the OpenNGC catalogue"
    raise ConfigError(
        f"target {name!r} {what}; name a galaxy such as M51, NGC 4565 or IC 342,"
        " or give a position as RA/Dec in degrees (202.47/47.2)"
    )


def _look_up(name: str, key: str) -> tuple[CatalogueGalaxy | None, str]:
    """Search duplicates and common names; return the galaxy, or what the object is."""
    match = re.fullmatch(r"(NGC|IC)(\d+)([A-Z]*)", key)
    padded = f"{match[1]}{int(match[2]):04d}{match[3]}" if match else key
    messier = f"{int(key[1:]):03d}" if re.fullmatch(r"M\d+", key) else ""
    common = " ".join(name.lower().split())
    query = (
        "SELECT o.name, o.ngc, o.ic, o.messier, o.type, lower(t.typedesc) FROM objects o"
        " JOIN objTypes t ON t.type = o.type"
        " WHERE upper(o.name) = ? OR (? != '' AND o.messier = ?)"
        " OR (? != '' AND instr(',' || lower(o.commonnames) || ',', ',' || ? || ',') > 0)"
        " ORDER BY o.type != 'G' LIMIT 1"
    )
    with closing(_database()) as database:
        row = database.execute(query, (padded, messier, messier, common, common)).fetchone()
    if row is None:
        return None, ""
    found, ngc, ic, other_messier, kind, description = row
    names = [found]
    if kind == "Dup":
        names = [f"NGC{number}" for number in (ngc or "").split(",") if number]
        names += [f"IC{number}" for number in (ic or "").split(",") if number]
        names += [f"M{number}" for number in (other_messier or "").split(",") if number]
    for candidate in names:
        galaxy = _by_name().get(_key(candidate))
        if galaxy is not None:
            return galaxy, description
    return None, str(description)
