"""One exposure on its way through the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import FrameError

PIXEL_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))
BAYER_PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")

HeaderValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class TrueGalaxy:
    """A galaxy that is known to be in a simulated frame.

    Attributes
    ----------
    name : str
        Catalogue name, for example ``"NGC5194"``.
    box_xyxy_px : tuple of float
        Left, top, right, bottom edges in frame pixels.
    magnitude : float
        Apparent magnitude (V, or B where the catalogue has no V).
    hubble_type : str
        Hubble type as in the catalogue, empty where unknown.
    """

    name: str
    box_xyxy_px: tuple[float, float, float, float]
    magnitude: float
    hubble_type: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """One exposure and what is known about it.

    Attributes
    ----------
    pixels : ndarray, shape (H, W) or (H, W, 3), dtype uint8, uint16 or float32
        Raw counts; three planes are red, green, blue. Row 0 is the top row as
        displayed.
    time : datetime
        UTC time of mid-exposure, timezone-aware.
    exposure_s : float
        Exposure time in seconds; 0 where unknown.
    camera : str
        Name of the camera or source.
    sequence : int
        Number of the frame within its source, from 0.
    name : str
        What a person calls the frame: file name or target; may be empty.
    bayer : str or None
        Colour filter array of a (H, W) mosaic (``"RGGB"``, ``"BGGR"``, ``"GRBG"``,
        ``"GBRG"``: the 2x2 block at the top left, row by row); None for
        monochrome or colour pixels.
    ra_deg, dec_deg : float or None
        Pointing of the frame centre, ICRS degrees, where known.
    header : mapping
        FITS-like keywords, including a celestial WCS where there is one.
    truth : tuple of TrueGalaxy or None
        Simulated frames say what they show; real ones have None.
    """

    pixels: NDArray[np.generic]
    time: datetime
    exposure_s: float
    camera: str
    sequence: int
    name: str = ""
    bayer: str | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    header: Mapping[str, HeaderValue] = field(default_factory=dict)
    truth: tuple[TrueGalaxy, ...] | None = None

    def __post_init__(self) -> None:
        where = self.name or f"{self.camera} frame {self.sequence}"
        pixels = self.pixels
        if pixels.dtype not in PIXEL_DTYPES:
            raise FrameError(
                f"{where}: pixels are {pixels.dtype}; expected uint8, uint16 or float32"
            )
        if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
            raise FrameError(
                f"{where}: pixels have shape {pixels.shape}; expected (H, W) or (H, W, 3)"
            )
        if pixels.shape[0] == 0 or pixels.shape[1] == 0:
            raise FrameError(f"{where}: the picture is empty ({pixels.shape})")
        if self.time.tzinfo is None:
            raise FrameError(f"{where}: the time {self.time} has no time zone; use UTC")
        if self.bayer is not None:
            if self.bayer not in BAYER_PATTERNS:
                raise FrameError(
                    f"{where}: unknown Bayer pattern {self.bayer!r}; "
                    f"known: {', '.join(BAYER_PATTERNS)}"
                )
            if pixels.ndim != 2:
                raise FrameError(f"{where}: a Bayer mosaic must be (H, W), got {pixels.shape}")

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])
