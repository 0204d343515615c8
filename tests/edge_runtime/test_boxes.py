"""Overlap, suppression and merging of boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_runtime.boxes import clip, intersection, iou, merge, non_maximum_suppression, vote

RULES = {"iou_threshold": 0.45, "part_score_ratio": 0.6}


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(-1, 4)


def scores(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


@st.composite
def scored_boxes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(0, 25))
    corner = draw(hnp.arrays(np.float32, (count, 2), elements=st.floats(0, 900, width=32)))
    side = draw(hnp.arrays(np.float32, (count, 2), elements=st.floats(1, 300, width=32)))
    score = draw(hnp.arrays(np.float32, (count,), elements=st.floats(0, 1, width=32)))
    return np.concatenate([corner, corner + side], axis=1), score


def test_iou_of_known_boxes():
    a = boxes((0, 0, 10, 10))
    b = boxes((0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30), (10, 0, 20, 10))
    assert iou(a, b)[0].tolist() == pytest.approx([1.0, 50 / 150, 0.0, 0.0])
    assert intersection(a, b)[0].tolist() == [100.0, 50.0, 0.0, 0.0]


def test_box_without_area_overlaps_nothing():
    assert iou(boxes((5, 5, 5, 5)), boxes((0, 0, 10, 10)))[0, 0] == 0.0


def test_suppression_keeps_the_better_of_two_overlapping_boxes():
    pair = boxes((0, 0, 10, 10), (1, 0, 11, 10), (50, 50, 60, 60))
    assert non_maximum_suppression(pair, scores(0.5, 0.9, 0.1), 0.5).tolist() == [1, 2]


def test_core_of_a_galaxy_seen_at_native_scale_is_merged_into_it():
    whole, core = (100, 100, 500, 400), (270, 220, 330, 280)
    kept = merge(boxes(whole, core), scores(0.7, 0.9), **RULES)
    assert kept.tolist() == [0]


def test_companion_in_the_halo_of_a_large_galaxy_stays():
    whole, companion = (100, 100, 500, 400), (400, 320, 450, 370)
    kept = merge(boxes(whole, companion), scores(0.8, 0.7), **RULES)
    assert sorted(kept.tolist()) == [0, 1]


def test_weak_knot_in_an_arm_goes():
    whole, knot = (100, 100, 500, 400), (400, 320, 430, 350)
    assert merge(boxes(whole, knot), scores(0.9, 0.3), **RULES).tolist() == [0]


def test_doubtful_large_box_does_not_swallow_a_good_small_one():
    whole, core = (100, 100, 500, 400), (270, 220, 330, 280)
    kept = merge(boxes(whole, core), scores(0.2, 0.9), **RULES)
    assert sorted(kept.tolist()) == [0, 1]


def test_two_ideas_of_the_same_galaxys_outskirts_are_one():
    inner, outer = (100, 100, 200, 160), (95, 70, 260, 175)
    assert iou(boxes(inner), boxes(outer))[0, 0] < 0.45
    assert merge(boxes(inner, outer), scores(0.5, 0.6), **RULES).tolist() == [1]
    assert merge(boxes(inner, outer), scores(0.7, 0.6), **RULES).tolist() == [0]


def test_interacting_pair_that_overlaps_at_the_rim_is_two():
    spiral, companion = (100, 100, 300, 320), (230, 60, 310, 140)
    kept = merge(boxes(spiral, companion), scores(0.8, 0.6), **RULES)
    assert kept.tolist() == [0, 1]


def test_no_boxes_give_no_boxes():
    assert merge(boxes(), scores(), **RULES).tolist() == []


@given(scored_boxes(), st.floats(0.1, 0.9))
def test_suppressed_set_has_no_overlap_and_loses_no_isolated_box(case, threshold):
    found, score = case
    kept = non_maximum_suppression(found, score, threshold)
    overlaps = iou(found, found)
    among = overlaps[np.ix_(kept, kept)].copy()
    np.fill_diagonal(among, 0.0)
    assert (among <= threshold).all()
    assert (np.diff(score[kept]) <= 0).all()
    for i in set(range(len(found))) - set(kept.tolist()):
        better = [k for k in kept if score[k] >= score[i] and overlaps[i, k] > threshold]
        assert better


@given(scored_boxes())
def test_merge_keeps_a_subset_with_the_best_box(case):
    found, score = case
    kept = merge(found, score, **RULES)
    assert len(set(kept.tolist())) == len(kept)
    if len(found):
        assert len(kept) >= 1


@given(scored_boxes(), st.integers(1, 500), st.integers(1, 500))
def test_clipped_boxes_lie_in_the_frame(case, width, height):
    inside = clip(case[0], width, height)
    assert (inside >= 0).all()
    assert (inside[:, [0, 2]] <= width).all()
    assert (inside[:, [1, 3]] <= height).all()


def test_a_kept_box_moves_to_the_mean_of_those_it_suppressed() -> None:
    boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]], dtype=np.float32)
    scores = np.array([0.6, 0.3, 0.5], dtype=np.float32)
    kept = non_maximum_suppression(boxes, scores, 0.5)
    assert kept.tolist() == [0, 2]
    voted = vote(boxes, scores, kept, 0.5)
    np.testing.assert_allclose(voted, [[2 / 3, 0, 10 + 2 / 3, 10], [50, 50, 60, 60]], atol=1e-5)


def test_voters_that_agree_move_nothing_at_all() -> None:
    box = np.tile(np.array([[18.0, 18.0, 38.0, 38.0]], dtype=np.float32), (7, 1))
    scores = np.linspace(0.9, 0.13, 7, dtype=np.float32)
    np.testing.assert_array_equal(vote(box, scores, np.array([0]), 0.5), box[:1])


def test_votes_of_boxes_without_area_or_of_none_change_nothing() -> None:
    point = np.array([[5, 5, 5, 5], [5, 5, 5, 5]], dtype=np.float32)
    scores = np.array([0.2, 0.1], dtype=np.float32)
    np.testing.assert_array_equal(vote(point, scores, np.array([0, 1]), 0.5), point)
    empty = np.zeros((0, 4), dtype=np.float32)
    none = np.zeros(0, dtype=np.intp)
    assert vote(empty, np.zeros(0, dtype=np.float32), none, 0.5).shape == (0, 4)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 30))
def test_voted_boxes_lie_within_their_voters(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 40, (count, 2))
    boxes = np.hstack([low, low + rng.uniform(1, 30, (count, 2))]).astype(np.float32)
    scores = rng.uniform(0.05, 1.0, count).astype(np.float32)
    kept = non_maximum_suppression(boxes, scores, 0.45)
    voted = vote(boxes, scores, kept, 0.45)
    assert (voted >= boxes.min(axis=0) - 1e-3).all()
    assert (voted <= boxes.max(axis=0) + 1e-3).all()
    assert (voted[:, 2:] > voted[:, :2]).all()
