"""A camera that tours the galaxies of a simulated sky.

It needs no hardware and knows what it shows, so it serves demonstrations, tests
and benchmarks. The sky itself is in ``edge_runtime.sky``.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_runtime.cameras.base import Camera
from edge_runtime.errors import CameraError, ConfigError
from edge_runtime.frame import Frame

if TYPE_CHECKING:
    from edge_runtime.sky.telescope import SimulatedTelescope

DEFAULT_TARGETS = ("M81", "M104", "M66", "NGC2903", "NGC4565")
"""A tour of five fields with a galaxy brighter than magnitude 10 in each."""

COLOURS = ("colour", "mono", "bayer")

_DITHER_PX = 0.8
_WANDER_PX = 5.0


@dataclass(frozen=True, slots=True)
class SimulatedSkyConfig:
    """What the simulated camera looks at, and how.

    Attributes
    ----------
    targets : tuple of str
        Galaxies by name (``"M51"``, ``"NGC 4565"``) or positions ``"RA/Dec"`` in
        degrees, visited in this order.
    width, height : int
        Sensor size in pixels, 64 to 8192.
    pixel_scale_arcsec : float
        Arcseconds per pixel, 0.2 to 20.
    exposure_s : float
        Exposure time of each frame; time stamps advance by it.
    seed : int
        Which of the possible skies, >= 0.
    frames_per_target : int
        Frames before the next target.
    frame_interval_s : float
        Least time between two frames; 0 gives them as fast as asked for.
    colour : str
        ``"colour"``, ``"mono"`` or ``"bayer"``.
    stars_only : bool
        Look at one field without a catalogue galaxy instead of the targets.
    galaxies : bool
        False leaves the galaxies of the targets' fields out.
    loops : int or None
        How often the tour is made; None for ever.
    start : datetime or None
        UTC beginning of the first exposure; the time of opening where None.
    """

    targets: tuple[str, ...] = DEFAULT_TARGETS
    width: int = 1280
    height: int = 960
    pixel_scale_arcsec: float = 2.4
    exposure_s: float = 120.0
    seed: int = 0
    frames_per_target: int = 12
    frame_interval_s: float = 0.0
    colour: str = "colour"
    stars_only: bool = False
    galaxies: bool = True
    loops: int | None = None
    start: datetime | None = None

    def __post_init__(self) -> None:
        limits: tuple[tuple[str, float, float, float], ...] = (
            ("width", self.width, 64, 8192),
            ("height", self.height, 64, 8192),
            ("scale", self.pixel_scale_arcsec, 0.2, 20.0),
            ("exposure", self.exposure_s, 0.001, 86400.0),
            ("seed", self.seed, 0, 2**63 - 1),
            ("frames_per_target", self.frames_per_target, 1, 10**9),
            ("interval", self.frame_interval_s, 0.0, 86400.0),
            ("loops", 1 if self.loops is None else self.loops, 1, 10**9),
        )
        for key, value, low, high in limits:
            if not low <= value <= high:
                raise ConfigError(
                    f"simulated sky: {key} is {value}; it must be from {low:g} to {high:g}"
                )
        if self.colour not in COLOURS:
            raise ConfigError(
                f"simulated sky: colour is {self.colour!r}; choose one of {', '.join(COLOURS)}"
            )
        if not self.targets:
            raise ConfigError("simulated sky: targets is empty; name at least one galaxy")
        if self.start is not None and self.start.tzinfo is None:
            raise ConfigError("simulated sky: start has no time zone; use UTC")

    @classmethod
    def from_query(cls, params: Mapping[str, str]) -> SimulatedSkyConfig:
        """Return the configuration that the query of a ``sim:`` URI describes.

        Parameters
        ----------
        params : mapping of str to str
            Any of ``targets`` (separated by commas), ``width``, ``height``, ``seed``,
            ``frames_per_target``, ``scale`` (arcsec per pixel), ``exposure`` (s),
            ``colour``, ``stars_only``, ``galaxies``, ``interval`` (s), ``loops`` and
            ``start`` (ISO 8601).

        Raises
        ------
        ConfigError
            An unknown key or a value that cannot be used; the message names it.
        """
        chosen: dict[str, Any] = {}
        for key, text in params.items():
            if key not in _QUERY:
                raise ConfigError(
                    f"simulated sky: unknown parameter {key!r}; known: {', '.join(sorted(_QUERY))}"
                )
            field_name, parse, expected = _QUERY[key]
            try:
                chosen[field_name] = parse(text)
            except ValueError as error:
                raise ConfigError(f"simulated sky: {key}={text!r} is not {expected}") from error
        return cls(**chosen)


def _truth_value(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in ("1", "true", "yes", "on", ""):
        return True
    if lowered in ("0", "false", "no", "off"):
        return False
    raise ValueError(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_QUERY: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "targets": ("targets", _names, "a list of names"),
    "width": ("width", int, "a whole number"),
    "height": ("height", int, "a whole number"),
    "seed": ("seed", int, "a whole number"),
    "frames_per_target": ("frames_per_target", int, "a whole number"),
    "scale": ("pixel_scale_arcsec", float, "a number"),
    "exposure": ("exposure_s", float, "a number"),
    "colour": ("colour", str, "a colour mode"),
    "stars_only": ("stars_only", _truth_value, "true or false"),
    "galaxies": ("galaxies", _truth_value, "true or false"),
    "interval": ("frame_interval_s", float, "a number"),
    "loops": ("loops", int, "a whole number"),
    "start": ("start", _moment, "an ISO 8601 time"),
}


@dataclass(frozen=True, slots=True)
class _Pointing:
    name: str
    ra_deg: float
    dec_deg: float


class SimulatedCamera(Camera):
    """Visits its targets one after the other, a number of frames each.

    Parameters
    ----------
    config : SimulatedSkyConfig, optional
    """

    live = False

    def __init__(self, config: SimulatedSkyConfig | None = None) -> None:
        self.name = "simulated sky"
        self.config = config or SimulatedSkyConfig()
        self._telescope: SimulatedTelescope | None = None
        self._pointings: tuple[_Pointing, ...] = ()
        self._sequence = 0
        self._start = datetime.now(UTC)
        self._due = 0.0
        self._closing = threading.Event()

    def open(self) -> None:
        """Find the targets in the catalogue and start the tour at its beginning.

        Raises
        ------
        ConfigError
            A target is unknown, or the catalogue is not installed.
        """
        from edge_runtime.sky.instrument import TelescopeConfig
        from edge_runtime.sky.telescope import SimulatedTelescope

        config = self.config
        telescope = TelescopeConfig(
            width=config.width,
            height=config.height,
            pixel_scale_arcsec=config.pixel_scale_arcsec,
            colour=config.colour,  # type: ignore[arg-type]  # checked by SimulatedSkyConfig
            galaxies=config.galaxies,
            seed=config.seed,
        )
        if config.stars_only:
            self._pointings = (_empty_field(config),)
        else:
            self._pointings = tuple(_pointing(target) for target in config.targets)
        self._telescope = SimulatedTelescope(telescope)
        self._sequence = 0
        self._start = config.start or datetime.now(UTC)
        self._due = time.monotonic()
        self._closing.clear()

    def read(self) -> Frame | None:
        """Return the next exposure, or None after the last loop of the tour."""
        telescope = self._telescope
        if telescope is None:
            raise CameraError(f"{self.name}: read before open")
        config = self.config
        visit, repeat = divmod(self._sequence, config.frames_per_target)
        if config.loops is not None and visit >= config.loops * len(self._pointings):
            return None
        if self._closed_while_waiting():
            return None
        pointing = self._pointings[visit % len(self._pointings)]
        middle = timedelta(seconds=(self._sequence + 0.5) * config.exposure_s)
        rng = np.random.default_rng([config.seed, self._sequence])
        frame = telescope.expose(
            pointing.ra_deg,
            pointing.dec_deg,
            config.exposure_s,
            self._sequence,
            rng,
            _drift(repeat, visit, config.seed, rng),
            name=pointing.name,
            time=self._start + middle,
            camera=self.name,
        )
        self._sequence += 1
        return frame

    def close(self) -> None:
        """Forget the sky; a read that waits for its turn returns None at once."""
        self._closing.set()
        self._telescope = None

    def _closed_while_waiting(self) -> bool:
        """Wait for the next frame's turn; tell whether the camera was closed meanwhile."""
        if self.config.frame_interval_s > 0.0:
            if self._closing.wait(max(0.0, self._due - time.monotonic())):
                return True
            self._due = max(self._due, time.monotonic()) + self.config.frame_interval_s
        return False


