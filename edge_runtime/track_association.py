"""Which box of this frame is which galaxy of the last one: pure geometry."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.sighting import BoxXyxy, Detection

Shift = tuple[float, float]

# Two boxes show one galaxy where one lies mostly in the other and their centres
# agree (its core and the whole of it), or where one is a large part of the other
# (a galaxy cut by the edge of a tile). The companion of a pair like M51 and
# NGC 5195 lies in the box of the larger galaxy, too, but far off its centre.
SAME_IOU = 0.55
SAME_CONTAINED = 0.6
SAME_OFFSET = 0.35
PART_CONTAINED = 0.9
PART_AREA = 0.45

LIKE_SIZE = 1.6
REGISTRATION_SIDE_PX = 512
REGISTRATION_RESPONSE = 0.08


def centre(box: BoxXyxy) -> tuple[float, float]:
    """Centre (x, y) of a box in pixels."""
    return (box[0] + box[2]) / 2.0, (box[1] + box[3]) / 2.0


def side(box: BoxXyxy) -> float:
    """Geometric mean of a box's width and height in pixels, at least 1."""
    return math.sqrt(max(box[2] - box[0], 1.0) * max(box[3] - box[1], 1.0))


def moved(box: BoxXyxy, shift: Shift) -> BoxXyxy:
    """The box moved by (dx, dy) pixels."""
    dx, dy = shift
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def _areas(a: BoxXyxy, b: BoxXyxy) -> tuple[float, float, float]:
    """Areas of the two boxes and of what they share."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area_a = max(1e-9, (a[2] - a[0]) * (a[3] - a[1]))
    area_b = max(1e-9, (b[2] - b[0]) * (b[3] - b[1]))
    return area_a, area_b, width * height


def iou(a: BoxXyxy, b: BoxXyxy) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    area_a, area_b, shared = _areas(a, b)
    return shared / (area_a + area_b - shared)


def same_galaxy(a: BoxXyxy, b: BoxXyxy) -> bool:
    """Whether two boxes of one frame show one galaxy rather than a pair."""
    area_a, area_b, shared = _areas(a, b)
    if shared / (area_a + area_b - shared) >= SAME_IOU:
        return True
    large = a if area_a >= area_b else b
    smaller_area, larger_area = min(area_a, area_b), max(area_a, area_b)
    contained = shared / smaller_area
    if contained >= PART_CONTAINED and smaller_area / larger_area >= PART_AREA:
        return True
    (ax, ay), (bx, by) = centre(a), centre(b)
    half_width = max(0.5, (large[2] - large[0]) / 2.0)
    half_height = max(0.5, (large[3] - large[1]) / 2.0)
    offset = max(abs(ax - bx) / half_width, abs(ay - by) / half_height)
    return contained >= SAME_CONTAINED and offset <= SAME_OFFSET


def merge_duplicates(detections: Sequence[Detection]) -> tuple[Detection, ...]:
    """Keep the best-scored of the boxes that show one galaxy, best score first."""
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda item: -item.score):
        if not any(same_galaxy(detection.box_xyxy_px, other.box_xyxy_px) for other in kept):
            kept.append(detection)
    return tuple(kept)


def common_shift(old: Sequence[BoxXyxy], new: Sequence[BoxXyxy], largest_shift_px: float) -> Shift:
    """Estimate how far the whole field moved from boxes before and after.

    Parameters
    ----------
    old, new : sequence of box
        Boxes of the followed galaxies and of this frame's detections, pixels.
    largest_shift_px : float
        Longer displacements are not believed.

    Returns
    -------
    tuple of float
        Median displacement (dx, dy) of the largest group of galaxies that
        moved alike; (0, 0) where fewer than two galaxies agree.
    """
    moves: list[tuple[float, float, int, float]] = []
    for index, before in enumerate(old):
        for after in new:
            ratio = side(before) / side(after)
            if not 1.0 / LIKE_SIZE <= ratio <= LIKE_SIZE:
                continue
            (x0, y0), (x1, y1) = centre(before), centre(after)
            if math.hypot(x1 - x0, y1 - y0) <= largest_shift_px:
                moves.append((x1 - x0, y1 - y0, index, side(before)))
    best: list[tuple[float, float, int, float]] = []
    best_rank = (1, 0.0)
    for dx, dy, _, size in moves:
        tolerance = max(3.0, 0.25 * size)
        group = [item for item in moves if math.hypot(item[0] - dx, item[1] - dy) <= tolerance]
        rank = (len({item[2] for item in group}), -math.hypot(dx, dy))
        if rank[0] >= 2 and rank > best_rank:
            best, best_rank = group, rank
    if not best:
        return 0.0, 0.0
    return float(np.median([item[0] for item in best])), float(
        np.median([item[1] for item in best])
    )


def registered_shift(
    before: NDArray[np.uint8], after: NDArray[np.uint8], largest_shift_px: float
) -> Shift | None:
    """Measure how far the stars moved between two pictures of the same size.

    Parameters
    ----------
    before, after : ndarray, shape (H, W, 3), uint8, RGB
    largest_shift_px : float
        A longer shift is not believed.

    Returns
    -------
    tuple of float or None
        (dx, dy) in pixels by phase correlation; None where the pictures do not
        match well enough.
    """
    height, width = before.shape[:2]
    scale = min(1.0, REGISTRATION_SIDE_PX / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    planes = []
    for picture in (before, after):
        small = cv2.resize(picture[:, :, 1], size, interpolation=cv2.INTER_AREA)
        plane = small.astype(np.float32)
        planes.append(np.maximum(plane - np.median(plane), 0.0))
    window = cv2.createHanningWindow(size, cv2.CV_32F)
    (dx, dy), response = cv2.phaseCorrelate(planes[0], planes[1], window)
    dx, dy = dx * width / size[0], dy * height / size[1]
    if response < REGISTRATION_RESPONSE or math.hypot(dx, dy) > largest_shift_px:
        return None
    return float(dx), float(dy)


def associate(
    old: Sequence[BoxXyxy],
    new: Sequence[BoxXyxy],
    *,
    iou_gate: float,
    distance_gate: float,
    least_distance_px: float,
) -> dict[int, int]:
    """Pair followed boxes with detections, nearest first.

    Parameters
    ----------
    old, new : sequence of box
        Predicted boxes of the followed galaxies; boxes of this frame. Pixels.
    iou_gate : float
        Boxes that overlap at least this much may be a pair,
    distance_gate : float
        and so may boxes whose centres are nearer than this multiple of the
        geometric mean of the two sides
    least_distance_px : float
        or nearer than this, for very small galaxies.

    Returns
    -------
    dict
        Index into ``old`` to index into ``new``; each appears at most once.
    """
    candidates: list[tuple[float, int, int]] = []
    for i, before in enumerate(old):
        for j, after in enumerate(new):
            (x0, y0), (x1, y1) = centre(before), centre(after)
            reach = max(least_distance_px, distance_gate * math.sqrt(side(before) * side(after)))
            distance = math.hypot(x1 - x0, y1 - y0) / reach
            overlap = iou(before, after)
            if distance <= 1.0 or overlap >= iou_gate:
                candidates.append((distance - overlap, i, j))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(candidates):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs
