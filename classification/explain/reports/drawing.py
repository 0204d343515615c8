"""Maps as pictures: one diverging scale that all colour vision tells apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray

from annotations.html_page import picture_uri
from classification.explain.faithfulness.similarity import scaled
from classification.explain.galaxy_mask import CropRegions
from edge_runtime.evaluation.galaxy_labels import R90_FRAME_PX

SHOWN_PX = 240
_MAP_QUALITY = 90
_COLOURS = "PuOr_r"  # ColorBrewer: orange speaks for the answer, purple against it
_GALAXY_LINE = (20, 20, 20)
_NEIGHBOUR_LINE = (0, 140, 170)
_OUTLINE_ON_PICTURE = (255, 200, 60)
_NICE_ARCSEC = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_LONGEST_BAR = 0.4  # of the crop's side


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """A length on a crop.

    Attributes
    ----------
    percent : float
        Of the crop's side.
    label : str
    """

    percent: float
    label: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A line around part of a map.

    Attributes
    ----------
    mask : ndarray, shape (S, S), bool
    colour : tuple of int
        Red, green, blue.
    """

    mask: NDArray[np.bool_]
    colour: tuple[int, int, int] = _GALAXY_LINE


def scale_bar(
    crop_frame_px: float | None, frame_scale: float, picture_px: int, arcsec_per_px: float | None
) -> ScaleBar | None:
    """A bar of round length for a crop.

    Parameters
    ----------
    crop_frame_px : float or None
        Side of the crop in pixels of the Galaxy Zoo frame; None where it is the
        largest square of the picture.
    frame_scale : float
        Pixels of the picture per pixel of that frame; NaN where not known.
    picture_px : int
        Shorter side of the picture.
    arcsec_per_px : float or None
        Angle of a pixel of the picture; None where not known. Galaxy Zoo scaled each
        frame by its galaxy's R90, so that it follows from no picture alone.

    Returns
    -------
    ScaleBar or None
        In arcseconds where the angle is known, else in Petrosian R90; None where
        neither is known.
    """
    scaled_crop = crop_frame_px is not None and math.isfinite(frame_scale)
    if arcsec_per_px is not None:
        side_px = crop_frame_px * frame_scale if scaled_crop and crop_frame_px else picture_px
        side = side_px * arcsec_per_px
        fitting = [length for length in _NICE_ARCSEC if length <= _LONGEST_BAR * side]
        length = fitting[-1] if fitting else _NICE_ARCSEC[0]
        return ScaleBar(100.0 * length / side, f"{length:g}″")
    if not math.isfinite(frame_scale):
        return None
    side_r90 = (crop_frame_px or picture_px / frame_scale) / R90_FRAME_PX
    return ScaleBar(100.0 / side_r90, "1 R90")


def outlines(regions: CropRegions) -> tuple[Outline, ...]:
    """The outlines of a galaxy and of its neighbours."""
    return (
        Outline(regions.mask("neighbours"), _NEIGHBOUR_LINE),
        Outline(regions.galaxy, _GALAXY_LINE),
    )


def map_uri(
    values: NDArray[np.floating],
    drawn: Sequence[Outline] = (),
    size_px: int = SHOWN_PX,
    *,
    own_scale: bool = True,
) -> str:
    """A map in colour, as a data URI.

    Parameters
    ----------
    values : ndarray, shape (S, S)
        NaN is shown white.
    drawn : sequence of Outline
    size_px : int
        Side of the picture.
    own_scale : bool
        Whether the map is scaled by its own highest values; else it is from -1 to 1.
    """
    known = np.nan_to_num(values).astype(np.float32)
    fine = _enlarged(scaled(known) if own_scale else known, size_px)
    picture = coloured(fine)
    for line in drawn:
        picture = _outlined(picture, line.mask, line.colour)
    return picture_uri(picture, quality=_MAP_QUALITY)


def crop_uri(
    crop: NDArray[np.uint8], regions: CropRegions | None = None, size_px: int = SHOWN_PX
) -> str:
    """A crop with the outline of its galaxy, as a data URI."""
    picture = _enlarged(crop, size_px)
    if regions is not None:
        picture = _outlined(picture, regions.galaxy, _OUTLINE_ON_PICTURE)
    return picture_uri(picture)


def coloured(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Values from -1 to 1 as colours, shape (H, W, 3)."""
    shades = matplotlib.colormaps[_COLOURS]((np.asarray(values) + 1.0) / 2.0, bytes=True)
    return np.ascontiguousarray(shades[:, :, :3])


def colour_gradient() -> str:
    """The scale from against to for, as a CSS background."""
    stops = matplotlib.colormaps[_COLOURS](np.linspace(0.0, 1.0, 11), bytes=True)[:, :3]
    return f"linear-gradient(to right, {', '.join(f'rgb({r}, {g}, {b})' for r, g, b in stops)})"


def _enlarged(values: NDArray, size_px: int) -> NDArray:
    how = cv2.INTER_CUBIC if values.dtype == np.uint8 else cv2.INTER_LINEAR
    if len(values) > size_px:
        how = cv2.INTER_AREA
    return np.asarray(cv2.resize(values, (size_px, size_px), interpolation=how))


def _outlined(
    picture: NDArray[np.uint8], mask: NDArray[np.bool_], colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    fine = cv2.resize(mask.astype(np.float32), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    # pixels of the crop are larger than those of the picture: round their corners
    fine = cv2.GaussianBlur(fine, (0, 0), 0.6 * len(picture) / len(mask))
    lines, _ = cv2.findContours(
        (fine > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    drawn = cv2.polylines(picture.copy(), list(lines), True, colour, 1, cv2.LINE_AA)
    return np.asarray(drawn, np.uint8)