def _pointing(target: str) -> _Pointing:
    """Return where a target is."""
    from edge_runtime.sky.catalogue import find_target

    if "/" not in target:
        galaxy = find_target(target)
        return _Pointing(galaxy.title, galaxy.ra_deg, galaxy.dec_deg)
    ra_text, _, dec_text = target.partition("/")
    try:
        ra_deg, dec_deg = float(ra_text), float(dec_text)
    except ValueError as error:
        raise ConfigError(
            f"simulated sky: target {target!r} is no RA/Dec in degrees, such as 202.47/47.2"
        ) from error
    if not (0.0 <= ra_deg <= 360.0 and -90.0 <= dec_deg <= 90.0):
        raise ConfigError(
            f"simulated sky: target {target!r} is off the sky; RA is 0 to 360, Dec -90 to 90"
        )
    return _Pointing(target, ra_deg, dec_deg)


def _empty_field(config: SimulatedSkyConfig) -> _Pointing:
    """Return a pointing whose frame no catalogue galaxy reaches into."""
    from edge_runtime.sky.catalogue import galaxies_in_field

    corner_deg = math.hypot(config.width, config.height) / 2.0 * config.pixel_scale_arcsec / 3600.0
    rng = np.random.default_rng([config.seed, 0xE0])
    for _ in range(2000):
        ra_deg = float(rng.uniform(0.0, 360.0))
        dec_deg = math.degrees(math.asin(float(rng.uniform(-0.9, 0.9))))
        if not galaxies_in_field(ra_deg, dec_deg, corner_deg + 0.1):
            return _Pointing("star field", ra_deg, dec_deg)
    raise ConfigError(
        f"simulated sky: no field of {2 * corner_deg:.1f} degrees is free of galaxies;"
        " make the frame or the scale smaller for stars_only"
    )


def _drift(repeat: int, visit: int, seed: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return the drift of a frame: a slow periodic error and a dither, within 8 pixels."""
    phase = np.random.default_rng([seed, visit, 0xD7]).uniform(0.0, math.tau, 2)
    wander = [_WANDER_PX * (math.sin(0.15 * repeat + p) - math.sin(p)) / 2.0 for p in phase]
    dither = np.clip(rng.normal(0.0, _DITHER_PX, 2), -3.0, 3.0)
    return float(wander[0] + dither[0]), float(wander[1] + dither[1])
