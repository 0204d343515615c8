"""A simulated telescope that takes pictures of the simulated sky."""

from __future__ import annotations

import logging
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

import numpy as np

from edge_runtime.frame import Frame, HeaderValue
from edge_runtime.sky.instrument import TelescopeConfig
from edge_runtime.sky.projection import FieldProjection
from edge_runtime.sky.scene import MARGIN_PX, SkyScene, draw_scene, visible_galaxies
from edge_runtime.sky.sensor import BAYER_PATTERN, Sensor

MAX_DRIFT_PX = MARGIN_PX - 1
"""Largest drift that an exposure may have, in pixels."""

_CACHED_BYTES = 32_000_000
_MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)

_log = logging.getLogger(__name__)


class SimulatedTelescope:
    """Takes exposures anywhere on the sky, with known truth.

    The light of the last fields is kept (32 MB, or one field where that is larger),
    so that a second exposure of a field costs little more than its noise.

    Parameters
    ----------
    config : TelescopeConfig
    """

    def __init__(self, config: TelescopeConfig) -> None:
        self.config = config
        self._sensor = Sensor(config)
        self._scenes: OrderedDict[tuple[float, float], SkyScene] = OrderedDict()

    def expose(
        self,
        ra_deg: float,
        dec_deg: float,
        exposure_s: float,
        sequence: int,
        rng: np.random.Generator,
        drift_xy_px: tuple[float, float] = (0.0, 0.0),
        *,
        name: str = "",
        time: datetime | None = None,
        camera: str = "simulated sky",
    ) -> Frame:
        """Take a picture.

        Parameters
        ----------
        ra_deg, dec_deg : float
            ICRS position of the frame's centre at zero drift.
        exposure_s : float
            Exposure time in seconds, > 0.
        sequence : int
            Number of the frame.
        rng : numpy.random.Generator
            Noise of this frame.
        drift_xy_px : (float, float)
            By how much the sky has moved right and down on the sensor, at most 24
            pixels each way.
        name, camera : str
            As in ``Frame``.
        time : datetime, optional
            UTC of mid-exposure; now where not given.

        Returns
        -------
        Frame
            uint16 counts with a TAN WCS in the header, and the truth.

        Raises
        ------
        ValueError
            The exposure is not positive or the drift is too large.
        """
        if not exposure_s > 0.0:
            raise ValueError(f"exposure_s is {exposure_s}; it must be positive")
        if max(abs(drift_xy_px[0]), abs(drift_xy_px[1])) > MAX_DRIFT_PX:
            raise ValueError(f"drift {drift_xy_px} exceeds {MAX_DRIFT_PX} pixels")
        config = self.config
        scene = self.scene(ra_deg, dec_deg)
        pixels = self._sensor.expose(scene.planes, exposure_s, rng, drift_xy_px)
        plane = FieldProjection(
            ra_deg,
            dec_deg,
            config.pixel_scale_arcsec,
            scene.plane.x_px + drift_xy_px[0],
            scene.plane.y_px + drift_xy_px[1],
        )
        centre = plane.to_sky(scene.plane.x_px, scene.plane.y_px)
        moment = (time or datetime.now(UTC)).astimezone(UTC)
        return Frame(
            pixels=pixels,
            time=moment,
            exposure_s=exposure_s,
            camera=camera,
            sequence=sequence,
            name=name,
            bayer=BAYER_PATTERN if config.colour == "bayer" else None,
            ra_deg=centre[0],
            dec_deg=centre[1],
            header=self._header(plane, exposure_s, name, moment),
            truth=visible_galaxies(scene, plane, config, exposure_s),
        )

    def scene(self, ra_deg: float, dec_deg: float) -> SkyScene:
        """Return the light of a field, drawn at the first call and kept for the next."""
        key = (round(ra_deg, 6), round(dec_deg, 6))
        if key in self._scenes:
            self._scenes.move_to_end(key)
            return self._scenes[key]
        config = self.config
        size = (config.height + 2 * MARGIN_PX) * (config.width + 2 * MARGIN_PX)
        keep = max(1, _CACHED_BYTES // (4 * config.planes * size))
        while len(self._scenes) >= keep:
            self._scenes.popitem(last=False)
        scene = draw_scene(config, ra_deg, dec_deg)
        _log.debug("drew %d galaxies around %.3f %+.3f", len(scene.galaxies), ra_deg, dec_deg)
        self._scenes[key] = scene
        return scene

    def _header(
        self, plane: FieldProjection, exposure_s: float, name: str, time: datetime
    ) -> dict[str, HeaderValue]:
        """Return FITS keywords of an exposure."""
        config = self.config
        zero_adu = config.electrons_per_s_of_mag_0 * exposure_s * config.adu_per_electron
        header = plane.header()
        header |= {
            "OBJECT": name,
            "EXPTIME": exposure_s,
            "DATE-AVG": time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
            "MJD-AVG": (time - _MJD_EPOCH) / timedelta(days=1),
            "INSTRUME": "galaxy-edge simulated sky",
            "APTDIA": config.aperture_mm,
            "GAIN_E": 1.0 / config.adu_per_electron,
            "RDNOISE": config.read_noise_e,
            "PEDESTAL": config.offset_counts,
            "SATURATE": config.highest_adu,
            "ZEROPNT": float(2.5 * np.log10(zero_adu)),
        }
        if config.colour == "bayer":
            header["BAYERPAT"] = BAYER_PATTERN
        return header
