"""Where a map's positive attribution lies: on the galaxy, or beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classification.explain.galaxy_mask import REGIONS, CropRegions


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one map points.

    Attributes
    ----------
    shares : mapping of str to float
        Part of the positive attribution in each of ``REGIONS``, adding up to 1;
        NaN for a map without any.
    pointing : float
        The pointing game (Zhang et al. 2018, IJCV 126, 1084): 1 where the highest
        attribution is on the galaxy, 0 elsewhere; where several pixels share it, the
        part of them on it; NaN for a map without any.
    """

    shares: Mapping[str, float]
    pointing: float

    @property
    def inside(self) -> float:
        """Part of the positive attribution on the galaxy."""
        return self.shares["galaxy"]


def placement(values: NDArray[np.floating], regions: CropRegions) -> Placement:
    """Tell where the positive attribution of a map lies.

    Parameters
    ----------
    values : ndarray, shape (S, S)
    regions : CropRegions
        Of the same crop, of the same size.
    """
    if values.shape != regions.parts.shape:
        raise ValueError(f"the map is {values.shape}, the regions are {regions.parts.shape}")
    positive = np.maximum(values.astype(np.float64), 0.0)
    total = positive.sum()
    if not total > 0.0:
        return Placement(dict.fromkeys(REGIONS, math.nan), math.nan)
    sums = np.bincount(regions.parts.ravel(), positive.ravel(), minlength=len(REGIONS))
    shares = {name: float(part / total) for name, part in zip(REGIONS, sums, strict=True)}
    highest = values == values.max()
    return Placement(shares, float(regions.galaxy[highest].mean()))
