"""The figures of pycocotools, by hand and against the edge's own."""

from __future__ import annotations

import pytest
from detection_cases import FAR, A, B, picture, random_pictures

from detection.evaluation.coco_metrics import coco_metrics
from edge_runtime.evaluation.matching import average_precision, average_recall, recall


def test_a_loose_box_counts_for_ap50_and_not_for_ap75():
    # 12 of 20 rows: IoU 0.6, a hit at 0.50, 0.55 and 0.60 of the ten overlaps
    metrics = coco_metrics([picture([B], [(20, 20, 40, 32)], [0.9])])
    assert metrics.ap50 == pytest.approx(1.0)
    assert metrics.ap75 == pytest.approx(0.0)
    assert metrics.ap == pytest.approx(0.3)
    assert metrics.ar1 == pytest.approx(0.3)


def test_ar1_sees_one_detection_of_a_picture():
    metrics = coco_metrics([picture([A, B], [A, B], [0.9, 0.8])])
    assert metrics.ar1 == pytest.approx(0.5)
    assert metrics.ar10 == pytest.approx(1.0)


def test_sizes_are_apart():
    small, medium, large = (0, 0, 31, 31), (50, 50, 100, 100), (120, 120, 250, 250)
    metrics = coco_metrics([picture([small, medium, large], [small, large], [0.9, 0.8])])
    assert metrics.ap_small == pytest.approx(1.0)
    assert metrics.ap_medium == pytest.approx(0.0)
    assert metrics.ar_large == pytest.approx(1.0)


def test_difficult_galaxies_count_neither_way():
    twice = [B, (20, 20, 40, 38), A]
    for found, scores in ((twice, [0.9, 0.8, 0.7]), ([A], [0.7])):
        metrics = coco_metrics([picture([A, B], found, scores, [False, True])])
        assert metrics.ap50 == pytest.approx(1.0)
        assert metrics.ar10 == pytest.approx(1.0)


def test_a_small_box_inside_a_difficult_galaxy_is_false():
    # COCO's own crowd overlap, shared area over the detection's, would let it pass
    case = picture([A, B], [(22, 22, 26, 26), A], [0.9, 0.7], [False, True])
    assert coco_metrics([case]).ap50 == pytest.approx(0.5)
    assert average_precision([case], 0.5) == pytest.approx(0.5)


def test_nothing_to_find_has_no_figure():
    for pictures in ([], [picture([])], [picture([], [FAR], [0.9])]):
        assert set(coco_metrics(pictures).as_dict().values()) == {None}


def test_pycocotools_stays_silent(capfd: pytest.CaptureFixture[str]):
    coco_metrics(random_pictures(3, seed=1))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("seed", "difficult_share"), [(1, 0.0), (2, 0.0), (3, 0.3), (4, 0.5)])
def test_the_edge_computes_the_same_figures(seed: int, difficult_share: float):
    pictures = random_pictures(60, seed, difficult_share=difficult_share)
    metrics = coco_metrics(pictures)
    assert metrics.ap50 == pytest.approx(average_precision(pictures, 0.5), abs=1e-6)
    assert metrics.ap75 == pytest.approx(average_precision(pictures, 0.75), abs=1e-6)
    for count, figure in ((1, metrics.ar1), (10, metrics.ar10), (100, metrics.ar100)):
        assert figure == pytest.approx(average_recall(pictures, count), abs=1e-6)
    assert 0.2 < recall(pictures, 0.5) < 0.95  # neither easy nor hopeless
