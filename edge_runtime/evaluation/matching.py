"""Which detections hit which galaxies, and the figures that follow.

The conventions are those of the COCO evaluation (Lin et al. 2014,
arXiv:1405.0312): greedy by score, a galaxy is hit once, a detection whose best
match is a difficult galaxy is left out, average precision is the mean of the
interpolated precision at 101 recalls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.boxes import iou

IOU_STEPS = tuple(0.5 + 0.05 * i for i in range(10))


@dataclass(frozen=True, slots=True)
class ScoredPicture:
    """Truth and detections of one picture.

    Attributes
    ----------
    boxes_xyxy_px : ndarray, shape (N, 4), float32
    difficult : ndarray, shape (N,), bool
    found_xyxy_px : ndarray, shape (M, 4), float32
        Detections, best score first.
    scores : ndarray, shape (M,), float32
    """

    boxes_xyxy_px: NDArray[np.float32]
    difficult: NDArray[np.bool_]
    found_xyxy_px: NDArray[np.float32]
    scores: NDArray[np.float32]

    def above(self, threshold: float) -> ScoredPicture:
        """The same with the detections of at least this score."""
        keep = self.scores >= threshold
        return ScoredPicture(
            self.boxes_xyxy_px, self.difficult, self.found_xyxy_px[keep], self.scores[keep]
        )

    def best(self, count: int) -> ScoredPicture:
        """The same with at most ``count`` detections."""
        return ScoredPicture(
            self.boxes_xyxy_px,
            self.difficult,
            self.found_xyxy_px[:count],
            self.scores[:count],
        )


@dataclass(frozen=True, slots=True)
class Matches:
    """Outcome for one picture at one overlap.

    Attributes
    ----------
    hit : ndarray, shape (M,), bool
        Detections that hit a galaxy that counts.
    ignored : ndarray, shape (M,), bool
        Detections that hit a difficult galaxy: neither right nor wrong.
    found : ndarray, shape (N,), bool
        Galaxies hit.
    """

    hit: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    found: NDArray[np.bool_]


def match(picture: ScoredPicture, least_iou: float) -> Matches:
    """Assign detections to galaxies, greedily by score."""
    count, galaxies = len(picture.scores), len(picture.boxes_xyxy_px)
    hit, ignored = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    found = np.zeros(galaxies, dtype=bool)
    if galaxies == 0 or count == 0:
        return Matches(hit, ignored, found)
    overlaps = iou(picture.found_xyxy_px, picture.boxes_xyxy_px)
    for i in np.argsort(-picture.scores, kind="stable"):
        free = np.where(found | picture.difficult, -1.0, overlaps[i])
        best = int(np.argmax(free))
        if free[best] >= least_iou:
            hit[i] = found[best] = True
        elif np.any(picture.difficult & (overlaps[i] >= least_iou)):
            ignored[i] = True
            found[picture.difficult & (overlaps[i] >= least_iou)] = True
    return Matches(hit, ignored, found)


def recall(pictures: Sequence[ScoredPicture], least_iou: float) -> float:
    """Share of the galaxies that count which are hit; 0 where there is none."""
    hits = total = 0
    for picture in pictures:
        hits += int(match(picture, least_iou).hit.sum())
        total += int((~picture.difficult).sum())
    return hits / total if total else 0.0


def average_precision(pictures: Sequence[ScoredPicture], least_iou: float) -> float:
    """Area under the interpolated precision-recall curve, 0 to 1."""
    scores: list[float] = []
    right: list[bool] = []
    total = 0
    for picture in pictures:
        matches = match(picture, least_iou)
        counted = ~matches.ignored
        scores += picture.scores[counted].tolist()
        right += matches.hit[counted].tolist()
        total += int((~picture.difficult).sum())
    if not total or not scores:
        return 0.0
    order = np.argsort(-np.asarray(scores), kind="stable")
    hits = np.cumsum(np.asarray(right)[order])
    recalls = hits / total
    precisions = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precisions[::-1])[::-1]
    at = np.searchsorted(recalls, np.linspace(0.0, 1.0, 101), side="left")
    return float(np.mean([envelope[i] if i < len(envelope) else 0.0 for i in at]))


def average_recall(pictures: Sequence[ScoredPicture], count: int) -> float:
    """Recall with at most ``count`` detections a picture, mean over IoU 0.5 to 0.95."""
    limited = [picture.best(count) for picture in pictures]
    return float(np.mean([recall(limited, overlap) for overlap in IOU_STEPS]))


def false_positives(pictures: Sequence[ScoredPicture], least_iou: float) -> int:
    """Detections that hit nothing."""
    return sum(
        int((~matches.hit & ~matches.ignored).sum())
        for matches in (match(picture, least_iou) for picture in pictures)
    )
