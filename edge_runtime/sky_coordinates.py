"""From pixels to the sky and back, for frames that know where they point.

The gnomonic (TAN) projection of Calabretta & Greisen 2002, A&A 395, 1077,
section 5.1.3, with the native pole at its usual place (LONPOLE = 180 deg).
Distortion terms (SIP and the like) are left out: they move a galaxy by a few
pixels at most, less than the boxes it is compared with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edge_runtime.frame import Frame, HeaderValue

ARCSEC_PER_RADIAN = 206_264.806


@dataclass(frozen=True, slots=True)
class TangentPlane:
    """Where the pixels of one frame lie on the sky.

    Pixels are counted as in ``Frame.pixels``: the centre of the pixel in row 0
    and column 0 is (0, 0), which a FITS header calls (1, 1).

    Attributes
    ----------
    ra_deg, dec_deg : float
        ICRS position of the reference pixel (CRVAL).
    x_px, y_px : float
        Reference pixel, counted from 0 (CRPIX - 1).
    cd : tuple of float
        CD1_1, CD1_2, CD2_1, CD2_2 in degrees per pixel.
    width_px, height_px : int
        Size of the frame.
    """

    ra_deg: float
    dec_deg: float
    x_px: float
    y_px: float
    cd: tuple[float, float, float, float]
    width_px: int
    height_px: int

    @classmethod
    def from_frame(cls, frame: Frame) -> Self | None:
        """Read the WCS of a frame's header, else its pointing and pixel scale.

        Parameters
        ----------
        frame : Frame
            The header may hold a TAN WCS (CRVAL, CRPIX and CD, or CDELT with
            PC or CROTA2). Without one, ``ra_deg`` and ``dec_deg`` of the frame
            centre serve with the pixel scale (PIXSCALE in arcsec, or XPIXSZ in
            um and FOCALLEN in mm), north up and east left.

        Returns
        -------
        TangentPlane or None
            None where the frame does not say enough, or where the WCS is of
            another projection.
        """
        header = frame.header
        size = (frame.width, frame.height)
        cd = _cd_matrix(header)
        reference = [_number(header, key) for key in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")]
        if cd is not None and _is_tangent(header) and None not in reference:
            ra, dec, x, y = (float(value) for value in reference if value is not None)
            return cls(ra % 360.0, dec, x - 1.0, y - 1.0, cd, *size)
        scale = _pixel_scale_arcsec(header)
        if scale is None or frame.ra_deg is None or frame.dec_deg is None:
            return None
        step = scale / 3600.0
        centre = ((frame.width - 1) / 2.0, (frame.height - 1) / 2.0)
        return cls(frame.ra_deg % 360.0, frame.dec_deg, *centre, (-step, 0.0, 0.0, -step), *size)

    @property
    def pixel_scale_arcsec(self) -> float:
        """Side of a pixel in arcsec (geometric mean of the two axes)."""
        return math.sqrt(abs(self._determinant)) * 3600.0

    @property
    def _determinant(self) -> float:
        return self.cd[0] * self.cd[3] - self.cd[1] * self.cd[2]

    @property
    def centre_deg(self) -> tuple[float, float]:
        """RA and Dec of the middle of the frame in degrees."""
        return self.sky((self.width_px - 1) / 2.0, (self.height_px - 1) / 2.0)

    def sky(self, x_px: float, y_px: float) -> tuple[float, float]:
        """RA (0 to 360) and Dec in degrees of a pixel position."""
        dx, dy = x_px - self.x_px, y_px - self.y_px
        xi = math.radians(self.cd[0] * dx + self.cd[1] * dy)
        eta = math.radians(self.cd[2] * dx + self.cd[3] * dy)
        dec0 = math.radians(self.dec_deg)
        along = math.cos(dec0) - eta * math.sin(dec0)
        ra = self.ra_deg + math.degrees(math.atan2(xi, along))
        dec = math.atan2(math.sin(dec0) + eta * math.cos(dec0), math.hypot(xi, along))
        return ra % 360.0, math.degrees(dec)

    def pixel(self, ra_deg: float, dec_deg: float) -> tuple[float, float] | None:
        """Pixel position of a point of the sky.

        Returns
        -------
        tuple of float or None
            (x, y), perhaps outside the frame; None for a point on the far half
            of the sky, which the projection does not reach.
        """
        delta = math.radians(ra_deg - self.ra_deg)
        dec, dec0 = math.radians(dec_deg), math.radians(self.dec_deg)
        cos_c = math.sin(dec0) * math.sin(dec) + math.cos(dec0) * math.cos(dec) * math.cos(delta)
        if cos_c <= 1e-6:
            return None
        xi = math.degrees(math.cos(dec) * math.sin(delta) / cos_c)
        eta = math.degrees(
            (math.cos(dec0) * math.sin(dec) - math.sin(dec0) * math.cos(dec) * math.cos(delta))
            / cos_c
        )
        a, b, c, d = self.cd
        det = self._determinant
        return self.x_px + (d * xi - b * eta) / det, self.y_px + (a * eta - c * xi) / det


def separation_arcsec(
    ra_deg: float,
    dec_deg: float,
    other_ra_deg: NDArray[np.float64] | float,
    other_dec_deg: NDArray[np.float64] | float,
) -> NDArray[np.float64]:
    """Angle on the sky between one point and one or many others.

    Parameters
    ----------
    ra_deg, dec_deg : float
        The one point, degrees.
    other_ra_deg, other_dec_deg : float or ndarray of float64
        The other points, degrees.

    Returns
    -------
    ndarray of float64
        Angles in arcsec by the haversine formula, exact for small angles;
        shape of ``other_ra_deg``.
    """
    dec = np.radians(dec_deg)
    other_dec = np.radians(np.asarray(other_dec_deg, dtype=np.float64))
    half_ra = np.radians(np.asarray(other_ra_deg, dtype=np.float64) - ra_deg) / 2.0
    half_dec = (other_dec - dec) / 2.0
    chord = np.sin(half_dec) ** 2 + np.cos(dec) * np.cos(other_dec) * np.sin(half_ra) ** 2
    angle = 2.0 * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0)))
    return np.asarray(angle * ARCSEC_PER_RADIAN, dtype=np.float64)


def _number(header: Mapping[str, HeaderValue], key: str) -> float | None:
    value = header.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _is_tangent(header: Mapping[str, HeaderValue]) -> bool:
    kinds = (str(header.get("CTYPE1") or "RA---TAN"), str(header.get("CTYPE2") or "DEC--TAN"))
    pole = _number(header, "LONPOLE")
    return (
        kinds[0].startswith("RA---TAN")
        and kinds[1].startswith("DEC--TAN")
        and (pole is None or pole == 180.0)
    )


def _cd_matrix(header: Mapping[str, HeaderValue]) -> tuple[float, float, float, float] | None:
    cd = [_number(header, key) for key in ("CD1_1", "CD1_2", "CD2_1", "CD2_2")]
    if any(value is not None for value in cd):
        matrix = [value or 0.0 for value in cd]
    else:
        step1, step2 = _number(header, "CDELT1"), _number(header, "CDELT2")
        if step1 is None or step2 is None:
            return None
        turn = math.radians(_number(header, "CROTA2") or 0.0)
        ratio = step2 / step1 if step1 else 0.0
        rotation = (
            math.cos(turn),
            -math.sin(turn) * ratio,
            math.sin(turn) / ratio if ratio else 0.0,
            math.cos(turn),
        )
        keys = ("PC1_1", "PC1_2", "PC2_1", "PC2_2")
        pc = [_number(header, key) for key in keys]
        if any(value is not None for value in pc):
            unit = (1.0, 0.0, 0.0, 1.0)
            rotation = tuple(  # type: ignore[assignment]
                default if value is None else value for value, default in zip(pc, unit, strict=True)
            )
        steps = (step1, step1, step2, step2)
        matrix = [step * part for step, part in zip(steps, rotation, strict=True)]
    a, b, c, d = matrix
    if abs(a * d - b * c) < 1e-20:
        return None
    return a, b, c, d


def _pixel_scale_arcsec(header: Mapping[str, HeaderValue]) -> float | None:
    for key in ("PIXSCALE", "SECPIX", "SCALE"):
        scale = _number(header, key)
        if scale is not None and scale > 0.0:
            return scale
    pixel_um, focal_mm = _number(header, "XPIXSZ"), _number(header, "FOCALLEN")
    if pixel_um and focal_mm and pixel_um > 0.0 and focal_mm > 0.0:
        return pixel_um / focal_mm * ARCSEC_PER_RADIAN / 1000.0
    return None
