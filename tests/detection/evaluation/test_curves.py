"""Curves against the threshold, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from detection_cases import FAR, A, B, picture, random_pictures

from detection.evaluation.curves import (
    false_positive_curve,
    precision_curve,
    recall_curve,
    threshold_for_rate,
)
from detection.evaluation.outcomes import outcomes, weighted_average_precision
from edge_runtime.evaluation.matching import (
    average_precision,
    false_positives,
    match,
    recall,
)

AT = np.array([0.0, 0.5, 0.7, 0.95])


def test_recall_and_precision_fall_and_rise_as_done_by_hand():
    pictures = [picture([A, B], [A, FAR, B], [0.9, 0.6, 0.4]), picture([A], [A], [0.7])]
    recalls = recall_curve(pictures, 0.5, thresholds=AT, resamples=200)
    precisions = precision_curve(pictures, 0.5, thresholds=AT, resamples=200)
    assert recalls.values.tolist() == pytest.approx([1.0, 2 / 3, 2 / 3, 0.0])
    assert precisions.values[:3].tolist() == pytest.approx([3 / 4, 2 / 3, 1.0])
    assert np.isnan(precisions.values[3])  # no detection, no precision
    assert np.all(recalls.low <= recalls.values)
    assert np.all(recalls.high >= recalls.values)


def test_curves_agree_with_matching_at_every_threshold():
    pictures = random_pictures(20, seed=5, difficult_share=0.2)
    thresholds = np.linspace(0, 0.2, 9)
    recalls = recall_curve(pictures, 0.3, thresholds=thresholds, resamples=10)
    mistakes = outcomes(pictures, 0.3).mistakes(thresholds).sum(axis=0)
    for i, threshold in enumerate(thresholds):
        above = [p.above(float(threshold)) for p in pictures]
        assert recalls.values[i] == pytest.approx(recall(above, 0.3))
        assert mistakes[i] == false_positives(above, 0.3)


def test_false_positives_are_a_mean_over_empty_frames():
    empty = [picture([], [A, B], [0.9, 0.5]), picture([]), picture([]), picture([], [A], [0.7])]
    curve = false_positive_curve(empty, thresholds=AT, resamples=400)
    assert curve.values.tolist() == [0.75, 0.75, 0.5, 0.0]
    assert curve.low[0] == 0.0  # a quarter of a percent of resamples has quiet frames only
    assert 1.25 <= curve.high[0] <= 2.0


def test_interval_of_a_share_is_as_wide_as_the_binomial():
    # 100 frames of one galaxy, half of them found: standard deviation 0.05
    pictures = [picture([A], [A], [0.9]) if i % 2 else picture([A]) for i in range(100)]
    value, low, high = recall_curve(pictures, 0.5, resamples=4000).at(0.5)
    assert value == 0.5
    assert low == pytest.approx(0.402, abs=0.015)
    assert high == pytest.approx(0.598, abs=0.015)


def test_the_same_seed_gives_the_same_interval():
    pictures = random_pictures(10, seed=6)
    first, second = (recall_curve(pictures, 0.5, seed=3, resamples=50) for _ in range(2))
    assert np.array_equal(first.low, second.low)


@pytest.mark.parametrize(
    ("rate", "kept"), [(0.0, 0), (0.05, 0), (0.1, 1), (0.25, 2), (0.3, 3), (1.0, 4)]
)
def test_threshold_keeps_just_within_the_rate(rate: float, kept: int):
    empty = [picture([], [A], [score]) for score in (0.9, 0.8, 0.7, 0.6)] + [picture([])] * 6
    threshold = threshold_for_rate(empty, rate)
    assert sum(len(p.above(threshold).scores) for p in empty) == kept


def test_threshold_of_equal_scores_drops_them_all():
    empty = [picture([], [A], [0.7]) for _ in range(3)] + [picture([])] * 7
    assert sum(len(p.above(threshold_for_rate(empty, 0.2)).scores) for p in empty) == 0


def test_threshold_needs_empty_frames():
    with pytest.raises(ValueError, match="without a galaxy"):
        threshold_for_rate([], 0.1)


def test_weighted_average_precision_is_that_of_repeated_frames():
    pictures = random_pictures(12, seed=7, difficult_share=0.2)
    weights = np.random.default_rng(0).integers(0, 4, len(pictures))
    repeated = [p for p, times in zip(pictures, weights, strict=True) for _ in range(times)]
    assert weighted_average_precision(outcomes(pictures, 0.5), weights) == pytest.approx(
        average_precision(repeated, 0.5), abs=1e-9
    )
    assert any(match(p, 0.5).hit.any() for p in repeated)
