"""The figures of the COCO evaluation, computed by pycocotools.

Difficult galaxies are ignored both ways: one that is missed does not count, and
any number of detections may lie on it. COCO has no such mark of its own;
``iscrowd`` comes nearest, but its overlap is the share of the *detection* that
lies inside, which lets any small box within a large difficult galaxy pass. Here
the overlap with a difficult galaxy is the ordinary intersection over union.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edge_runtime.boxes import iou
from edge_runtime.evaluation.matching import ScoredPicture

_CATEGORY = 1
_MOST_DETECTIONS = (1, 10, 100)


@dataclass(frozen=True, slots=True)
class CocoMetrics:
    """Average precision (AP) and recall (AR), 0 to 1; None where no galaxy counts.

    Attributes
    ----------
    ap : float or None
        Mean over IoU 0.50, 0.55, … 0.95 (COCO's mAP).
    ap50, ap75 : float or None
        At IoU 0.5 (MAP@0.5) and 0.75.
    ap_small, ap_medium, ap_large : float or None
        As ``ap``, for boxes below 32², up to 96² and above 96² square pixels.
    ar1, ar10, ar100 : float or None
        Recall with at most so many detections a picture, mean over the same IoU.
    ar_small, ar_medium, ar_large : float or None
        As ``ar100``, by size.
    """

    ap: float | None
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    ar1: float | None
    ar10: float | None
    ar100: float | None
    ar_small: float | None
    ar_medium: float | None
    ar_large: float | None

    def as_dict(self) -> dict[str, float | None]:
        """The figures by name."""
        return asdict(self)


def coco_metrics(pictures: Sequence[ScoredPicture]) -> CocoMetrics:
    """Evaluate detections as COCO does.

    Parameters
    ----------
    pictures : sequence of ScoredPicture
        All scores, not only those above a threshold. At most 100 detections of
        a picture are looked at.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = _BoxEvaluation(_truth(pictures), _found(pictures), "bbox")
        evaluation.params.imgIds = list(range(1, len(pictures) + 1))
        evaluation.params.catIds = [_CATEGORY]
        evaluation.params.maxDets = list(_MOST_DETECTIONS)
        if pictures:
            evaluation.evaluate()
            evaluation.accumulate()
    if not evaluation.eval:
        return CocoMetrics(*[None] * 12)
    # precision: IoU, recall, category, area, detections; recall: the same without recall
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
    overlaps = evaluation.params.iouThrs

    def ap(area: int, least_iou: float | None = None) -> float | None:
        at = slice(None) if least_iou is None else np.isclose(overlaps, least_iou)
        return _mean(precision[at, :, :, area, -1])

    def ar(area: int, most: int) -> float | None:
        return _mean(recall[:, :, area, most])

    return CocoMetrics(
        ap=ap(0),
        ap50=ap(0, 0.5),
        ap75=ap(0, 0.75),
        ap_small=ap(1),
        ap_medium=ap(2),
        ap_large=ap(3),
        ar1=ar(0, 0),
        ar10=ar(0, 1),
        ar100=ar(0, 2),
        ar_small=ar(1, 2),
        ar_medium=ar(2, 2),
        ar_large=ar(3, 2),
    )


class _BoxEvaluation(COCOeval):  # type: ignore[misc]
    """Overlaps as intersection over union whether or not a galaxy is difficult."""

    def computeIoU(self, imgId: int, catId: int) -> NDArray[np.float32]:  # noqa: N802, N803
        truth, found = self._gts[imgId, catId], self._dts[imgId, catId]
        order = np.argsort([-entry["score"] for entry in found], kind="mergesort")
        best = order.astype(int)[: self.params.maxDets[-1]]
        return iou(_boxes(found)[best], _boxes(truth))


def _truth(pictures: Sequence[ScoredPicture]) -> COCO:
    entries = [
        _entry(number, box) | {"iscrowd": int(difficult)}
        for number, picture in enumerate(pictures, start=1)
        for box, difficult in zip(picture.boxes_xyxy_px, picture.difficult, strict=True)
    ]
    return _indexed(len(pictures), entries)


def _found(pictures: Sequence[ScoredPicture]) -> COCO:
    entries = [
        _entry(number, box) | {"score": float(score)}
        for number, picture in enumerate(pictures, start=1)
        for box, score in zip(picture.found_xyxy_px, picture.scores, strict=True)
    ]
    return _indexed(len(pictures), entries)


def _entry(picture: int, box: NDArray[np.float32]) -> dict[str, Any]:
    x0, y0, x1, y1 = (float(v) for v in box)
    return {
        "image_id": picture,
        "category_id": _CATEGORY,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0),
        "xyxy": box,
    }


def _indexed(pictures: int, entries: list[dict[str, Any]]) -> COCO:
    content = COCO()
    content.dataset = {
        "images": [{"id": number} for number in range(1, pictures + 1)],
        "categories": [{"id": _CATEGORY, "name": "galaxy"}],
        # pycocotools takes the number 0 for "no match"
        "annotations": [entry | {"id": i} for i, entry in enumerate(entries, start=1)],
    }
    content.createIndex()
    return content


def _boxes(entries: Sequence[dict[str, Any]]) -> NDArray[np.float32]:
    return np.asarray([entry["xyxy"] for entry in entries], dtype=np.float32).reshape(-1, 4)


def _mean(values: NDArray[np.float64]) -> float | None:
    """Mean of the cells that are defined; COCO marks the others with -1."""
    defined = values[values > -1]
    return float(defined.mean()) if defined.size else None
