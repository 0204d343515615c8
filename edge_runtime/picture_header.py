"""What JPEG, PNG and TIFF files say about themselves, read before any pixel is decoded.

The decoders of OpenCV return None for whatever they dislike, and allocate what
the header asks for. This module finds the size first, so that a picture that
would not fit into memory is refused, and finds truncation, so that half a
picture is never taken for a whole one.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime

from edge_runtime.errors import FrameError

_JPEG_START = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_TIFF_STARTS = (b"II*\x00", b"MM\x00*")

_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_PHOTOMETRIC = 256, 257, 262
_TIFF_STRIP_OFFSETS, _TIFF_STRIP_BYTES = 273, 279
_TIFF_TILE_OFFSETS, _TIFF_TILE_BYTES = 324, 325
_EXIF_POINTER, _EXIF_TIME, _EXIF_ZONE, _EXIF_EXPOSURE = 34665, 36867, 36881, 33434
_TIFF_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}
_TIFF_MAX_VALUES = 1_000_000
_PHOTOMETRIC_CMYK = 5

_IfdValue = tuple[int, ...] | tuple[float, ...] | bytes


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """Size and origin of a picture file.

    Attributes
    ----------
    format : str
        ``"JPEG"``, ``"PNG"`` or ``"TIFF"``.
    width, height : int
        Size in stored pixels, before any EXIF rotation.
    grey : bool
        True where the file says that it holds one grey plane (with or without
        alpha); False also where it is not known.
    time : datetime or None
        UTC time of the exposure from EXIF. A time without a zone is taken as
        UTC.
    exposure_s : float
        Exposure time from EXIF in seconds, 0 where unknown.
    """

    format: str
    width: int
    height: int
    grey: bool = False
    time: datetime | None = None
    exposure_s: float = 0.0


def read_picture_header(data: bytes) -> PictureHeader | None:
    """Parse the structure of a JPEG, PNG or TIFF file, told by its first bytes.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    PictureHeader or None
        None where the bytes are none of the three formats.

    Raises
    ------
    FrameError
        The file is truncated or its structure is damaged; the message does not
        name the file.
    """
    try:
        if data.startswith(_JPEG_START):
            return _jpeg_header(data)
        if data.startswith(_PNG_START):
            return _png_header(data)
        if data.startswith(_TIFF_STARTS):
            return _tiff_header(data)
    except (struct.error, IndexError) as error:
        raise FrameError("the file is truncated or its header is damaged") from error
    return None


def _jpeg_header(data: bytes) -> PictureHeader:
    """Walk the marker segments up to the first scan."""
    width = height = planes = 0
    time: datetime | None = None
    exposure_s = 0.0
    at = 2
    while True:
        if data[at] != 0xFF:
            raise FrameError(f"damaged JPEG: no marker at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in (0x01, *range(0xD0, 0xD8)):  # markers without a length
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + length]
        if marker in range(0xC0, 0xD0) and marker not in (0xC4, 0xC8, 0xCC):
            _, height, width, planes = struct.unpack_from(">BHHB", body)
        elif marker == 0xE1 and body.startswith(b"Exif\x00\x00"):
            time, exposure_s = _exif_time(body[6:])
        elif marker == 0xDA:
            break
        at += 2 + length
    if not width or not height:
        raise FrameError("damaged JPEG: it has no size")
    # 0xFF in compressed data is always followed by 0, so this is the true end.
    if data.rfind(_JPEG_END) < at:
        raise FrameError(
            f"truncated JPEG: the end-of-image marker is missing after {len(data)} bytes"
        )
    return PictureHeader("JPEG", width, height, planes == 1, time, exposure_s)


def _png_header(data: bytes) -> PictureHeader:
    """Check every chunk's length and checksum."""
    width, height, _, colour = struct.unpack_from(">IIBB", data, 16)
    if data[12:16] != b"IHDR":
        raise FrameError("damaged PNG: it does not begin with IHDR")
    at = len(_PNG_START)
    view = memoryview(data)
    while True:
        if at + 12 > len(data):
            raise FrameError(f"truncated PNG: the IEND chunk is missing after {len(data)} bytes")
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if end > len(data):
            raise FrameError(f"truncated PNG: {end - len(data)} bytes are missing")
        (stored,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(view[at + 4 : end - 4]) != stored:
            raise FrameError(f"damaged PNG: wrong checksum in the chunk at byte {at}")
        if data[at + 4 : at + 8] == b"IEND":
            break
        at = end
    return PictureHeader("PNG", width, height, grey=colour in (0, 4))


def _tiff_header(data: bytes) -> PictureHeader:
    tags = _first_directory(data)
    try:
        width, height = int(tags[_TIFF_WIDTH][0]), int(tags[_TIFF_HEIGHT][0])
    except KeyError as error:
        raise FrameError("damaged TIFF: it has no size") from error
    photometric = tags.get(_TIFF_PHOTOMETRIC, (1,))[0]
    if photometric == _PHOTOMETRIC_CMYK:
        raise FrameError("the TIFF holds CMYK colours; convert it to RGB")
    for offsets_tag, bytes_tag in (
        (_TIFF_STRIP_OFFSETS, _TIFF_STRIP_BYTES),
        (_TIFF_TILE_OFFSETS, _TIFF_TILE_BYTES),
    ):
        ends = zip(tags.get(offsets_tag, ()), tags.get(bytes_tag, ()), strict=False)
        missing = max((int(start + size) for start, size in ends), default=0) - len(data)
        if missing > 0:
            raise FrameError(f"truncated TIFF: {missing} bytes are missing")
    time, exposure_s = _exif_time(data)
    return PictureHeader("TIFF", width, height, photometric in (0, 1), time, exposure_s)


def _first_directory(data: bytes, pointer_tag: int | None = None) -> dict[int, _IfdValue]:
    """Read the first directory of a TIFF structure, or one it points to."""
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    tags = _directory(data, order, start)
    if pointer_tag is None:
        return tags
    pointer = tags.get(pointer_tag)
    return _directory(data, order, int(pointer[0])) if pointer else {}


def _directory(data: bytes, order: str, start: int) -> dict[int, _IfdValue]:
    tags: dict[int, _IfdValue] = {}
    (count,) = struct.unpack_from(order + "H", data, start)
    for index in range(count):
        at = start + 2 + 12 * index
        tag, kind, values = struct.unpack_from(order + "HHI", data, at)
        size = _TIFF_TYPE_BYTES.get(kind)
        if size is None or not 0 < values <= _TIFF_MAX_VALUES:
            continue
        at += 8
        if size * values > 4:
            (at,) = struct.unpack_from(order + "I", data, at)
        if kind in (2, 7):
            tags[tag] = data[at : at + values]
        elif kind in (5, 10):
            parts = struct.unpack_from(f"{order}{2 * values}{'I' if kind == 5 else 'i'}", data, at)
            tags[tag] = tuple(
                top / bottom if bottom else 0.0
                for top, bottom in zip(parts[::2], parts[1::2], strict=True)
            )
        else:
            code = {1: "B", 3: "H", 4: "I", 9: "i"}[kind]
            tags[tag] = struct.unpack_from(f"{order}{values}{code}", data, at)
    return tags


def _exif_time(tiff: bytes) -> tuple[datetime | None, float]:
    """Return the start of the exposure and its length; (None, 0) where not said."""
    try:
        tags = _first_directory(tiff, _EXIF_POINTER)
    except (struct.error, IndexError):
        return None, 0.0  # damaged EXIF does not make the pixels unreadable
    exposure = tags.get(_EXIF_EXPOSURE, (0.0,))
    exposure_s = float(exposure[0]) if not isinstance(exposure, bytes) and exposure else 0.0
    text, zone = tags.get(_EXIF_TIME), tags.get(_EXIF_ZONE, b"+00:00")
    if not isinstance(text, bytes) or not isinstance(zone, bytes):
        return None, exposure_s
    stamp = (text.rstrip(b"\0 ") + (zone.rstrip(b"\0 ") or b"+00:00")).decode("ascii", "replace")
    try:
        return datetime.strptime(stamp, "%Y:%m:%d %H:%M:%S%z").astimezone(UTC), exposure_s
    except (ValueError, OverflowError):
        return None, exposure_s
