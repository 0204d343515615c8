"""Pictures on disk as frames: JPEG, PNG, TIFF and FITS.

The format is told by a file's first bytes; its extension does not matter.

- Pixels come as they are stored. An EXIF rotation is ignored, so that boxes
  refer to stored pixels, as they do in COCO files.
- Colour is red, green, blue. Alpha is laid over black. 16 bits stay 16 bits.
- A picture without a time of its own takes the file's modification time.
- Half a picture is an error, not a picture with a grey bottom.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import FrameError
from edge_runtime.frame import PIXEL_DTYPES, Frame, HeaderValue
from edge_runtime.picture_header import PictureHeader, read_picture_header

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
FITS_SUFFIXES = frozenset({".fits", ".fit", ".fts", ".fz"})
PACKED_SUFFIXES = frozenset({".gz", ".bz2"})

PIXEL_LIMIT = 200_000_000
SMALLEST_SIDE_PX = 16
_LARGEST_FILE_BYTES = 2**31
_FITS_START = b"SIMPLE  ="
_PACKED_STARTS = (b"\x1f\x8b", b"BZh")


def is_picture_name(path: Path) -> bool:
    """Tell by its name whether a file is a picture that ``read_picture`` may read."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if not suffixes:
        return False
    if suffixes[-1] in PACKED_SUFFIXES:
        return len(suffixes) > 1 and suffixes[-2] in FITS_SUFFIXES
    return suffixes[-1] in PICTURE_SUFFIXES | FITS_SUFFIXES


def read_picture(
    path: Path | str,
    *,
    sequence: int = 0,
    camera: str = "file",
    pixel_limit: int = PIXEL_LIMIT,
) -> Frame:
    """Read one picture file as a frame.

    Parameters
    ----------
    path : Path or str
        JPEG, PNG, TIFF or FITS file; FITS may be compressed as a whole (gzip,
        bzip2) or by tiles (``.fz``) and have several extensions, of which the
        first picture is taken.
    sequence : int
        Number of the frame within its source.
    camera : str
        Name of the source that the frame carries.
    pixel_limit : int
        Largest number of pixels (width times height); anything larger is
        refused before it is decoded.

    Returns
    -------
    Frame
        Named after the file. ``uint8`` or ``uint16`` where the values are whole
        numbers that fit, else ``float32``.

    Raises
    ------
    FrameError
        The file is missing, no picture, truncated, damaged, too large or
        smaller than 16 pixels; the message names it and the reason.
    """
    path = Path(path)
    try:
        if not path.is_file():
            missing = "is not a file" if path.exists() else "does not exist"
            raise FrameError(f"it {missing}")
        start = _first_bytes(path)
        if start.startswith((_FITS_START, *_PACKED_STARTS)):
            from edge_runtime.fits import read_fits

            return read_fits(path, sequence=sequence, camera=camera, pixel_limit=pixel_limit)
        return _read_raster(path, start, sequence, camera, pixel_limit)
    except FrameError as error:
        raise FrameError(f"{path}: {error}") from error
    except (OSError, MemoryError, ValueError) as error:
        # ValueError: a path with a NUL character.
        raise FrameError(f"{path}: cannot read it: {error or type(error).__name__}") from error


def check_size(width: int, height: int, pixel_limit: int) -> None:
    """Refuse pictures that are too small to show anything or too large to hold.

    Parameters
    ----------
    width, height : int
        Size in pixels.
    pixel_limit : int
        Largest number of pixels.

    Raises
    ------
    FrameError
        The size is outside the limits.
    """
    if width * height > pixel_limit:
        raise FrameError(
            f"{width} x {height} pixels are more than the limit of {pixel_limit / 1e6:g} megapixels"
        )
    if min(width, height) < SMALLEST_SIDE_PX:
        raise FrameError(
            f"{width} x {height} pixels are too few; the smallest side is {SMALLEST_SIDE_PX}"
        )


