"""Matching and the figures that follow, against cases done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edge_runtime.evaluation.matching import (
    ScoredPicture,
    average_precision,
    average_recall,
    false_positives,
    match,
    recall,
)


def picture(
    boxes: list[tuple[float, float, float, float]],
    found: list[tuple[float, float, float, float]],
    scores: list[float],
    difficult: list[bool] | None = None,
) -> ScoredPicture:
    return ScoredPicture(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(difficult or [False] * len(boxes), dtype=bool),
        np.array(found, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
    )


A, B, FAR = (0, 0, 10, 10), (20, 20, 40, 40), (100, 100, 120, 120)


def test_galaxy_is_hit_once_by_the_better_detection():
    case = picture([A], [A, (0, 0, 10, 9)], [0.4, 0.9])
    assert match(case, 0.5).hit.tolist() == [False, True]
    assert recall([case], 0.5) == 1.0
    assert false_positives([case], 0.5) == 1


def test_difficult_galaxy_counts_neither_way():
    found = picture([A, B], [B, A], [0.9, 0.8], [False, True])
    missed = picture([A, B], [A], [0.8], [False, True])
    for case in (found, missed):
        assert recall([case], 0.5) == 1.0
        assert false_positives([case], 0.5) == 0
        assert average_precision([case], 0.5) == pytest.approx(1.0)


def test_average_precision_of_a_curve_done_by_hand():
    # by score: right, wrong, right; two galaxies: precision 1 up to recall 0.5, then 2/3
    cases = [picture([A, B], [A, FAR, B], [0.9, 0.8, 0.7])]
    expected = (51 * 1.0 + 50 * 2 / 3) / 101
    assert average_precision(cases, 0.5) == pytest.approx(expected)


def test_detections_of_all_pictures_are_ranked_together():
    cases = [picture([A], [FAR], [0.9]), picture([A], [A], [0.5])]
    # wrong first, then right: precision 1/2 up to recall 1/2, nothing beyond
    assert average_precision(cases, 0.5) == pytest.approx(51 * 0.5 / 101)


def test_average_recall_looks_at_the_best_detection_only():
    cases = [picture([A, B], [A, B], [0.9, 0.8])]
    assert average_recall(cases, 1) == pytest.approx(0.5)
    assert average_recall(cases, 2) == pytest.approx(1.0)


def test_nothing_found_is_zero_and_no_error():
    cases = [picture([A], [], [])]
    assert (recall(cases, 0.3), average_precision(cases, 0.5), average_recall(cases, 1)) == (
        0,
        0,
        0,
    )
    assert false_positives(cases, 0.3) == 0


@pytest.mark.slow
def test_average_precision_agrees_with_pycocotools():
    coco_module = pytest.importorskip("pycocotools.coco", reason="workstation extra not installed")
    from pycocotools.cocoeval import COCOeval

    rng = np.random.default_rng(4)
    cases = []
    for _ in range(40):
        corner = rng.uniform(0, 300, (rng.integers(1, 6), 2))
        boxes = np.concatenate([corner, corner + rng.uniform(10, 80, corner.shape)], axis=1)
        seen = boxes[rng.random(len(boxes)) < 0.8] + rng.normal(0, 4, (1, 4))
        extra = rng.uniform(0, 300, (rng.integers(0, 3), 2))
        seen = np.concatenate([seen, np.concatenate([extra, extra + 30], axis=1)])
        order = np.argsort(-(scores := rng.random(len(seen))))
        cases.append(picture(boxes.tolist(), seen[order].tolist(), scores[order].tolist()))
    truth = coco_module.COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": i} for i in range(len(cases))],
        "categories": [{"id": 1}],
        "annotations": [
            {
                "id": 100 * i + j + 1,
                "image_id": i,
                "category_id": 1,
                "iscrowd": 0,
                "area": 1e3,
                "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()],
            }
            for i, case in enumerate(cases)
            for j, box in enumerate(case.boxes_xyxy_px)
        ],
    }
    truth.createIndex()
    found = truth.loadRes(
        [
            {
                "image_id": i,
                "category_id": 1,
                "score": float(score),
                "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()],
            }
            for i, case in enumerate(cases)
            for box, score in zip(case.found_xyxy_px, case.scores, strict=True)
        ]
    )
    judge = COCOeval(truth, found, "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert average_precision(cases, 0.5) == pytest.approx(judge.stats[1], abs=1e-6)
    assert average_recall(cases, 1) == pytest.approx(judge.stats[6], abs=1e-6)
