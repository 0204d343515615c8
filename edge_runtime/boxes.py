"""Boxes: overlap, suppression and merging.

Boxes are float arrays of shape (N, 4): left, top, right, bottom edges in
pixels, so a box of one pixel has width 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]

_SIMILAR_AREAS = 0.25
_MOSTLY_INSIDE = 0.65


def area(boxes: Boxes) -> NDArray[np.float32]:
    """Areas in square pixels, shape (N,); 0 for boxes turned inside out."""
    width = np.maximum(boxes[:, 2] - boxes[:, 0], 0.0)
    height = np.maximum(boxes[:, 3] - boxes[:, 1], 0.0)
    return np.asarray(width * height, dtype=np.float32)


def intersection(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Shared area of every pair, shape (len(a), len(b)), square pixels."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    side = np.maximum(high - low, 0.0)
    return np.asarray(side[..., 0] * side[..., 1], dtype=np.float32)


def iou(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Intersection over union of every pair, shape (len(a), len(b)), 0 to 1."""
    shared = intersection(a, b)
    union = area(a)[:, None] + area(b)[None, :] - shared
    ratio = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return np.asarray(ratio, dtype=np.float32)


def clip(boxes: Boxes, width: int, height: int) -> Boxes:
    """Boxes cut to a frame of ``width`` x ``height`` pixels."""
    return np.clip(boxes, 0.0, np.array([width, height, width, height], dtype=np.float32))


def non_maximum_suppression(
    boxes: Boxes, scores: NDArray[np.float32], iou_threshold: float
) -> NDArray[np.intp]:
    """Greedy suppression: keep a box unless a better one overlaps it.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4), float32
    scores : ndarray, shape (N,), float32
    iou_threshold : float
        Overlap above which the lower-scoring box goes.

    Returns
    -------
    ndarray, shape (K,), intp
        Indices kept, best score first; ties keep the earlier box.
    """
    return _best_without_conflict(scores, iou(boxes, boxes) > iou_threshold)


def _best_without_conflict(
    scores: NDArray[np.float32], conflicts: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Indices in order of score, without those that conflict with a better one."""
    kept: list[int] = []
    out = np.zeros(len(scores), dtype=bool)
    for index in np.argsort(-scores, kind="stable"):
        if not out[index]:
            kept.append(int(index))
            out |= conflicts[index]
    return np.asarray(kept, dtype=np.intp)


def vote(
    boxes: Boxes, scores: NDArray[np.float32], kept: NDArray[np.intp], iou_threshold: float
) -> Boxes:
    """Kept boxes, each moved to the mean of all boxes that overlap it.

    The boxes that suppression drops come from other anchors that saw the same
    galaxy; their mean, weighted by score, has a smaller error than the best
    alone (box voting, Gidaris and Komodakis 2015, arXiv:1505.01749).

    Parameters
    ----------
    boxes : ndarray, shape (N, 4), float32
    scores : ndarray, shape (N,), float32
        Above 0.
    kept : ndarray, shape (K,), intp
        What suppression kept.
    iou_threshold : float
        Least overlap of a box that has a vote, 0 to 1.

    Returns
    -------
    ndarray, shape (K, 4), float32
    """
    overlapping = iou(boxes[kept], boxes) >= iou_threshold
    weights = np.where(overlapping, scores.astype(np.float64)[None, :], 0.0)
    weights[np.arange(len(kept)), kept] = scores[kept]  # a box without area overlaps nothing
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(weights @ boxes.astype(np.float64) / total, dtype=np.float32).reshape(-1, 4)


def merge(
    boxes: Boxes,
    scores: NDArray[np.float32],
    *,
    iou_threshold: float,
    part_score_ratio: float,
) -> NDArray[np.intp]:
    """Choose among boxes of one frame that several views reported.

    Non-maximum suppression also drops the worse of two boxes of similar size
    when one lies mostly in the other: they are the same galaxy with a different
    idea of its outskirts. Then a box in a much larger one is taken for a part
    of it (the core of a galaxy, a knot in an arm, seen at native scale) where
    both share their centre, or where its score is below ``part_score_ratio`` of
    the larger one's. A companion in the halo of a large galaxy stays, for its
    score is high and it is off centre.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4), float32
    scores : ndarray, shape (N,), float32
    iou_threshold : float
    part_score_ratio : float

    Returns
    -------
    ndarray, shape (K,), intp
        Indices kept, best score first.
    """
    sizes = area(boxes)
    lesser = np.minimum(sizes[:, None], sizes[None, :])
    similar = lesser > _SIMILAR_AREAS * np.maximum(sizes[:, None], sizes[None, :])
    nested = intersection(boxes, boxes) > _MOSTLY_INSIDE * lesser
    kept = _best_without_conflict(scores, (iou(boxes, boxes) > iou_threshold) | (similar & nested))
    chosen, chosen_scores = boxes[kept], scores[kept]
    shared = intersection(chosen, chosen)
    sizes = area(chosen)
    inside = shared > 0.8 * sizes[:, None]
    smaller = sizes[:, None] < 0.5 * sizes[None, :]
    centres = 0.5 * (chosen[:, :2] + chosen[:, 2:])
    sides = np.maximum(chosen[:, 2] - chosen[:, 0], chosen[:, 3] - chosen[:, 1])
    distance = np.linalg.norm(centres[:, None] - centres[None, :], axis=2)
    concentric = distance < 0.12 * sides[None, :]
    comparable = chosen_scores[None, :] > 0.5 * chosen_scores[:, None]
    weaker = chosen_scores[:, None] < part_score_ratio * chosen_scores[None, :]
    part = inside & smaller & ((concentric & comparable) | weaker)
    return np.asarray(kept[~part.any(axis=1)], dtype=np.intp)
