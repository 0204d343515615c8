"""Paired tests against values from the tables, and on differences that are there or not."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.paired_tests import corrected_resampled_t, wilcoxon_signed_rank


def test_wilcoxon_of_six_pairs_that_all_rise_has_the_exact_p_value():
    pytest.importorskip("scipy", reason="workstation extra not installed")
    # all six ranks on one side: two of 2^6 signs are as extreme
    first = np.array([0.10, 0.20, 0.30, 0.40, 0.50, 0.60])
    result = wilcoxon_signed_rank(first, first + np.array([1, 2, 3, 4, 5, 6]) / 100)
    assert result.statistic == 0.0
    assert result.p_value == pytest.approx(2 / 64)
    assert result.difference == pytest.approx(0.035)


def test_corrected_t_of_five_folds_done_by_hand():
    pytest.importorskip("scipy", reason="workstation extra not installed")
    # differences 1..5 %: mean 3, variance 2.5, (1/5 + 1/4) * 2.5 = 1.125, t = 2.828, 4 degrees
    second = np.array([0.91, 0.92, 0.93, 0.94, 0.95])
    result = corrected_resampled_t(np.full(5, 0.90), second)
    assert result.difference == pytest.approx(0.03)
    assert result.statistic == pytest.approx(3 / np.sqrt(1.125))
    assert result.p_value == pytest.approx(0.04742, abs=1e-4)
    # the uncorrected test, t = 4.243, would claim p = 0.013
    plain = corrected_resampled_t(np.full(5, 0.90), second, test_to_train=0.0)
    assert plain.p_value == pytest.approx(0.01324, abs=1e-4)


def test_no_difference_is_no_evidence():
    same = [0.5, 0.6, 0.7]
    assert wilcoxon_signed_rank(same, same).p_value == 1.0
    assert corrected_resampled_t(same, same).p_value == 1.0


def test_figures_that_cannot_be_paired_are_refused():
    with pytest.raises(ValueError, match="one length"):
        wilcoxon_signed_rank([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="finite"):
        wilcoxon_signed_rank([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="at least two"):
        corrected_resampled_t([1.0], [2.0])


def test_without_scipy_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    for test in (wilcoxon_signed_rank, corrected_resampled_t):
        with pytest.raises(GalaxyEdgeError, match=r"galaxy-edge\[workstation\]"):
            test([0.1, 0.2, 0.3], [0.2, 0.4, 0.5])
