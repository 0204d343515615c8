"""What is wrong with a frame's detections, and how badly.

The kinds follow TIDE (Bolya et al. 2020, arXiv:2008.08115) with its two
overlaps: below 0.1 a detection has nothing to do with a galaxy, from 0.5 it is
on it, and between it is loose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from edge_runtime.boxes import iou
from edge_runtime.evaluation.matching import ScoredPicture, match
from edge_runtime.sighting import BoxXyxy

HIT_IOU = 0.5
LOOSE_IOU = 0.1
_DUPLICATE_SEVERITY = 0.25


class ErrorKind(StrEnum):
    """Kinds of error."""

    MISSED = "missed"
    FALSE_ON_EMPTY = "false on empty frame"
    FALSE_ON_GALAXY = "false on galaxy frame"
    LOOSE = "loose"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class DetectionError:
    """One error.

    Attributes
    ----------
    kind : ErrorKind
    box_xyxy_px : tuple of float
        The detection; the galaxy where it was missed.
    score : float
        Of the detection; not a number for a missed galaxy.
    overlap : float
        IoU with the galaxy it is about; for a missed galaxy the best of any
        detection.
    galaxy : int or None
        Index of that galaxy; None for a false detection.
    """

    kind: ErrorKind
    box_xyxy_px: BoxXyxy
    score: float
    overlap: float
    galaxy: int | None

    @property
    def severity(self) -> float:
        """How bad, 0 to 1: a missed galaxy 1, a false one its score, a loose box what it lacks."""
        if self.kind is ErrorKind.MISSED:
            return 1.0
        if self.kind is ErrorKind.LOOSE:
            return HIT_IOU - self.overlap
        if self.kind is ErrorKind.DUPLICATE:
            return _DUPLICATE_SEVERITY * self.score
        return self.score


@dataclass(frozen=True, slots=True)
class FrameErrors:
    """Errors of one frame and what is right in it.

    Attributes
    ----------
    errors : tuple of DetectionError
        Worst first.
    hits : tuple of int
        Indices of the detections that hit a galaxy.
    """

    errors: tuple[DetectionError, ...]
    hits: tuple[int, ...]

    @property
    def severity(self) -> float:
        """Sum over the errors."""
        return math.fsum(error.severity for error in self.errors)


def frame_errors(picture: ScoredPicture) -> FrameErrors:
    """Name the errors of one frame.

    A detection is a hit by the rules of the COCO evaluation at IoU 0.5. Of the
    others, one with an IoU of at least 0.1 with a galaxy that no better
    detection has found is loose and finds it, with any other galaxy it is a
    duplicate, and the rest are false. Detections whose best galaxy is a
    difficult one are no error.

    Parameters
    ----------
    picture : ScoredPicture
        Detections above the threshold in force.
    """
    matches = match(picture, HIT_IOU)
    galaxies = len(picture.boxes_xyxy_px)
    overlaps = iou(picture.found_xyxy_px, picture.boxes_xyxy_px)
    found = matches.found.copy()
    errors: list[DetectionError] = []
    for i in np.argsort(-picture.scores, kind="stable"):
        if matches.hit[i] or matches.ignored[i]:
            continue
        box, score = _tuple(picture.found_xyxy_px[i]), float(picture.scores[i])
        best = int(np.argmax(overlaps[i])) if galaxies else -1
        if best < 0 or overlaps[i, best] < LOOSE_IOU:
            kind = ErrorKind.FALSE_ON_GALAXY if galaxies else ErrorKind.FALSE_ON_EMPTY
            errors.append(DetectionError(kind, box, score, 0.0, None))
            continue
        free = np.where(found | picture.difficult, 0.0, overlaps[i])
        unfound = int(np.argmax(free))
        if free[unfound] >= LOOSE_IOU:
            found[unfound] = True
            errors.append(
                DetectionError(ErrorKind.LOOSE, box, score, float(free[unfound]), unfound)
            )
        elif not picture.difficult[best]:
            errors.append(
                DetectionError(ErrorKind.DUPLICATE, box, score, float(overlaps[i, best]), best)
            )
    for j in np.flatnonzero(~found & ~picture.difficult):
        nearest = float(overlaps[:, j].max(initial=0.0))
        box = _tuple(picture.boxes_xyxy_px[j])
        errors.append(DetectionError(ErrorKind.MISSED, box, math.nan, nearest, int(j)))
    errors.sort(key=lambda error: -error.severity)
    return FrameErrors(tuple(errors), tuple(int(i) for i in np.flatnonzero(matches.hit)))


def _tuple(box: np.ndarray) -> BoxXyxy:
    x0, y0, x1, y1 = (float(v) for v in box)
    return x0, y0, x1, y1
