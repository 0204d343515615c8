"""The threshold keeps the stated rate, is deterministic, and says how sure it is."""

from __future__ import annotations

import numpy as np
import pytest

from detection.thresholds import choose_threshold
from edge_runtime.errors import GalaxyEdgeError


def frames_with(rng: np.random.Generator, frames: int, mean: float) -> list[np.ndarray]:
    """Empty frames with a Poisson number of detections, scores uniform from 0 to 1."""
    return [rng.uniform(0.0, 1.0, rng.poisson(mean)) for _ in range(frames)]


def test_the_rate_holds_on_the_frames_themselves():
    scores = frames_with(np.random.default_rng(0), 200, 1.0)
    for rate in (0.0, 0.02, 0.05, 0.3):
        choice = choose_threshold(scores, rate, highest=1.0)
        above = sum(int((s >= choice.threshold).sum()) for s in scores)
        assert choice.rate == above / 200 <= rate
        assert choice.rate_interval[0] <= choice.rate <= choice.rate_interval[1]
        assert choice.frames == 200


def test_the_threshold_is_where_the_distribution_puts_it():
    # a mean of 1 uniform score a frame: the rate above t is 1 - t
    scores = frames_with(np.random.default_rng(1), 4000, 1.0)
    choice = choose_threshold(scores, 0.2)
    assert choice.threshold == pytest.approx(0.8, abs=0.02)
    low, high = choice.threshold_interval
    assert low < choice.threshold < high
    assert high - low < 0.05


def test_it_is_the_lowest_that_holds_without_resampling():
    scores = [[0.9, 0.4], [0.7], [], [0.2]]
    choice = choose_threshold(scores, 0.5, resamples=0)
    assert choice.threshold == 0.401  # leaves 0.9 and 0.7 on 4 frames
    assert choice.rate == 0.5


def test_a_detection_in_a_gap_does_not_put_the_threshold_to_its_bottom():
    # exactly the allowed number lies above the gap from 0.2 to 0.8: bare counting would
    # put the threshold at its bottom, half of all other samples would not
    scores = [[0.8]] * 10 + [[0.2]] * 30 + [[]] * 60
    assert choose_threshold(scores, 0.1, resamples=0).threshold == 0.201
    assert choose_threshold(scores, 0.09, resamples=0).threshold == 0.801
    low, high = choose_threshold(scores, 0.1).threshold_interval
    assert (low, high) == (0.201, 0.801)


def test_the_same_frames_give_the_same_choice_in_any_order_of_scores():
    scores = frames_with(np.random.default_rng(2), 60, 0.7)
    choice = choose_threshold(scores, 0.1, seed=5)
    assert choice == choose_threshold([s[::-1] for s in scores], 0.1, seed=5)


def test_without_any_detection_the_lowest_threshold_is_chosen_and_the_limit_is_not_zero():
    choice = choose_threshold([[]] * 100, 0.05)
    assert choice.threshold == 0.05
    assert choice.rate == 0.0
    assert choice.rate_interval == pytest.approx((0.0, 0.0369), abs=1e-4)
    assert "100 frames without a galaxy" in choice.describe()


def test_one_frame_full_of_detections_widens_the_interval():
    calm = choose_threshold([[0.5]] * 10 + [[]] * 90, 0.1)
    wild = choose_threshold([[0.5] * 10] + [[]] * 99, 0.1)
    assert calm.rate == wild.rate == 0.1
    assert wild.rate_interval[1] > calm.rate_interval[1] + 0.1


def test_a_rate_that_cannot_be_kept_puts_the_threshold_to_its_limit():
    choice = choose_threshold([[0.99], [0.98]], 0.0)
    assert choice.threshold == 0.95
    assert choice.rate == 1.0


@pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf")])
def test_a_senseless_rate_is_refused(rate):
    with pytest.raises(GalaxyEdgeError, match="cannot be asked for"):
        choose_threshold([[0.5]], rate)


def test_no_frame_and_no_number_are_refused():
    with pytest.raises(GalaxyEdgeError, match="no frame without a galaxy"):
        choose_threshold([], 0.1)
    with pytest.raises(GalaxyEdgeError, match="a score is not a number"):
        choose_threshold([[float("nan")]], 0.1)
