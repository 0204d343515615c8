"""What FITS keywords say about time, exposure, pointing and colour filters.

Works on plain dictionaries, so it serves files, INDI and Alpaca cameras alike.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from edge_runtime.frame import BAYER_PATTERNS, HeaderValue
from edge_runtime.sky_coordinates import TangentPlane

if TYPE_CHECKING:
    from astropy.io.fits import Header

_MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
_LONGEST_HEADER = 2000
_EXPOSURE_KEYS = ("EXPTIME", "EXPOSURE", "EXP_TIME", "XPOSURE", "ITIME")
_LONGEST_EXPOSURE_S = 7 * 86400.0
_ISO = re.compile(r"(-?\d{4,})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d(?:\.\d*)?))?)?Z?$")
_OLD_DATE = re.compile(r"(\d\d?)/(\d\d?)/(\d\d)$")
_CLOCK = re.compile(r"(\d\d?):(\d\d?)(?::(\d\d?(?:\.\d*)?))?$")
_ANGLE = re.compile(r"([+-]?)\s*(\d+)[:\sdh°]+(\d+)(?:[:\sm'’]+(\d+(?:\.\d*)?))?[s\"”]?$")


def plain_header(header: Header) -> dict[str, HeaderValue]:
    """Copy a FITS header to a dictionary of plain values.

    Comments, history and cards that cannot be parsed are left out; undefined
    values become None; at most 2,000 cards are taken.

    Parameters
    ----------
    header : astropy.io.fits.Header

    Returns
    -------
    dict
        Keyword to str, int, float, bool or None.
    """
    from astropy.io.fits import VerifyError

    plain: dict[str, HeaderValue] = {}
    for card in header.cards[:_LONGEST_HEADER]:
        try:
            keyword, value = card.keyword, card.value
        except (VerifyError, ValueError):
            continue
        if keyword in ("", "COMMENT", "HISTORY"):
            continue
        if isinstance(value, bool | int | float | str):
            plain[keyword] = value
        elif value is None or type(value).__name__ == "Undefined":
            plain[keyword] = None
        else:
            plain[keyword] = str(value)
    return plain


def number(header: Mapping[str, HeaderValue], keyword: str) -> float | None:
    """Return a keyword as a finite number, also where it is written as text; else None."""
    value = header.get(keyword)
    if value is None or isinstance(value, bool):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def exposure_s(header: Mapping[str, HeaderValue]) -> float:
    """Return the exposure time in seconds, 0 where it is missing or absurd."""
    for keyword in _EXPOSURE_KEYS:
        value = number(header, keyword)
        if value is not None and 0 <= value <= _LONGEST_EXPOSURE_S:
            return value
    return 0.0


def mid_exposure(header: Mapping[str, HeaderValue], exposure: float) -> datetime | None:
    """Return the UTC time of mid-exposure.

    ``DATE-AVG`` and ``MJD-AVG`` give it; else half the exposure is added to the
    start: ``DATE-OBS`` (with ``TIME-OBS``, ``UTSTART``, ``UT`` or ``UTC`` where
    it has no time of day; also the old ``DD/MM/YY``), ``DATE-BEG``, ``MJD-OBS``
    or ``MJD-BEG``. See FITS Standard 4.0, section 9.

    Parameters
    ----------
    header : mapping
        Keywords.
    exposure : float
        Exposure time in seconds.

    Returns
    -------
    datetime or None
        None where the header has no usable time.
    """
    middle = _moment(header, "DATE-AVG") or _modified_julian(header, "MJD-AVG")
    if middle is not None:
        return middle
    for start in (
        _moment(header, "DATE-OBS"),
        _moment(header, "DATE-BEG"),
        _modified_julian(header, "MJD-OBS"),
        _modified_julian(header, "MJD-BEG"),
    ):
        if start is not None:
            try:
                return start + timedelta(seconds=exposure / 2)
            except OverflowError:
                return None
    return None


def bayer_pattern(header: Mapping[str, HeaderValue], height: int) -> str | None:
    """Return the colour filter pattern as it lies on array row 0, column 0.

    Parameters
    ----------
    header : mapping
        ``BAYERPAT`` or ``COLORTYP``, with ``XBAYROFF``, ``YBAYROFF`` and
        ``ROWORDER`` where present.
    height : int
        Number of rows.

    Returns
    -------
    str or None
        One of ``RGGB``, ``BGGR``, ``GRBG``, ``GBRG``; None for a monochrome
        picture or a pattern that is not one of these.
    """
    for keyword in ("BAYERPAT", "BAYRPAT", "COLORTYP"):
        pattern = str(header.get(keyword) or "").strip().upper()
        if pattern in BAYER_PATTERNS:
            break
    else:
        return None
    column = round(number(header, "XBAYROFF") or 0)
    row = round(number(header, "YBAYROFF") or 0)
    step = 1
    if str(header.get("ROWORDER") or "").strip().upper() == "BOTTOM-UP":
        # Array row i is displayed row height - 1 - i.
        row, step = row + height - 1, -1
    return "".join(
        pattern[2 * ((row + step * i) % 2) + (column + j) % 2] for i in (0, 1) for j in (0, 1)
    )


def pointing(
    header: Mapping[str, HeaderValue], width: int, height: int
) -> tuple[float | None, float | None]:
    """Return where the centre of the frame points.

    A solved gnomonic WCS is preferred (distortion terms are left out); then
    ``OBJCTRA``/``OBJCTDEC``, then ``RA``/``DEC``. Text is sexagesimal with right
    ascension in hours; numbers are degrees. No precession is applied.

    Parameters
    ----------
    header : mapping
        Keywords.
    width, height : int
        Size of the picture in pixels.

    Returns
    -------
    ra_deg, dec_deg : float or None
        Degrees, right ascension in 0..360; both None where unknown.
    """
    solved = _wcs_centre(header, width, height)
    if solved is not None:
        return solved
    for ra_key, dec_key in (("OBJCTRA", "OBJCTDEC"), ("RA", "DEC")):
        ra_deg = _angle(header, ra_key, sexagesimal_unit_deg=15.0)
        dec_deg = _angle(header, dec_key, sexagesimal_unit_deg=1.0)
        if ra_deg is not None and dec_deg is not None and abs(dec_deg) <= 90:
            return ra_deg % 360.0, dec_deg
    return None, None


def _moment(header: Mapping[str, HeaderValue], keyword: str) -> datetime | None:
    text = str(header.get(keyword) or "").strip()
    try:
        if match := _ISO.match(text):
            year, month, day, hour, minute, second = match.groups()
            date = datetime(int(year), int(month), int(day), tzinfo=UTC)
            if hour is None:
                return date + _time_of_day(header)
            return date + timedelta(
                hours=int(hour), minutes=int(minute), seconds=float(second or 0)
            )
        if match := _OLD_DATE.match(text):  # by the standard always 19YY
            day, month, year = match.groups()
            date = datetime(1900 + int(year), int(month), int(day), tzinfo=UTC)
            return date + _time_of_day(header)
    except (ValueError, OverflowError):
        return None
    return None


def _time_of_day(header: Mapping[str, HeaderValue]) -> timedelta:
    for keyword in ("TIME-OBS", "UTSTART", "UT", "UTC", "UTC-OBS"):
        if match := _CLOCK.match(str(header.get(keyword) or "").strip()):
            hour, minute, second = match.groups()
            return timedelta(hours=int(hour), minutes=int(minute), seconds=float(second or 0))
    return timedelta(0)


def _modified_julian(header: Mapping[str, HeaderValue], keyword: str) -> datetime | None:
    days = number(header, keyword)
    if days is None or not 0 < days < 200_000:
        return None
    return _MJD_EPOCH + timedelta(days=days)


def _angle(
    header: Mapping[str, HeaderValue], keyword: str, sexagesimal_unit_deg: float
) -> float | None:
    degrees = number(header, keyword)
    if degrees is not None:
        return degrees
    match = _ANGLE.match(str(header.get(keyword) or "").strip())
    if match is None:
        return None
    sign, whole, minutes, seconds = match.groups()
    value = int(whole) + int(minutes) / 60 + float(seconds or 0) / 3600
    return (-value if sign == "-" else value) * sexagesimal_unit_deg


def _wcs_centre(
    header: Mapping[str, HeaderValue], width: int, height: int
) -> tuple[float, float] | None:
    """Sky position of the centre of a frame with a TAN WCS."""
    if not str(header.get("CTYPE1") or "").startswith("RA---TAN") or not str(
        header.get("CTYPE2") or ""
    ).startswith("DEC--TAN"):
        return None
    reference = [number(header, key) for key in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")]
    matrix = _wcs_matrix(header)
    if matrix is None or any(value is None for value in reference):
        return None
    ra0_deg, dec0_deg, x0, y0 = (float(value or 0.0) for value in reference)
    plane = TangentPlane(ra0_deg, dec0_deg, x0 - 1.0, y0 - 1.0, matrix, width, height)
    ra_deg, dec_deg = plane.centre_deg
    return (ra_deg, dec_deg) if math.isfinite(ra_deg + dec_deg) else None


def _wcs_matrix(header: Mapping[str, HeaderValue]) -> tuple[float, float, float, float] | None:
    """Degrees per pixel, rows of the CD matrix, from CD, PC or CROTA2."""
    if any(f"CD{row}_{column}" in header for row in (1, 2) for column in (1, 2)):
        return (
            number(header, "CD1_1") or 0.0,
            number(header, "CD1_2") or 0.0,
            number(header, "CD2_1") or 0.0,
            number(header, "CD2_2") or 0.0,
        )
    step1, step2 = number(header, "CDELT1"), number(header, "CDELT2")
    if step1 is None or step2 is None:
        return None
    if any(f"PC{row}_{column}" in header for row in (1, 2) for column in (1, 2)):
        diagonal = [number(header, key) for key in ("PC1_1", "PC2_2")]
        pc11, pc22 = (1.0 if value is None else value for value in diagonal)
        pc12, pc21 = (number(header, key) or 0.0 for key in ("PC1_2", "PC2_1"))
        return step1 * pc11, step1 * pc12, step2 * pc21, step2 * pc22
    turn = math.radians(number(header, "CROTA2") or 0.0)
    return (
        step1 * math.cos(turn),
        -step2 * math.sin(turn),
        step1 * math.sin(turn),
        step2 * math.cos(turn),
    )
