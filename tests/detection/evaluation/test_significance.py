"""Bootstrapped differences of detectors that are there or not."""

from __future__ import annotations

import pytest
from detection_cases import FAR, A, B, picture, random_pictures

from detection.evaluation.significance import (
    bootstrap_ap_difference,
    frame_f1,
)
from edge_runtime.evaluation.matching import average_precision


def test_no_difference_is_no_evidence():
    pictures = random_pictures(8, seed=1)
    result = bootstrap_ap_difference(pictures, pictures, resamples=100)
    assert (result.difference, result.low, result.high, result.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_bootstrap_finds_a_difference_that_is_there():
    truth = [A, B]
    worse = [picture(truth, [A], [0.9]) for _ in range(20)]
    better = [picture(truth, [A, B], [0.9, 0.8]) for _ in range(20)]
    result = bootstrap_ap_difference(worse, better, resamples=200)
    assert result.difference == pytest.approx(1.0 - average_precision(worse, 0.5))
    assert result.low > 0.4
    assert result.p_value == pytest.approx(1 / 200)
    assert bootstrap_ap_difference(better, worse, resamples=200).high < -0.4


def test_pairs_must_be_the_same_frames():
    with pytest.raises(ValueError, match="same frames"):
        bootstrap_ap_difference([picture([A])], [])
    with pytest.raises(ValueError, match="frame 0 has other galaxies"):
        bootstrap_ap_difference([picture([A])], [picture([B])])


def test_f1_of_frames_done_by_hand():
    pictures = [
        picture([A, B], [A, FAR], [0.9, 0.8]),
        picture([], [A], [0.9]),
        picture([], [A], [0.3]),
        picture([A], [A], [0.9], [True]),
    ]
    assert frame_f1(pictures, 0.5, 0.5).tolist() == [0.5, 0.0, 1.0, 1.0]
