"""Paired tests against values from the tables, and on differences that are there or not."""

from __future__ import annotations

import numpy as np
import pytest
from detection_cases import FAR, A, B, picture, random_pictures

from detection.evaluation.significance import (
    bootstrap_ap_difference,
    corrected_resampled_t,
    frame_f1,
    wilcoxon_signed_rank,
)
from edge_runtime.evaluation.matching import average_precision


def test_wilcoxon_of_six_pairs_that_all_rise_has_the_exact_p_value():
    # all six ranks on one side: two of 2^6 signs are as extreme
    first = np.array([0.10, 0.20, 0.30, 0.40, 0.50, 0.60])
    result = wilcoxon_signed_rank(first, first + np.array([1, 2, 3, 4, 5, 6]) / 100)
    assert result.statistic == 0.0
    assert result.p_value == pytest.approx(2 / 64)
    assert result.difference == pytest.approx(0.035)


def test_no_difference_is_no_evidence():
    same = [0.5, 0.6, 0.7]
    assert wilcoxon_signed_rank(same, same).p_value == 1.0
    assert corrected_resampled_t(same, same).p_value == 1.0
    pictures = random_pictures(8, seed=1)
    result = bootstrap_ap_difference(pictures, pictures, resamples=100)
    assert (result.difference, result.low, result.high, result.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_corrected_t_of_five_folds_done_by_hand():
    # differences 1..5 %: mean 3, variance 2.5, (1/5 + 1/4) * 2.5 = 1.125, t = 2.828, 4 degrees
    second = np.array([0.91, 0.92, 0.93, 0.94, 0.95])
    result = corrected_resampled_t(np.full(5, 0.90), second)
    assert result.difference == pytest.approx(0.03)
    assert result.statistic == pytest.approx(3 / np.sqrt(1.125))
    assert result.p_value == pytest.approx(0.04742, abs=1e-4)
    # the uncorrected test, t = 4.243, would claim p = 0.013
    plain = corrected_resampled_t(np.full(5, 0.90), second, test_to_train=0.0)
    assert plain.p_value == pytest.approx(0.01324, abs=1e-4)


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
    with pytest.raises(ValueError, match="one length"):
        wilcoxon_signed_rank([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="finite"):
        wilcoxon_signed_rank([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="at least two"):
        corrected_resampled_t([1.0], [2.0])


def test_f1_of_frames_done_by_hand():
    pictures = [
        picture([A, B], [A, FAR], [0.9, 0.8]),
        picture([], [A], [0.9]),
        picture([], [A], [0.3]),
        picture([A], [A], [0.9], [True]),
    ]
    assert frame_f1(pictures, 0.5, 0.5).tolist() == [0.5, 0.0, 1.0, 1.0]
