"""What lies where in a classifier's crop: the galaxy, its outskirts, neighbours, border, sky.

The galaxy is what its isophote holds (``annotations.isophotes``), so an
explanation is compared with where the light is and not with a drawn circle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.isophotes import frame_objects
from edge_runtime.crops import CROP_SIDE_R90
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.galaxy_labels import R90_FRAME_PX

REGIONS = ("galaxy", "outskirts", "neighbours", "border", "sky")
"""Where attribution can lie; the parts of a crop are disjoint and fill it."""

_OUTSKIRTS = 1.5  # outer edge of the outskirts, in units of the galaxy's ellipse
_BORDER_SHARE = 0.05  # of the crop's side, on each side
_SMALLEST_PX = 32  # an isophote cannot be told in less
_LEAST_MASK_PX = 4  # in pixels of the crop


class NoGalaxyError(GalaxyEdgeError):
    """Nothing in the middle of a picture rises far enough above its sky to be a galaxy."""


@dataclass(frozen=True, slots=True)
class Ellipse:
    """An ellipse that has the second moments of a galaxy's isophote.

    Attributes
    ----------
    x_px, y_px : float
        Centre; the first pixel spans 0 to 1.
    semi_major_px, semi_minor_px : float
    angle_rad : float
        From the direction of growing x towards growing y (down), 0 to pi.
    """

    x_px: float
    y_px: float
    semi_major_px: float
    semi_minor_px: float
    angle_rad: float

    def radius(self, size_px: int) -> NDArray[np.float64]:
        """Distance of each pixel from the centre in units of the ellipse, (S, S); 1 is on it."""
        rows, columns = np.mgrid[:size_px, :size_px] + 0.5
        dx, dy = columns - self.x_px, rows - self.y_px
        cosine, sine = math.cos(self.angle_rad), math.sin(self.angle_rad)
        along, across = dx * cosine + dy * sine, dy * cosine - dx * sine
        return np.asarray(np.hypot(along / self.semi_major_px, across / self.semi_minor_px))


@dataclass(frozen=True, slots=True)
class CropRegions:
    """The parts of a square crop.

    Attributes
    ----------
    parts : ndarray, shape (S, S), uint8
        Place in ``REGIONS`` of each pixel.
    ellipse : Ellipse
        Of the galaxy.
    truncated : bool
        The isophote reaches the border of the crop.
    """

    parts: NDArray[np.uint8]
    ellipse: Ellipse
    truncated: bool

    @property
    def size_px(self) -> int:
        """Side of the crop."""
        return len(self.parts)

    def mask(self, region: str) -> NDArray[np.bool_]:
        """The pixels of one of ``REGIONS``, shape (S, S)."""
        return np.asarray(self.parts == REGIONS.index(region))

    @property
    def galaxy(self) -> NDArray[np.bool_]:
        """The isophote mask, shape (S, S)."""
        return self.mask("galaxy")

    def shares(self) -> dict[str, float]:
        """Part of the crop's area in each region."""
        counts = np.bincount(self.parts.ravel(), minlength=len(REGIONS)) / self.parts.size
        return {name: float(count) for name, count in zip(REGIONS, counts, strict=True)}


def crop_regions(
    crop: NDArray[np.uint8],
    size_px: int | None = None,
    *,
    crop_frame_px: float | None = None,
    name: str = "picture",
) -> CropRegions:
    """Tell the galaxy in the middle of a crop from what surrounds it.

    Parameters
    ----------
    crop : ndarray, shape (H, H, 3), uint8, RGB
        Square; finer than the network's input gives a better outline.
    size_px : int, optional
        Side of the masks; the crop's own where left out.
    crop_frame_px : float, optional
        Side of the crop in pixels of the 424-pixel Galaxy Zoo frame, in which
        the isophote is drawn; left out, that of the edge's crops.
    name : str
        Of the picture, for the message.

    Raises
    ------
    NoGalaxyError
        There is no galaxy in the middle.
    """
    if crop.ndim != 3 or crop.shape[2] != 3 or crop.shape[0] != crop.shape[1]:
        raise ValueError(f"a crop is (H, H, 3), not {crop.shape}")
    if crop.dtype != np.uint8:
        raise TypeError(f"a crop is uint8, not {crop.dtype}")
    size = len(crop) if size_px is None else size_px
    drawn_px = max(_SMALLEST_PX, round(crop_frame_px or CROP_SIDE_R90 * R90_FRAME_PX))
    found = frame_objects(_resized(crop, drawn_px))
    if found.central is None:
        raise NoGalaxyError(
            f"{name}: no galaxy in the middle of the picture: nothing there rises above the "
            f"isophote, {found.level:.0f} of 255 over the sky; name its place with --centre or "
            "--box, or choose another picture"
        )
    galaxy = _shrunk(found.central, size)
    if galaxy.sum() < _LEAST_MASK_PX:
        raise NoGalaxyError(
            f"{name}: the object in the middle covers {int(galaxy.sum())} pixels of {size} × "
            f"{size}, too few to be seen as a galaxy"
        )
    others = (found.objects > 0) & (found.objects != found.chosen)
    neighbours = _shrunk(others, size)
    return _parted(galaxy, neighbours, ellipse_of(galaxy))


