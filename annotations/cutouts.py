"""Galaxies cut out of survey images, ready to be put into other pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.sky_border import border_pixels
from edge_runtime.errors import GalaxyEdgeError

_SMOOTHING_PX = 2.0
_ELLIPSE_MARGIN = 1.15  # beyond the ellipse that holds 98 % of the isophote
_FEATHER = 1.4  # outer edge of the feather in units of that ellipse
_LONGEST_SIDE_PX = 256


@dataclass(frozen=True, slots=True)
class Cutout:
    """A galaxy alone on black.

    Attributes
    ----------
    light : ndarray, shape (H, W, 3), uint8, RGB
        Light above the sky inside a feathered ellipse, 0 outside.
    source : str
        File it came from.
    """

    light: NDArray[np.uint8]
    source: str


def cut_out(picture: NDArray[np.uint8], source: str = "") -> Cutout | None:
    """Separate the central galaxy of a survey image from its surroundings.

    The isophote at three sky deviations through the centre gives an ellipse
    by its second moments; inside it, feathered outwards, the sky-subtracted
    light is kept.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8, RGB

    Returns
    -------
    Cutout or None
        None where no isophote surrounds the centre or it reaches the border,
        so that the galaxy's extent is not in the picture.
    """
    height, width = picture.shape[:2]
    values = picture.astype(np.float32)
    ring = border_pixels(values)
    sky = np.median(ring, axis=0)
    values -= sky
    luminance = cv2.GaussianBlur(values.mean(axis=2), (0, 0), _SMOOTHING_PX)
    noise = 1.4826 * float(np.median(np.abs(border_pixels(luminance[:, :, None]))))
    mask = (luminance > max(3.0 * noise, 4.0)).astype(np.uint8)
    _, labels = cv2.connectedComponents(mask)
    centre = labels[height // 2 - 4 : height // 2 + 5, width // 2 - 4 : width // 2 + 5]
    inside = centre[centre > 0]
    if inside.size == 0:
        return None
    y, x = np.nonzero(labels == np.bincount(inside).argmax())
    if x.min() < 3 or y.min() < 3 or x.max() > width - 4 or y.max() > height - 4 or x.size < 60:
        return None
    radius = _elliptical_radius(x, y, height, width)
    feather = np.clip((_FEATHER - radius) / (_FEATHER - 1.0), 0.0, 1.0)
    weight = feather * feather * (3.0 - 2.0 * feather)
    rows, columns = np.nonzero(weight.max(axis=1) > 0)[0], np.nonzero(weight.max(axis=0) > 0)[0]
    area = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    light = np.clip(values[area] * weight[area][:, :, None], 0.0, 255.0)
    shrink = _LONGEST_SIDE_PX / max(light.shape[:2])
    if shrink < 1.0:
        light = cv2.resize(light, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return Cutout(np.rint(light).astype(np.uint8), source)


def read_cutouts(files: Iterable[Path]) -> list[Cutout]:
    """Cut-outs of image files; those without a clean isophote are left out."""
    cutouts = []
    for file in files:
        picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if picture is None:
            raise GalaxyEdgeError(f"{file}: not a readable picture")
        cutout = cut_out(np.ascontiguousarray(picture[:, :, ::-1]), file.name)
        if cutout is not None:
            cutouts.append(cutout)
    return cutouts


def _elliptical_radius(
    x: NDArray[np.intp], y: NDArray[np.intp], height: int, width: int
) -> NDArray[np.float32]:
    """Radius on a raster in units of the ellipse around the points (x, y)."""
    centre = np.array([x.mean(), y.mean()])
    points = np.stack([x, y], axis=1) - centre
    covariance = points.T @ points / len(points) + 0.25 * np.eye(2)
    inverse = np.linalg.inv(covariance)
    reach = np.sqrt(np.percentile(np.einsum("ni,ij,nj->n", points, inverse, points), 98.0))
    rows, columns = np.mgrid[:height, :width]
    dx, dy = columns - centre[0], rows - centre[1]
    squared = inverse[0, 0] * dx * dx + 2.0 * inverse[0, 1] * dx * dy + inverse[1, 1] * dy * dy
    return (np.sqrt(squared) / (reach * _ELLIPSE_MARGIN)).astype(np.float32)
