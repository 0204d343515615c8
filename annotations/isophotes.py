"""Boxes of galaxies on survey frames, by their isophotes.

A galaxy is what is connected above one level of surface brightness, without
the stars and neighbours that touch it. Neighbours are separated as SExtractor
does (Bertin & Arnouts 1996, A&AS 117, 393): a component is cut at a rising
series of levels, and a branch that holds enough of the light becomes an object
of its own. Where a neighbour covers the central galaxy or lies close, the
outline is taken from the other side of the centre, because galaxies are
symmetric to the eye. A majority filter then takes off diffraction spikes and
the raggedness of the noise.

Level: six deviations of the smoothed sky, but at least 18 of 255 grey values
above it, or a quarter of the peak for galaxies fainter than four times that.
Survey pictures share one stretch, so that the same grey value is the same
surface brightness, and for most frames it is this one that decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.sky_border import border_pixels

SMOOTHING_PX = 2.0
LEVEL_SKY_DEVIATIONS = 6.0
LEVEL_GREY = 18.0
LEVEL_PEAK_FRACTION = 0.25

_CLIPPING_ROUNDS = 5
_LEAST_DEVIATION = 0.3
_NOISE_LAG_PX = 12  # smoothed noise is independent at this distance
_CENTRE_PX = 6  # the centre of the frame is known to about this
_SMALLEST_AREA_PX = 40
_DEBLEND_LEVELS = 32
_DEBLEND_CONTRAST = 0.01
_REACH_OF_NEIGHBOUR_PX = 9
_MAJORITY_PX = 11

# A neighbour this large, and not shaped like a star, is a galaxy to the eye.
_NEIGHBOUR_AREA = 0.06  # of the central galaxy's
_NEIGHBOUR_ELONGATION = 1.4
_STAR_CONCENTRATION = 0.75


@dataclass(frozen=True, slots=True)
class Outline:
    """A galaxy's isophote.

    Attributes
    ----------
    box_xyxy_px : tuple of float
        Left, top, right and bottom edge; the first pixel spans 0 to 1.
    area_px : int
        Pixels inside.
    peak : float
        Highest smoothed luminance above the sky, 0 to 255.
    level : float
        Luminance above the sky at the outline.
    elongation : float
        Long over short axis of the second moments, at least 1.
    truncated : bool
        The outline reaches the border of the frame.
    """

    box_xyxy_px: tuple[float, float, float, float]
    area_px: int
    peak: float
    level: float
    elongation: float
    truncated: bool


@dataclass(frozen=True, slots=True)
class FrameOutlines:
    """The galaxies of a frame.

    Attributes
    ----------
    central : Outline or None
        The galaxy the frame is centred on; None where nothing at the centre
        rises above the level.
    neighbours : tuple of Outline
        Other extended objects, largest first.
    """

    central: Outline | None
    neighbours: tuple[Outline, ...]


@dataclass(frozen=True, slots=True)
class FrameObjects:
    """Which pixels of a frame belong to what.

    Attributes
    ----------
    light : ndarray, shape (H, W), float32
        Smoothed luminance above the sky.
    level : float
        Luminance above the sky at the outlines.
    objects : ndarray, shape (H, W), int32
        Number of the object each pixel above the level is part of; 0 for sky.
    chosen : int
        Number of the object at the centre; 0 where there is none.
    central : ndarray, shape (H, W), bool, or None
        The central galaxy without the stars and neighbours that touch it; None
        where nothing at the centre rises above the level.
    """

    light: NDArray[np.float32]
    level: float
    objects: NDArray[np.int32]
    chosen: int
    central: NDArray[np.bool_] | None


def frame_objects(picture: NDArray[np.uint8]) -> FrameObjects:
    """Tell the central galaxy of a survey frame from its neighbours and the sky.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8, RGB
        At least 32 px a side. Its border shows mostly sky.
    """
    import sep

    light, noise = light_above_sky(picture)
    level = isophote_level(float(light[_centre(light.shape)].max()), noise)
    _, objects = sep.extract(
        light,
        level,
        filter_kernel=None,  # smoothed already
        minarea=_SMALLEST_AREA_PX,
        deblend_nthresh=_DEBLEND_LEVELS,
        deblend_cont=_DEBLEND_CONTRAST,
        clean=False,
        segmentation_map=True,
    )
    chosen = _at_centre(objects)
    mask = _central_mask(light, objects, chosen) if chosen else None
    return FrameObjects(light, level, objects, chosen, mask)


def frame_outlines(picture: NDArray[np.uint8]) -> FrameOutlines:
    """Outline the central galaxy of a survey frame, and its neighbours.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8, RGB
        As for `frame_objects`.

    Returns
    -------
    FrameOutlines
    """
    found = frame_objects(picture)
    light, level, objects = found.light, found.level, found.objects
    central = None if found.central is None else _outline(found.central, light, level)
    if central is None:
        return FrameOutlines(None, ())
    areas = np.bincount(objects.ravel())
    areas[[0, found.chosen]] = 0
    neighbours = []
    for number in np.flatnonzero(areas >= _NEIGHBOUR_AREA * central.area_px):
        outline = _outline(objects == number, light, level)
        if outline is not None and _is_extended(outline, light, objects == number):
            neighbours.append(outline)
    neighbours.sort(key=lambda outline: -outline.area_px)
    return FrameOutlines(central, tuple(neighbours))


def light_above_sky(picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Smoothed luminance above the sky, and the sky's deviation in it.

    The sky is a plane through the smoothed border, fitted without what lies more
    than three deviations above it (neighbours), so that the halo of a bright star
    beyond the frame does not count as light of the galaxy.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8

    Returns
    -------
    light : ndarray, shape (H, W), float32
    deviation : float
        Of the noise in the smoothed border, at least 0.3.
    """
    light = cv2.GaussianBlur(picture.astype(np.float32).mean(axis=2), (0, 0), SMOOTHING_PX)
    height, width = light.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    terms = np.stack([np.ones_like(light), rows / height - 0.5, columns / width - 0.5], axis=2)
    at_border, sky = border_pixels(terms), border_pixels(light[:, :, None])[:, 0]
    kept = np.ones(sky.size, dtype=bool)
    for _ in range(_CLIPPING_ROUNDS):
        plane = np.linalg.lstsq(at_border[kept], sky[kept], rcond=None)[0]
        rest = sky - at_border @ plane
        middle = float(np.median(rest[kept]))
        deviation = 1.4826 * float(np.median(np.abs(rest[kept] - middle)))
        kept = rest <= middle + 3.0 * max(deviation, _LEAST_DEVIATION)
    above = light - (terms @ plane).astype(np.float32) - np.float32(middle)
    return np.ascontiguousarray(above), _noise(light)


