"""Gnomonic projection of the sky on a sensor, north up and east to the left."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_runtime.frame import HeaderValue


@dataclass(frozen=True, slots=True)
class FieldProjection:
    """A TAN projection (Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3).

    Attributes
    ----------
    ra_deg, dec_deg : float
        ICRS position of the tangent point.
    scale_arcsec : float
        Arcseconds per pixel.
    x_px, y_px : float
        Where the tangent point falls, (0, 0) the middle of the top left pixel.
    """

    ra_deg: float
    dec_deg: float
    scale_arcsec: float
    x_px: float
    y_px: float

    def to_pixels(
        self, ra_deg: ArrayLike, dec_deg: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return pixel positions of ICRS positions; NaN for the far hemisphere."""
        ra = np.radians(np.asarray(ra_deg, dtype=np.float64) - self.ra_deg)
        dec = np.radians(np.asarray(dec_deg, dtype=np.float64))
        dec0 = math.radians(self.dec_deg)
        cosine = math.sin(dec0) * np.sin(dec) + math.cos(dec0) * np.cos(dec) * np.cos(ra)
        cosine = np.where(cosine > 1e-3, cosine, np.nan)
        east = np.cos(dec) * np.sin(ra) / cosine
        north = math.cos(dec0) * np.sin(dec) - math.sin(dec0) * np.cos(dec) * np.cos(ra)
        per_radian = 180.0 * 3600.0 / math.pi / self.scale_arcsec
        return self.x_px - east * per_radian, self.y_px - north / cosine * per_radian

    def to_sky(self, x_px: float, y_px: float) -> tuple[float, float]:
        """Return the ICRS position of a pixel, in degrees."""
        radians = self.scale_arcsec * math.pi / 180.0 / 3600.0
        east, north = (self.x_px - x_px) * radians, (self.y_px - y_px) * radians
        dec0 = math.radians(self.dec_deg)
        forward = math.cos(dec0) - north * math.sin(dec0)
        ra = self.ra_deg + math.degrees(math.atan2(east, forward))
        up = math.sin(dec0) + north * math.cos(dec0)
        return ra % 360.0, math.degrees(math.atan2(up, math.hypot(forward, east)))

    def header(self) -> dict[str, HeaderValue]:
        """Return the FITS keywords of this projection for an array with its top row first."""
        scale_deg = self.scale_arcsec / 3600.0
        return {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "CRVAL1": self.ra_deg,
            "CRVAL2": self.dec_deg,
            "CRPIX1": self.x_px + 1.0,
            "CRPIX2": self.y_px + 1.0,
            "CD1_1": -scale_deg,
            "CD1_2": 0.0,
            "CD2_1": 0.0,
            "CD2_2": -scale_deg,
            "RADESYS": "ICRS",
            "EQUINOX": 2000.0,
            "PIXSCALE": self.scale_arcsec,
        }
