"""Mean maps of classes in the galaxy's own frame: turned to its major axis, scaled to its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classification.explain.galaxy_mask import CropRegions, Ellipse, in_galaxy_frame

SIZE_PX = 96
REACH = 2.0
"""Semi-major axes from the middle to the edges."""

_LEAST_SHARE = 0.5  # of the galaxies must reach a pixel for it to have a mean


@dataclass(frozen=True, slots=True)
class MeanMap:
    """The mean over some galaxies.

    Attributes
    ----------
    n : int
    values : ndarray, shape (SIZE_PX, SIZE_PX), float32
        Each map divided by the sum of its absolute values first, so that galaxies
        count alike; NaN where fewer than half of the galaxies reach.
    light : ndarray, shape (SIZE_PX, SIZE_PX, 3), uint8
        Mean picture.
    axis_ratio : float
        Mean of the short over the long axis.
    """

    n: int
    values: NDArray[np.float32]
    light: NDArray[np.uint8]
    axis_ratio: float


def mean_map(
    maps: Sequence[NDArray[np.float32]],
    crops: Sequence[NDArray[np.uint8]],
    regions: Sequence[CropRegions],
) -> MeanMap:
    """Mean of maps in their galaxies' frames.

    Parameters
    ----------
    maps : sequence of ndarray, shape (S, S), N long
    crops : sequence of ndarray, shape (S, S, 3), uint8
    regions : sequence of CropRegions

    Raises
    ------
    ValueError
        There is none.
    """
    if not maps:
        raise ValueError("no map to take the mean of")
    total = np.zeros((SIZE_PX, SIZE_PX))
    light = np.zeros((SIZE_PX, SIZE_PX, 3))
    reached = np.zeros((SIZE_PX, SIZE_PX))
    for values, crop, region in zip(maps, crops, regions, strict=True):
        norm = float(np.abs(values).sum()) or 1.0
        framed = in_galaxy_frame(values / norm, region.ellipse, SIZE_PX, REACH)
        shown = in_galaxy_frame(crop.astype(np.float32), region.ellipse, SIZE_PX, REACH)
        known = np.isfinite(framed)
        total += np.where(known, framed, 0.0)
        light += np.nan_to_num(shown)
        reached += known
    enough = reached >= _LEAST_SHARE * len(maps)
    mean = np.full((SIZE_PX, SIZE_PX), np.nan, np.float32)
    np.divide(total, reached, out=mean, where=enough, casting="unsafe")
    light /= np.maximum(reached, 1.0)[:, :, None]
    ratios = [each.ellipse.semi_minor_px / each.ellipse.semi_major_px for each in regions]
    return MeanMap(len(maps), mean, np.clip(light, 0, 255).astype(np.uint8), float(np.mean(ratios)))


def unit_ellipse(axis_ratio: float) -> NDArray[np.bool_]:
    """The mask of the mean galaxy in the mean map."""
    major = SIZE_PX / (2.0 * REACH)
    ellipse = Ellipse(SIZE_PX / 2.0, SIZE_PX / 2.0, major, axis_ratio * major, 0.0)
    return np.asarray(ellipse.radius(SIZE_PX) <= 1.0)
