"""A crop cut into pieces that follow the galaxy: nucleus, disk and arms, halo, sky.

Everyday superpixels drown in a galaxy: its sky fills half of the crop and its halo has no
edge. Here the isophotes draw the zones first (``crop_regions``), and SLIC (Achanta et al.
2012, IEEE TPAMI 34, 2274) divides each zone by itself, on brightness compressed by asinh
as Lupton et al. (1999, AJ 118, 1406) do, so that faint arms count beside the nucleus.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from classification.explain.baselines import sky_level
from classification.explain.galaxy_mask import NoGalaxyError, crop_regions
from classification.explain.networks import Crops

ZONES = ("nucleus", "inner", "disk", "halo", "neighbours", "sky")
"""From the brightest to nothing."""

PIECES = 48

_NUCLEUS_LIGHT = 0.15  # of the galaxy's light, brightest pixels first
_INNER_LIGHT = 0.5
_WEIGHT = {"nucleus": 0.04, "inner": 0.2, "disk": 0.3, "halo": 0.2, "neighbours": 0.06, "sky": 0.2}
_SOFTENING = 12.0  # level above the sky, of 255, where the logarithm takes over
_COMPACTNESS = 0.3  # about as much room for brightness as for distance
_SKY_COMPACTNESS = 10.0  # nothing there but noise, which must not draw the borders
_SMOOTHING_OF_SIDE = 0.01
_SMALLEST_OF_SIDE = 0.045  # pieces below the square of this join a neighbour


@dataclass(frozen=True, slots=True)
class Superpixels:
    """Pieces of a crop.

    Attributes
    ----------
    labels : ndarray, shape (S, S), int64
        Piece of each pixel, 0 to ``len(zones) - 1``.
    zones : tuple of str
        Which of ``ZONES`` each piece lies in.
    """

    labels: NDArray[np.int64]
    zones: tuple[str, ...]


def galaxy_superpixels(crop: Crops, pieces: int = PIECES) -> Superpixels:
    """Cut a crop into pieces that respect the galaxy's isophotes.

    Parameters
    ----------
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255
        Where no galaxy is in its middle, all of it is sky.
    pieces : int
        How many, roughly; at least 1.

    Returns
    -------
    Superpixels
    """
    from skimage.segmentation import slic

    light = _light(crop)
    parts = _zones(crop, light)
    present = [zone for zone in ZONES if (parts == ZONES.index(zone)).any()]
    weight = sum(_WEIGHT[zone] for zone in present)
    labels = np.full(parts.shape, -1, np.int64)
    found: list[str] = []
    for zone in present:
        mask = parts == ZONES.index(zone)
        wanted = max(1, round(pieces * _WEIGHT[zone] / weight))
        wanted = min(wanted, int(mask.sum()))
        if wanted == 1:
            local = mask.astype(np.int64)
        else:
            with warnings.catch_warnings():
                # first centres of few pixels may leave one without any: a piece less
                warnings.filterwarnings("ignore", "One of the clusters is empty")
                local = slic(
                    light,
                    n_segments=wanted,
                    compactness=_SKY_COMPACTNESS if zone == "sky" else _COMPACTNESS,
                    mask=mask,
                    channel_axis=-1,
                    start_label=1,
                    enforce_connectivity=False,
                    convert2lab=False,
                )
        for label in np.unique(local[mask]):
            labels[mask & (local == label)] = len(found)
            found.append(zone)
    return _joined(labels, found)


def _light(crop: Crops) -> NDArray[np.float64]:
    """Brightness above the sky, compressed and smoothed, about 0 to 1, (S, S, 3)."""
    pixels = np.asarray(crop, np.float32)
    above = np.arcsinh((pixels - sky_level(crop)) / _SOFTENING) / np.arcsinh(255 / _SOFTENING)
    sigma = max(0.5, _SMOOTHING_OF_SIDE * len(pixels))
    return np.asarray(cv2.GaussianBlur(above, (0, 0), sigma), np.float64)


def _zones(crop: Crops, light: NDArray[np.float64]) -> NDArray[np.int64]:
    """Place in ``ZONES`` of each pixel."""
    zones = np.full(light.shape[:2], ZONES.index("sky"), np.int64)
    pixels = crop if crop.dtype == np.uint8 else np.clip(np.rint(crop), 0, 255).astype(np.uint8)
    try:
        regions = crop_regions(pixels)
    except NoGalaxyError:
        return zones
    zones[regions.mask("outskirts")] = ZONES.index("halo")
    zones[regions.mask("neighbours")] = ZONES.index("neighbours")
    grey = np.sinh(light.mean(axis=2) * np.arcsinh(255 / _SOFTENING))  # as bright as it was
    y, x = np.nonzero(regions.galaxy)
    order = np.argsort(grey[y, x])[::-1]
    inside = np.clip(grey[y, x][order], 0, None)
    held = np.cumsum(inside) / max(float(inside.sum()), 1e-9)
    names = np.where(held <= _NUCLEUS_LIGHT, 0, np.where(held <= _INNER_LIGHT, 1, 2))
    zones[y[order], x[order]] = names
    return zones


def _joined(labels: NDArray[np.int64], zones: list[str]) -> Superpixels:
    """Each piece in one part, and none too small; numbered from 0 without gaps."""
    smallest = max(1, round((_SMALLEST_OF_SIDE * len(labels)) ** 2))
    parts = np.full(labels.shape, -1, np.int64)
    part_zones: list[str] = []
    for label, zone in enumerate(zones):
        count, islands = cv2.connectedComponents((labels == label).astype(np.uint8))
        for island in range(1, count):
            parts[islands == island] = len(part_zones)
            part_zones.append(zone)
    for part in np.argsort(np.bincount(parts.ravel())):
        mask = parts == part
        if mask.sum() < smallest:
            around = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            neighbours = parts[around & ~mask]
            same = [p for p in neighbours if part_zones[p] == part_zones[part]]
            if len(neighbours):
                parts[mask] = np.bincount(same if same else neighbours).argmax()
    kept, numbered = np.unique(parts, return_inverse=True)
    return Superpixels(
        numbered.reshape(labels.shape).astype(np.int64), tuple(part_zones[part] for part in kept)
    )