def _noise(light: NDArray[np.float32]) -> float:
    """Deviation of the sky from differences of pixels, which gradients do not enter."""
    lag = _NOISE_LAG_PX
    differences = np.concatenate(
        [
            border_pixels((light[:, lag:] - light[:, :-lag])[:, :, None]),
            border_pixels((light[lag:] - light[:-lag])[:, :, None]),
        ]
    )
    deviation = 1.4826 * float(np.median(np.abs(differences))) / math.sqrt(2.0)
    return max(deviation, _LEAST_DEVIATION)


def isophote_level(peak: float, sky_deviation: float) -> float:
    """Luminance above the sky at which a galaxy ends; see the head of this module."""
    grey = min(LEVEL_GREY, LEVEL_PEAK_FRACTION * peak)
    return max(LEVEL_SKY_DEVIATIONS * sky_deviation, grey)


def _centre(shape: tuple[int, ...]) -> tuple[slice, slice]:
    row, column = shape[0] // 2, shape[1] // 2
    return (
        slice(row - _CENTRE_PX, row + _CENTRE_PX + 1),
        slice(column - _CENTRE_PX, column + _CENTRE_PX + 1),
    )


def _at_centre(numbers: NDArray[np.int32]) -> int:
    """The number that covers most of the centre, 0 for none."""
    central = numbers[_centre(numbers.shape)]
    inside = central[central > 0]
    return int(np.bincount(inside).argmax()) if inside.size else 0


def _central_mask(
    light: NDArray[np.float32], objects: NDArray[np.int32], chosen: int
) -> NDArray[np.bool_] | None:
    own = (objects == chosen).astype(np.uint8)
    others = ((objects > 0) & (objects != chosen)).astype(np.uint8)
    side = 2 * _REACH_OF_NEIGHBOUR_PX + 1
    near = cv2.dilate(others, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    opposite = _turned_half(own, light)
    mask = np.where(near > 0, opposite * (objects > 0), own).astype(np.uint8)
    mask = cv2.medianBlur(mask * 255, _MAJORITY_PX)
    _, parts = cv2.connectedComponents(mask)
    part = _at_centre(parts)
    return parts == part if part else None


def _turned_half(mask: NDArray[np.uint8], light: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The mask turned by half a turn about the brightest pixel at the centre."""
    rows, columns = _centre(light.shape)
    row, column = np.unravel_index(int(light[rows, columns].argmax()), (2 * _CENTRE_PX + 1,) * 2)
    x, y = columns.start + int(column), rows.start + int(row)
    turn = np.array([[-1.0, 0.0, 2.0 * x], [0.0, -1.0, 2.0 * y]], dtype=np.float32)
    height, width = mask.shape
    return cv2.warpAffine(mask, turn, (width, height), flags=cv2.INTER_NEAREST)


def _outline(mask: NDArray[np.bool_], light: NDArray[np.float32], level: float) -> Outline | None:
    y, x = np.nonzero(mask)
    if x.size < _SMALLEST_AREA_PX:
        return None
    height, width = mask.shape
    axes = np.linalg.eigvalsh(np.cov(np.stack([x, y])) + np.eye(2) / 12.0)
    return Outline(
        box_xyxy_px=(float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1)),
        area_px=int(x.size),
        peak=float(light[mask].max()),
        level=level,
        elongation=math.sqrt(float(axes[1] / axes[0])),
        truncated=bool(
            x.min() == 0 or y.min() == 0 or x.max() == width - 1 or y.max() == height - 1
        ),
    )


def _is_extended(found: Outline, light: NDArray[np.float32], mask: NDArray[np.bool_]) -> bool:
    """Whether an object is a galaxy rather than a star.

    A Gaussian star has ln 2 / ln(peak / level) of its isophote's area above half
    its peak; a galaxy, with its fainter outskirts, has less.
    """
    if found.peak < 1.5 * found.level:
        return False
    if found.elongation > _NEIGHBOUR_ELONGATION:
        return True
    core = int((light[mask] > 0.5 * found.peak).sum())
    star = found.area_px * math.log(2.0) / math.log(found.peak / found.level)
    return core < _STAR_CONCENTRATION * star