def ellipse_regions(ellipse: Ellipse, size_px: int) -> CropRegions:
    """The parts of a crop whose galaxy is taken to fill an ellipse; no neighbours are told.

    Parameters
    ----------
    ellipse : Ellipse
        At least about two pixels wide.
    size_px : int
        Side of the crop.
    """
    galaxy = np.asarray(ellipse.radius(size_px) <= 1.0)
    return _parted(galaxy, np.zeros_like(galaxy), ellipse)


def _parted(
    galaxy: NDArray[np.bool_], neighbours: NDArray[np.bool_], ellipse: Ellipse
) -> CropRegions:
    size = len(galaxy)
    border = np.ones((size, size), bool)
    rim = max(1, round(_BORDER_SHARE * size))
    border[rim:-rim, rim:-rim] = False
    parts = np.full((size, size), REGIONS.index("sky"), np.uint8)
    parts[border] = REGIONS.index("border")
    parts[ellipse.radius(size) <= _OUTSKIRTS] = REGIONS.index("outskirts")
    parts[neighbours] = REGIONS.index("neighbours")
    parts[galaxy] = REGIONS.index("galaxy")
    edges = (galaxy[0], galaxy[-1], galaxy[:, 0], galaxy[:, -1])
    return CropRegions(parts, ellipse, bool(any(edge.any() for edge in edges)))


def ellipse_of(mask: NDArray[np.bool_]) -> Ellipse:
    """The ellipse with the centre and second moments of a mask, shape (S, S).

    Raises
    ------
    ValueError
        The mask is empty.
    """
    y, x = np.nonzero(mask)
    if not len(x):
        raise ValueError("an empty mask has no ellipse")
    points = np.stack([x + 0.5, y + 0.5])
    centre = points.mean(axis=1)
    offsets = points - centre[:, None]
    # a pixel is a square, not a point: it adds a twelfth to each axis
    covariance = offsets @ offsets.T / len(x) + np.eye(2) / 12.0
    values, vectors = np.linalg.eigh(covariance)
    minor, major = 2.0 * np.sqrt(values)
    along = vectors[:, 1]
    angle = math.atan2(along[1], along[0]) % math.pi
    return Ellipse(float(centre[0]), float(centre[1]), float(major), float(minor), angle)


def in_galaxy_frame(
    values: NDArray[np.float32], ellipse: Ellipse, size_px: int = 96, reach: float = 2.5
) -> NDArray[np.float32]:
    """A map or picture turned to the galaxy's major axis and scaled to its size.

    Parameters
    ----------
    values : ndarray, shape (S, S) or (S, S, C)
    ellipse : Ellipse
        Of the galaxy in it.
    size_px : int
        Side of the result.
    reach : float
        Semi-major axes from the middle of the result to its edges.

    Returns
    -------
    ndarray, shape (size_px, size_px) or (size_px, size_px, C), float32
        Major axis along x, centre in the middle; NaN beyond the map.
    """
    step = 2.0 * reach * ellipse.semi_major_px / size_px
    cosine, sine = step * math.cos(ellipse.angle_rad), step * math.sin(ellipse.angle_rad)
    middle = (size_px - 1) / 2.0
    turn = np.array(
        [
            [cosine, -sine, ellipse.x_px - 0.5 - middle * (cosine - sine)],
            [sine, cosine, ellipse.y_px - 0.5 - middle * (sine + cosine)],
        ]
    )
    warped = cv2.warpAffine(
        values.astype(np.float32),
        turn,
        (size_px, size_px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(math.nan,) * 4,
    )
    return np.asarray(warped, np.float32)


def _resized(crop: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    if len(crop) == side_px:
        return crop
    how = cv2.INTER_AREA if len(crop) > side_px else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(crop, (side_px, side_px), interpolation=how), np.uint8)


def _shrunk(mask: NDArray[np.bool_], size_px: int) -> NDArray[np.bool_]:
    """The mask at another size: pixels of which more than half is inside."""
    if len(mask) == size_px:
        return mask
    how = cv2.INTER_AREA if len(mask) > size_px else cv2.INTER_LINEAR
    shares = cv2.resize(mask.astype(np.float32), (size_px, size_px), interpolation=how)
    return np.asarray(shares > 0.5)
