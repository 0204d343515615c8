"""A few dozen numbers that describe a galaxy's picture, as classical methods need them.

Concentration, asymmetry, smoothness and Gini follow Conselice (2003, ApJS 147, 1)
and Lotz, Primack and Madau (2004, AJ 128, 163), on the 8-bit picture as it is.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet
from annotations.sky_border import border_pixels
from classification.preparation import Preparation
from edge_runtime.crops import CROP_SIDE_R90
from edge_runtime.evaluation.galaxy_labels import R90_FRAME_PX

SIZE_PX = 64
_RINGS = 10
_COLOURS = 3

FEATURE_NAMES = (
    "axis_ratio",
    "size",
    "concentration",
    "asymmetry",
    "asymmetry_90",
    "smoothness",
    "gini",
    "m20",
    "red_minus_green",
    "green_minus_blue",
    *(f"brightness_{i}" for i in range(_RINGS)),
    *(f"contrast_{i}" for i in range(_RINGS)),
    *(f"two_fold_{i}" for i in range(_RINGS)),
)
"""What each number is, in their order."""


def galaxy_features(galaxies: GalaxySet) -> NDArray[np.float32]:
    """Features of all galaxies of a set.

    Parameters
    ----------
    galaxies : GalaxySet

    Returns
    -------
    ndarray, shape (N, len(FEATURE_NAMES)), float32
        Finite numbers.

    Raises
    ------
    GalaxyEdgeError
        A picture cannot be read.
    """
    preparation = Preparation(CROP_SIDE_R90 * R90_FRAME_PX, SIZE_PX)
    found = np.empty((len(galaxies), len(FEATURE_NAMES)), np.float32)
    for row in range(len(galaxies)):
        picture = galaxies.pictures.read(row)
        found[row] = crop_features(preparation.prepare(picture, float(galaxies.frame_scale[row])))
    return found


def crop_features(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Features of one crop.

    Parameters
    ----------
    crop : ndarray, shape (S, S, 3), uint8, RGB
        The galaxy in its centre.

    Returns
    -------
    ndarray, shape (len(FEATURE_NAMES),), float32
        In the order of ``FEATURE_NAMES``.
    """
    pixels = crop.astype(np.float32)
    light = np.clip(pixels - np.median(border_pixels(pixels), axis=0), 0, None)
    grey = light.mean(axis=2)
    grey = np.where(_central_part(grey), grey, 0).astype(np.float32)
    total = max(float(grey.sum()), 1.0)
    axis = np.arange(crop.shape[0]) - (crop.shape[0] - 1) / 2
    x, y = np.meshgrid(axis, axis)
    radius = np.hypot(x, y)
    moments = [float((grey * part).sum()) / total for part in (x, y)]
    dx, dy = x - moments[0], y - moments[1]
    xx, yy, xy = (float((grey * part).sum()) / total for part in (dx * dx, dy * dy, dx * dy))
    spread = np.hypot((xx - yy) / 2, xy)
    major, minor = (xx + yy) / 2 + spread, max((xx + yy) / 2 - spread, 0.0)
    colours = [float((light[:, :, i] * (grey > 0)).sum()) / total for i in range(_COLOURS)]
    return np.array(
        [
            np.sqrt(minor / major) if major > 0 else 1.0,
            np.sqrt(max(major, 0.0)) / crop.shape[0],
            _concentration(grey, radius, total),
            float(np.abs(grey - grey[::-1, ::-1]).sum()) / (2 * total),
            float(np.abs(grey - np.rot90(grey)).sum()) / (2 * total),
            float(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2.0)).sum()) / total,
            _gini(grey),
            _m20(grey, dx * dx + dy * dy),
            colours[0] - colours[1],
            colours[1] - colours[2],
            *_rings(grey, radius, np.arctan2(y, x)),
        ],
        np.float32,
    )


def _central_part(grey: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The part above the noise that holds the brightest pixel near the centre."""
    border = border_pixels(grey[:, :, None])
    level = max(3.0, 3.0 * float(border.std()))
    _, labels = cv2.connectedComponents((grey > level).astype(np.uint8))
    middle = grey.shape[0] // 2
    near = slice(middle - 5, middle + 5)
    brightest = np.unravel_index(int(np.argmax(grey[near, near])), grey[near, near].shape)
    label = labels[near, near][brightest]
    return np.asarray(labels == label) if label else np.ones(grey.shape, dtype=bool)


def _concentration(grey: NDArray[np.float32], radius: NDArray[np.float64], total: float) -> float:
    order = np.argsort(radius, axis=None)
    grown = np.cumsum(grey.ravel()[order]) / total
    last = len(order) - 1  # of a picture without light, in which nothing grows
    places = np.minimum(np.searchsorted(grown, (0.2, 0.79)), last)
    inner, outer = radius.ravel()[order][places]
    return float(5 * np.log10(max(outer, 0.5) / max(inner, 0.5)))


def _gini(grey: NDArray[np.float32]) -> float:
    values = np.sort(grey[grey > 0].astype(np.float64))
    n = len(values)
    if n < 2:
        return 0.0
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float((weights * values).sum() / (values.mean() * n * (n - 1)))


def _m20(grey: NDArray[np.float32], square: NDArray[np.float64]) -> float:
    """Second moment of the brightest fifth of the light in that of the whole, as a logarithm."""
    values, moments = grey.ravel().astype(np.float64), (grey * square).ravel()
    if moments.sum() <= 0:
        return 0.0
    order = np.argsort(values)[::-1]
    bright = np.cumsum(values[order]) < 0.2 * values.sum()
    return float(np.log10(max(moments[order][bright].sum(), 1e-3) / moments.sum()))


def _rings(
    grey: NDArray[np.float32], radius: NDArray[np.float64], angle: NDArray[np.float64]
) -> list[float]:
    """Brightness, contrast and two-fold symmetry of rings about the centre."""
    edges = np.linspace(0, grey.shape[0] / 2, _RINGS + 1)
    peak = max(float(grey.max()), 1.0)
    brightness, contrast, two_fold = [], [], []
    for inner, outer in pairwise(edges):
        ring = (radius >= inner) & (radius < outer)
        values = grey[ring]
        mean = float(values.mean())
        brightness.append(mean / peak)
        contrast.append(float(values.std()) / max(mean, 1.0))
        wave = np.abs((values * np.exp(2j * angle[ring])).sum())
        two_fold.append(float(wave) / max(float(values.sum()), 1.0))
    return [*brightness, *contrast, *two_fold]
