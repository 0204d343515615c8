"""Whether the map of a galaxy stays the same when the picture hardly changes.

The crop is turned by a few degrees, or gets a little noise; the map of the changed
crop, turned back, should rank the pixels as before (Spearman's rank correlation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from classification.explain.faithfulness.similarity import rank_correlation

ANGLE_DEG = 10.0
NOISE_GREY = 3.0

Explain = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""A crop (S, S, 3), uint8, to its map (S, S); the target stays the same."""


@dataclass(frozen=True, slots=True)
class Stability:
    """Rank correlations with the map of the crop as it was.

    Attributes
    ----------
    rotation, noise : float
        -1 to 1; NaN where a map is the same everywhere.
    """

    rotation: float
    noise: float


def stability(
    explain: Explain,
    crop: NDArray[np.uint8],
    values: NDArray[np.float32],
    *,
    angle_deg: float = ANGLE_DEG,
    noise_grey: float = NOISE_GREY,
    seed: int = 0,
) -> Stability:
    """Compare the map of a crop with those of the crop turned, and with noise.

    Parameters
    ----------
    explain : callable
    crop : ndarray, shape (S, S, 3), uint8
    values : ndarray, shape (S, S), float32
        Its map.
    angle_deg : float
    noise_grey : float
        Standard deviation of the noise, of 255.
    seed : int
        Of the noise.
    """
    back = turned(explain(turned(crop, angle_deg)), -angle_deg)
    size = len(crop)
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2.0
    disc = np.hypot(rows, columns) <= size / 2.0 - 1.0  # corners are lost on the way
    rng = np.random.default_rng(seed)
    noisy = np.rint(crop + rng.normal(0.0, noise_grey, crop.shape))
    return Stability(
        rotation=rank_correlation(values, back, disc),
        noise=rank_correlation(values, explain(np.clip(noisy, 0, 255).astype(np.uint8))),
    )


def turned(values: NDArray, angle_deg: float) -> NDArray:
    """A crop or map turned about its middle; its edge is mirrored into the corners."""
    size = len(values)
    turn = cv2.getRotationMatrix2D(((size - 1) / 2.0, (size - 1) / 2.0), angle_deg, 1.0)
    return np.asarray(
        cv2.warpAffine(
            values, turn, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
    )
