"""FITS files as frames.

Orientation: rows are never flipped. Array row 0 is the first row of the file,
so a celestial WCS in the header holds for array indices as it stands (FITS
pixel = index + 1) and boxes in frame pixels are boxes in FITS pixels less one.
Programs that follow the FITS recommendation and show row 0 at the bottom show
such a frame upside down; handedness on the sky must come from the WCS.

The Bayer keywords describe the picture as displayed. ``ROWORDER`` says where
its top is (proposal by Siril and CCDCiel, 2020): with ``BOTTOM-UP`` the pattern
is turned over here so that it fits array row 0; with ``TOP-DOWN`` or without
the keyword, as camera drivers write, it holds as it stands.
"""

from __future__ import annotations

import bz2
import gzip
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import FrameError
from edge_runtime.fits_header import bayer_pattern, exposure_s, mid_exposure, plain_header, pointing
from edge_runtime.frame import Frame, HeaderValue
from edge_runtime.pictures import check_size, frame_pixels, modification_time

if TYPE_CHECKING:
    from astropy.io.fits import HDUList

_GZIP_START = b"\x1f\x8b"
_BZIP2_START = b"BZh"
_UNPACKED_LIMIT_BYTES = 2**31
_STRUCTURE = frozenset(
    {"SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "BZERO", "BSCALE"}
    | {f"NAXIS{axis}" for axis in range(1, 10)}
)


class _Unpacked(io.RawIOBase):
    """A compressed file read as a stream that refuses to grow beyond a limit."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 0:
            self._check(offset)
        elif whence == 1:
            self._check(self.tell() + offset)
        return self._stream.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            size = _UNPACKED_LIMIT_BYTES + 1 - self.tell()
        data = self._stream.read(size)
        self._check(self.tell())
        return data

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _check(self, position: int) -> None:
        if position > _UNPACKED_LIMIT_BYTES:
            raise FrameError(
                f"it unpacks to more than {_UNPACKED_LIMIT_BYTES / 2**30:g} GiB; unpack it first"
            )


def read_fits(path: Path, *, sequence: int, camera: str, pixel_limit: int) -> Frame:
    """Read the first picture of a FITS file.

    Parameters
    ----------
    path : Path
        FITS file, plain, ``.gz``, ``.bz2`` or tile-compressed.
    sequence, camera, pixel_limit
        As for ``edge_runtime.pictures.read_picture``.

    Returns
    -------
    Frame
        (H, W), or (H, W, 3) from three planes. ``header`` holds the picture's
        keywords over those of the primary header, and ``NANPIX``, the number of
        undefined pixels that were replaced by the median, where there are any.

    Raises
    ------
    FrameError
        There is no picture in the file, or it is damaged, too large or too
        small; the message does not name the file.
    """
    from astropy.io import fits

    with warnings.catch_warnings(), _open_stream(path) as stream:
        warnings.simplefilter("ignore")  # odd cards are common and harmless
        try:
            with fits.open(stream, memmap=False, lazy_load_hdus=True) as hdus:
                values, header = _first_picture(hdus, pixel_limit)
        except FrameError:
            raise
        except Exception as error:
            # A damaged header can fail in any corner of the decoder.
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise FrameError(f"truncated or damaged FITS: {reason}") from error
    pixels, undefined = frame_pixels(values)
    if undefined:
        header["NANPIX"] = undefined
    exposure = exposure_s(header)
    ra_deg, dec_deg = pointing(header, width=pixels.shape[1], height=pixels.shape[0])
    return Frame(
        pixels=pixels,
        time=mid_exposure(header, exposure) or modification_time(path),
        exposure_s=exposure,
        camera=camera,
        sequence=sequence,
        name=path.name,
        bayer=bayer_pattern(header, height=pixels.shape[0]) if pixels.ndim == 2 else None,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        header=header,
    )


def _open_stream(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        start = file.read(3)
    if start.startswith(_GZIP_START):
        return cast(BinaryIO, _Unpacked(cast(BinaryIO, gzip.open(path, "rb"))))
    if start.startswith(_BZIP2_START):
        return cast(BinaryIO, _Unpacked(cast(BinaryIO, bz2.open(path, "rb"))))
    return path.open("rb")


def _first_picture(
    hdus: HDUList, pixel_limit: int
) -> tuple[NDArray[np.generic], dict[str, HeaderValue]]:
    from astropy.io import fits

    primary: dict[str, HeaderValue] = {}
    seen: list[str] = []
    for index, hdu in enumerate(hdus):
        if index == 0:
            primary = plain_header(hdu.header)
        if not isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU):
            seen.append(f"{hdu.name or index} is a table")
            continue
        shape = tuple(int(side) for side in hdu.shape)
        kept = tuple(side for side in shape if side != 1) if len(shape) > 2 else shape
        if len(kept) == 2:
            height, width = kept
        elif len(kept) == 3 and 3 in (kept[0], kept[2]):
            height, width = kept[1:] if kept[0] == 3 else kept[:2]
        else:
            seen.append(f"{hdu.name or index} has shape {shape}" if shape else f"{index} is empty")
            continue
        check_size(width, height, pixel_limit)
        header = plain_header(hdu.header)
        inherited = {key: value for key, value in primary.items() if key not in _STRUCTURE}
        values: Any = hdu.data
        if values is None:
            raise FrameError("damaged FITS: the picture's data are missing")
        values = np.asarray(values).reshape(kept)
        if values.ndim == 3 and kept[0] == 3:
            values = np.moveaxis(values, 0, 2)
        return values, {**inherited, **header}
    raise FrameError(f"no picture in this FITS file ({'; '.join(seen[:5]) or 'no data units'})")
