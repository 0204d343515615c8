"""What telescopes do to pictures of galaxies, one fault at a time and always the same.

A fault is applied to the survey's picture, before any crop is made, so that
every network meets the same one whatever its crop and input size. Lengths are
told in sides of the reference crop, ``CROP_FRAME_PX`` wide (4.1 Petrosian R90,
what the bundle's classifier sees), and levels in the 0 to 255 of a pixel.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet, PictureSource
from annotations.sky_border import border_pixels
from edge_runtime.crops import CROP_SIDE_R90
from edge_runtime.errors import ConfigError
from edge_runtime.evaluation.galaxy_labels import R90_FRAME_PX

CROP_FRAME_PX = CROP_SIDE_R90 * R90_FRAME_PX
"""Side of the reference crop in pixels of the Galaxy Zoo frame."""

BLUR_SIGMA = 0.02
"""Of the blur, in sides of the crop: 1.3 px of 64."""

NOISE_SIGMA = 10.0
NOISE_CELLS = 64
"""Noise of this sigma in each colour, in pixels of which 64 make a side of the crop."""

GRADIENT_LEVELS = 40.0
"""Rise of the sky from one side of the crop to the other."""

OFF_CENTRE = 0.1
"""Shift, in sides of the crop."""

_FEATHER = 0.03  # of the crop's side: width over which a picture's rim turns into drawn sky
_RIM_SIGMA = 0.05  # of the blur of that rim before it is drawn out
_RIM_FADES = 0.15  # distance over which it fades by e

Pixels = NDArray[np.float32]
Change = Callable[[Pixels, float, np.random.Generator], Pixels]
"""Of the pixels, the crop's side in them, and a generator."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes
    ----------
    name : str
    summary : str
        With its level.
    change : callable or None
        See ``Change``; None changes nothing.
    """

    name: str
    summary: str
    change: Change | None = None

    def apply(self, picture: NDArray[np.uint8], frame_scale: float, seed: int) -> NDArray[np.uint8]:
        """A picture with the fault.

        Parameters
        ----------
        picture : ndarray, shape (H, W, 3), uint8
            The galaxy in its centre.
        frame_scale : float
            Pixels of the picture per pixel of the Galaxy Zoo frame; where it
            is not finite, the picture is taken to be 1.3 crops wide.
        seed : int
            Of directions and noise.

        Returns
        -------
        ndarray, shape (H, W, 3), uint8
        """
        if self.change is None:
            return picture
        side_px = CROP_FRAME_PX * frame_scale
        if not math.isfinite(side_px):
            side_px = min(picture.shape[:2]) / 1.3
        rng = np.random.default_rng(seed)
        changed = self.change(picture.astype(np.float32), side_px, rng)
        return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def _blur(pixels: Pixels, side_px: float, _: np.random.Generator) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), BLUR_SIGMA * side_px), np.float32)


def _noise(pixels: Pixels, side_px: float, rng: np.random.Generator) -> Pixels:
    side = round(side_px)
    rows, columns = (_cells(length, side) for length in pixels.shape[:2])
    shape = (rows[-1] + 1, columns[-1] + 1, pixels.shape[2])
    cells = rng.normal(0.0, NOISE_SIGMA, shape).astype(np.float32)
    return pixels + cells[rows][:, columns]


def _cells(length: int, side: int) -> NDArray[np.int64]:
    """Which cell each pixel along an axis is in; cells begin where the crop does."""
    place = np.arange(length) + 0.5 - (length - side) // 2
    cell = np.floor(place * NOISE_CELLS / side).astype(np.int64)
    return cell - cell[0]


def _mono(pixels: Pixels, _side_px: float, _: np.random.Generator) -> Pixels:
    return np.repeat(pixels.mean(axis=2, keepdims=True), pixels.shape[2], axis=2)


def _gradient(pixels: Pixels, side_px: float, rng: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / side_px
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2) / side_px
    along = np.cos(angle) * x[None, :] + np.sin(angle) * y[:, None]
    return pixels + (GRADIENT_LEVELS * np.clip(along + 0.5, 0, 1))[:, :, None].astype(np.float32)


def _half_scale(pixels: Pixels, side_px: float, rng: np.random.Generator) -> Pixels:
    return _moved(pixels, side_px, rng, scale=0.5)


def _double_scale(pixels: Pixels, side_px: float, rng: np.random.Generator) -> Pixels:
    return _moved(pixels, side_px, rng, scale=2.0)


def _off_centre(pixels: Pixels, side_px: float, rng: np.random.Generator) -> Pixels:
    angle = rng.uniform(0, 2 * np.pi)
    shift = OFF_CENTRE * side_px
    return _moved(pixels, side_px, rng, shift_px=(np.cos(angle) * shift, np.sin(angle) * shift))


def _moved(
    pixels: Pixels,
    side_px: float,
    rng: np.random.Generator,
    *,
    scale: float = 1.0,
    shift_px: tuple[float, float] = (0.0, 0.0),
) -> Pixels:
    """The content scaled about its centre and shifted; drawn sky where none was seen."""
    height, width = pixels.shape[:2]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.zeros((2, 3))
    matrix[:, :2] = scale * np.eye(2)
    matrix[:, 2] = centre - scale * centre + shift_px
    seen = _feathered(height, width, max(2.0, _FEATHER * side_px))
    source = pixels
    if scale < 1:  # average what falls into one pixel
        sigma = 0.5 * math.sqrt(1 / scale**2 - 1)
        source = np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.float32)
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    moved = cv2.warpAffine(
        source, matrix, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE
    )
    weight = cv2.warpAffine(
        seen, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )[:, :, None]
    return (weight * moved + (1 - weight) * _sky(pixels, matrix, side_px, rng)).astype(np.float32)


def _feathered(height: int, width: int, feather_px: float) -> Pixels:
    """1 inside a picture, falling to 0 at its edges, shape (H, W)."""
    y = np.minimum(np.arange(height), np.arange(height)[::-1])
    x = np.minimum(np.arange(width), np.arange(width)[::-1])
    depth = np.minimum(y[:, None], x[None, :])
    return np.clip(depth / feather_px, 0, 1).astype(np.float32)


def _sky(
    pixels: Pixels, matrix: NDArray[np.float64], side_px: float, rng: np.random.Generator
) -> Pixels:
    """Sky around a moved picture: its smooth rim fading into its level, and its noise."""
    height, width = pixels.shape[:2]
    smooth = np.asarray(cv2.GaussianBlur(pixels, (0, 0), _RIM_SIGMA * side_px), np.float32)
    level = np.median(border_pixels(pixels), axis=0)
    rim = cv2.warpAffine(
        smooth, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    x, y = (matrix[i, i] * (n - 1) / 2 for i, n in enumerate((width, height)))
    middle = matrix[:, :2] @ [(width - 1) / 2, (height - 1) / 2] + matrix[:, 2]
    beyond_x = np.maximum(np.abs(np.arange(width) - middle[0]) - x, 0)
    beyond_y = np.maximum(np.abs(np.arange(height) - middle[1]) - y, 0)
    fading = np.exp(-np.hypot(beyond_x[None, :], beyond_y[:, None]) / (_RIM_FADES * side_px))
    grain = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2.0), np.float32)
    sigma = 1.4826 * np.median(np.abs(border_pixels(pixels - grain)), axis=0)
    noise = min(1.0, matrix[0, 0]) * sigma * rng.standard_normal(pixels.shape)
    return (level + (rim - level) * fading[:, :, None] + noise).astype(np.float32)


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("none", "as the survey shows them"),
        Fault("blur", f"Gaussian of sigma {BLUR_SIGMA:g} of the crop's side", _blur),
        Fault(
            "noise",
            f"sigma {NOISE_SIGMA:g} of 255 in pixels of 1/{NOISE_CELLS} of the crop's side",
            _noise,
        ),
        Fault("mono", "the mean of the colours", _mono),
        Fault("gradient", f"sky rising by {GRADIENT_LEVELS:g} of 255 across the crop", _gradient),
        Fault("half scale", "the galaxy half as large, beyond the picture drawn sky", _half_scale),
        Fault("double scale", "the galaxy twice as large", _double_scale),
        Fault("off-centre", f"shifted by {OFF_CENTRE:.0%} of the crop's side", _off_centre),
    )
}
"""Faults by name, in the order of tables."""


@dataclass(frozen=True, slots=True)
class FaultyPictures:
    """Pictures of a set, each with the same kind of fault.

    Attributes
    ----------
    source : PictureSource
    fault : Fault
    frame_scale : ndarray, shape (N,), float32
    seeds : tuple of int
        Of each picture.
    """

    source: PictureSource
    fault: Fault
    frame_scale: NDArray[np.float32]
    seeds: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.source)

    def name(self, index: int) -> str:
        """See ``PictureSource``."""
        return f"{self.source.name(index)} ({self.fault.name})"

    def read(self, index: int) -> NDArray[np.uint8]:
        """See ``PictureSource``."""
        return self.fault.apply(
            self.source.read(index), float(self.frame_scale[index]), self.seeds[index]
        )


def with_fault(galaxies: GalaxySet, name: str) -> GalaxySet:
    """The same galaxies through a faulty telescope.

    Parameters
    ----------
    galaxies : GalaxySet
    name : str
        One of ``FAULTS``.

    Raises
    ------
    ConfigError
        The fault is unknown.
    """
    if name not in FAULTS:
        raise ConfigError(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
    seeds = tuple(zlib.crc32(f"{name} {galaxy}".encode()) for galaxy in galaxies.ids)
    pictures = FaultyPictures(galaxies.pictures, FAULTS[name], galaxies.frame_scale, seeds)
    return replace(galaxies, pictures=pictures)
