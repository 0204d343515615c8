"""Recall by what a galaxy looks like: size, size in the frame, surface brightness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge_runtime.evaluation.matching import ScoredPicture, match

SIZE_EDGES_PX = (0.0, 16.0, 32.0, 64.0, 128.0, 256.0, math.inf)
RELATIVE_EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, math.inf)
BRIGHTNESS_EDGES_SIGMA = (-math.inf, 1.0, 2.0, 4.0, 8.0, math.inf)

_MAD_TO_SIGMA = 1.4826  # of a normal distribution
_FEWEST_SKY_PIXELS = 64
_LEAST_SIGMA = 0.5  # of the 255 levels: half of what 8 bits can tell
_NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Stratum:
    """Galaxies whose value lies from ``low`` up to ``high``.

    Attributes
    ----------
    low, high : float
    galaxies, found : int
    recall : float or None
        None without a galaxy.
    recall_low, recall_high : float or None
        Wilson interval at 95 % (Wilson 1927).
    """

    low: float
    high: float
    galaxies: int
    found: int
    recall: float | None
    recall_low: float | None
    recall_high: float | None


def recall_by(
    values: Sequence[NDArray[np.floating]],
    pictures: Sequence[ScoredPicture],
    edges: Sequence[float],
    least_iou: float,
) -> list[Stratum]:
    """Recall of the galaxies in each interval of a value.

    Parameters
    ----------
    values : sequence of ndarray, shape (N,)
        A value of each galaxy, an array a picture. Galaxies whose value is not
        a number are in no stratum.
    pictures : sequence of ScoredPicture
        With the detections above the threshold in force.
    edges : sequence of float
        Rising; a stratum holds its lower edge but not its upper.
    least_iou : float
    """
    value = np.concatenate([np.zeros(0), *values])
    found = np.concatenate(
        [np.zeros(0, dtype=bool), *[match(p, least_iou).found for p in pictures]]
    )
    counts = ~np.concatenate([np.zeros(0, dtype=bool), *[p.difficult for p in pictures]])
    strata = []
    for low, high in pairwise(edges):
        inside = counts & (value >= low) & (value < high)
        galaxies, hits = int(inside.sum()), int((inside & found).sum())
        interval = wilson_interval(hits, galaxies) if galaxies else (None, None)
        recall = hits / galaxies if galaxies else None
        strata.append(Stratum(low, high, galaxies, hits, recall, *interval))
    return strata


def box_sizes_px(boxes_xyxy_px: NDArray[np.float32]) -> NDArray[np.float64]:
    """Geometric mean of width and height of each box, pixels."""
    sides = boxes_xyxy_px[:, 2:].astype(np.float64) - boxes_xyxy_px[:, :2]
    return np.sqrt(sides[:, 0] * sides[:, 1])


def relative_sizes(
    boxes_xyxy_px: NDArray[np.float32], width_px: int, height_px: int
) -> NDArray[np.float64]:
    """Geometric mean of a box's sides over that of its frame's."""
    return box_sizes_px(boxes_xyxy_px) / math.sqrt(width_px * height_px)


def surface_brightness_sigma(
    picture: NDArray[np.uint8], boxes_xyxy_px: NDArray[np.float32], sky_level: float
) -> NDArray[np.float64]:
    """Mean level of each galaxy above its sky, in deviations of the sky's pixels.

    The sky is the median of the pixels around the box, to twice its sides, that
    lie in no box; its deviation comes from their median absolute deviation, so
    that stars do not matter. A galaxy that leaves too little sky around it is
    measured against the level that conditioning gives the sky and the scatter
    of the frame's pixels below it.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8, RGB
        Conditioned frame.
    boxes_xyxy_px : ndarray, shape (N, 4), float32
    sky_level : float
        Level that conditioning stretches the sky to, 0 to 1.

    Returns
    -------
    ndarray, shape (N,), float64
        Not a number for a box outside the picture.
    """
    values = np.full(len(boxes_xyxy_px), np.nan)
    if not len(values):
        return values
    level = picture.astype(np.float32).mean(axis=2)
    height, width = level.shape
    galaxy = np.zeros(level.shape, dtype=bool)
    for box in boxes_xyxy_px:
        galaxy[_inside(box, width, height)] = True
    for i, box in enumerate(boxes_xyxy_px):
        pixels = level[_inside(box, width, height)]
        if pixels.size == 0:
            continue
        half = (box[2:] - box[:2]) / 2.0
        around = _inside(np.concatenate([box[:2] - half, box[2:] + half]), width, height)
        sky = level[around][~galaxy[around]]
        if sky.size < _FEWEST_SKY_PIXELS:
            centre = 255.0 * sky_level
            below = level[level <= centre]
            spread = np.median(centre - below) if below.size else 0.0
        else:
            centre = float(np.median(sky))
            spread = np.median(np.abs(sky - centre))
        sigma = max(_MAD_TO_SIGMA * float(spread), _LEAST_SIGMA)
        values[i] = (float(pixels.mean()) - centre) / sigma
    return values


def wilson_interval(hits: int, total: int) -> tuple[float, float]:
    """Interval at 95 % of a share, from ``hits`` of ``total`` (at least 1) trials."""
    share, z2 = hits / total, _NORMAL_95**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = (
        _NORMAL_95
        * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
        / (1 + z2 / total)
    )
    return max(0.0, middle - half), min(1.0, middle + half)


def _inside(box: NDArray[np.floating], width: int, height: int) -> tuple[slice, slice]:
    x0, y0 = np.clip(np.floor(box[:2]).astype(int), 0, [width, height])
    x1, y1 = np.clip(np.ceil(box[2:]).astype(int), 0, [width, height])
    return slice(y0, y1), slice(x0, x1)
