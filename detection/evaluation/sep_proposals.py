"""Candidate boxes by classical source extraction, with `sep` (Barbary 2016, JOSS 1(6), 58).

SEP is SExtractor (Bertin & Arnouts 1996) as a library. In a conditioned frame
most of what it extracts are stars; sources that are larger than the stars of
the same frame, not too long (satellite trails) and not too flat (noise) remain.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.detector import Boxes
from edge_runtime.errors import GalaxyEdgeError

_MAX_SOURCES = 100_000


@dataclass(frozen=True, slots=True)
class SepParams:
    """What counts as a candidate.

    Attributes
    ----------
    detect_sigma : float
        Least level above the sky in deviations of its noise.
    longest_side_px : int
        Frames are reduced to this before extraction.
    least_area_px : int
        Of a source, in pixels of the reduced frame.
    mesh_fraction : float
        Side of a cell of the background mesh over the longer side of the frame.
    least_star_ratio : float
        Least size (root mean square semi-major axis) over that of the frame's
        stars, taken as the lower quartile of all sources.
    greatest_elongation : float
        Semi-major over semi-minor axis.
    greatest_concentration : float
        Peak over mean level of a source's pixels; stars are sharper.
    box_sigma : float
        Half side of the box in root mean square radii.
    most : int
        Candidates of a frame, brightest first.
    score : float
        Detector score that each is given.
    """

    detect_sigma: float = 2.5
    longest_side_px: int = 800
    least_area_px: int = 25
    mesh_fraction: float = 0.25
    least_star_ratio: float = 2.0
    greatest_elongation: float = 6.0
    greatest_concentration: float = 8.0
    box_sigma: float = 3.0
    most: int = 20
    score: float = 0.3


def sep_proposals(picture: NDArray[np.uint8], params: SepParams | None = None) -> Boxes:
    """Extended sources of a conditioned frame.

    Parameters
    ----------
    picture : ndarray, shape (H, W, 3), uint8, RGB
    params : SepParams, optional

    Returns
    -------
    Boxes
        Brightest first, all with the same score.

    Raises
    ------
    GalaxyEdgeError
        `sep` is not installed.
    """
    try:
        import sep
    except ModuleNotFoundError as error:
        raise GalaxyEdgeError(
            "source extraction needs sep, which is not installed; "
            "install it with: pip install 'galaxy-edge[workstation]'"
        ) from error
    given = params or SepParams()
    height, width = picture.shape[:2]
    scale = min(1.0, given.longest_side_px / max(height, width))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    level = np.ascontiguousarray(small.astype(np.float32).mean(axis=2))
    cell = max(32, round(given.mesh_fraction * max(level.shape)))
    background = sep.Background(level, bw=cell, bh=cell)
    sep.set_extract_pixstack(max(300_000, level.size))
    sep.set_sub_object_limit(_MAX_SOURCES)
    sources = sep.extract(
        level - background.back(),
        given.detect_sigma,
        err=max(background.globalrms, 0.5),
        minarea=given.least_area_px,
        deblend_cont=0.02,
    )
    if len(sources) == 0:
        return Boxes(np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.float32))
    sizes, least = sources["a"], np.maximum(sources["b"], 1e-3)
    star = float(np.percentile(sizes, 25)) if len(sources) >= 8 else 0.0
    mean_level = sources["flux"] / np.maximum(sources["npix"], 1)
    chosen = (
        (sizes >= given.least_star_ratio * star)
        & (sizes / least <= given.greatest_elongation)
        & (sources["peak"] <= given.greatest_concentration * np.maximum(mean_level, 1e-6))
    )
    kept = np.flatnonzero(chosen)
    kept = kept[np.argsort(-sources["flux"][kept], kind="stable")][: given.most]
    picked = sources[kept]
    # extent of an ellipse along the axes of the frame
    cosine, sine = np.cos(picked["theta"]), np.sin(picked["theta"])
    half_x = given.box_sigma * np.hypot(picked["a"] * cosine, picked["b"] * sine)
    half_y = given.box_sigma * np.hypot(picked["a"] * sine, picked["b"] * cosine)
    x, y = picked["x"] + 0.5, picked["y"] + 0.5  # sep counts from the pixel's centre
    boxes = np.stack([x - half_x, y - half_y, x + half_x, y + half_y], axis=1) / scale
    boxes = np.clip(boxes, 0.0, [width, height, width, height]).astype(np.float32)
    return Boxes(boxes, np.full(len(boxes), given.score, dtype=np.float32))