def frame_pixels(values: NDArray[np.generic]) -> tuple[NDArray[np.generic], int]:
    """Turn numbers of any kind into pixels a frame can hold.

    Parameters
    ----------
    values : ndarray of bool, integers or floats, any shape

    Returns
    -------
    pixels : ndarray, same shape, uint8, uint16 or float32, native byte order
        uint8 and uint16 stay; other whole numbers in 0..65535 become uint16;
        the rest float32, with undefined pixels (NaN, infinite, beyond float32)
        replaced by the median of the others.
    undefined : int
        Number of pixels replaced.

    Raises
    ------
    FrameError
        No pixel is defined, or the values are not numbers.
    """
    if values.dtype.kind not in "buif":
        raise FrameError(f"pixels of type {values.dtype} are not numbers")
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    native = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
    if native.dtype in PIXEL_DTYPES[:2] or native.size == 0:
        return native, 0
    low, high = native.min(), native.max()  # NaN where any pixel is
    if low >= 0 and high <= 65535:
        whole = native.astype(np.uint16)
        if native.dtype.kind in "ui" or np.array_equal(whole, native):
            return whole, 0
    with np.errstate(over="ignore"):
        pixels = native.astype(np.float32)
    if math.isfinite(float(low)) and np.isfinite(pixels.min()) and np.isfinite(pixels.max()):
        return pixels, 0
    defined = np.isfinite(pixels)
    undefined = int(pixels.size - np.count_nonzero(defined))
    if undefined == pixels.size:
        raise FrameError("no pixel has a defined value")
    pixels[~defined] = np.median(pixels[defined])
    return pixels, undefined


def modification_time(path: Path) -> datetime:
    """Return when the file was last written, in UTC."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(16)
    if not start:
        raise FrameError("the file is empty")
    return start


def _read_raster(path: Path, start: bytes, sequence: int, camera: str, pixel_limit: int) -> Frame:
    size_bytes = path.stat().st_size
    if size_bytes > _LARGEST_FILE_BYTES:
        raise FrameError(f"{size_bytes / 2**30:.1f} GiB are too large for a picture")
    data = path.read_bytes()
    header = read_picture_header(data)
    if header is None:
        raise FrameError(f"not a JPEG, PNG, TIFF or FITS picture (it begins with {start[:8]!r})")
    check_size(header.width, header.height, pixel_limit)
    pixels = _decode(data, header)
    pixels, undefined = frame_pixels(pixels)
    notes: Mapping[str, HeaderValue] = {"NANPIX": undefined} if undefined else {}
    if header.time is None:
        time = modification_time(path)
    else:
        time = header.time + timedelta(seconds=header.exposure_s / 2)
    return Frame(
        pixels=pixels,
        time=time,
        exposure_s=header.exposure_s,
        camera=camera,
        sequence=sequence,
        name=path.name,
        header=notes,
    )


def _decode(data: bytes, header: PictureHeader) -> NDArray[np.generic]:
    """Decode to (H, W) or (H, W, 3) red, green, blue of any number type."""
    _silence_opencv()
    try:
        # IMREAD_UNCHANGED also leaves the EXIF rotation alone.
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise FrameError(f"damaged {header.format}: {_first_line(error)}") from error
    if decoded is None:
        raise FrameError(f"damaged {header.format}, or a kind that OpenCV does not decode")
    pixels: NDArray[np.generic] = decoded
    if pixels.shape[:2] != (header.height, header.width):
        raise FrameError(
            f"damaged {header.format}: its header says {header.width} x {header.height} pixels, "
            f"it holds {pixels.shape[1]} x {pixels.shape[0]}"
        )
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels = _over_black(pixels)
    if pixels.ndim == 3 and (pixels.shape[2] == 1 or header.grey):
        return pixels[:, :, 0]
    return pixels if pixels.ndim == 2 else pixels[:, :, 2::-1]


def _over_black(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    """Lay colour with alpha over a black sky."""
    alpha = pixels[:, :, -1:]
    whole = pixels.dtype.kind in "ui"
    opaque = float(2 ** (8 * pixels.dtype.itemsize) - 1) if whole else 1.0
    colour = pixels[:, :, :-1]
    if bool((alpha == opaque).all()):
        return colour
    shaded = colour.astype(np.float32) * (alpha.astype(np.float32) / opaque)
    if whole:
        shaded = np.rint(shaded)
    return shaded.astype(pixels.dtype)


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _silence_opencv() -> None:
    """Keep OpenCV from writing to stderr what is said in the error anyway."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
