"""Trials that no other trial beats in everything."""

import pytest

from edge_runtime.errors import GalaxyEdgeError
from tuning.pareto import front
from tuning.trials.result import TrialResult


def _result(accuracy: float, latency_ms: float, size_kb: float, rmse: float = 0.1) -> TrialResult:
    return TrialResult({"accuracy": accuracy, "rmse": rmse}, latency_ms, size_kb, 60.0, 1, 1.0)


_RESULTS = (
    _result(0.95, 2.0, 300, 0.12),
    _result(0.90, 1.0, 100, 0.11),
    _result(0.89, 1.0, 100, 0.10),  # as dear as the one before, and worse
    _result(0.88, 1.5, 50, 0.20),
    _result(0.94, 2.0, 301, 0.20),  # beaten by the first
)


def test_trials_that_another_beats_in_all_are_left_out() -> None:
    assert front(_RESULTS) == (1, 3, 0)


def test_the_metric_may_be_an_error() -> None:
    assert front(_RESULTS, "rmse", ("latency_ms",)) == (2,)


def test_trials_that_measure_the_same_are_on_it_together() -> None:
    assert front([_RESULTS[0], _RESULTS[0]]) == (0, 1)


def test_nothing_has_an_empty_front() -> None:
    assert front([]) == ()


def test_a_missing_metric_is_named() -> None:
    with pytest.raises(GalaxyEdgeError, match="macro_f1"):
        front(_RESULTS, "macro_f1")
