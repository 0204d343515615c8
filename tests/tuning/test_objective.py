"""The number that a search makes as large as it can."""

import math

import pytest

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.objective import Objective
from tuning.trials.result import TrialResult

_RESULT = TrialResult({"accuracy": 0.9, "rmse": 0.11}, 2.2, 300.0, 60.0, 1, 1.0)


def test_within_the_limits_it_is_the_metric() -> None:
    objective = Objective("accuracy", max_latency_ms=2.2, max_size_kb=301)
    assert objective.value(_RESULT) == 0.9
    assert objective.within_limits(_RESULT)


def test_an_error_enters_as_its_negative() -> None:
    assert Objective("rmse").value(_RESULT) == -0.11


def test_each_cost_beyond_its_limit_takes_its_logarithm_times_the_penalty() -> None:
    objective = Objective("accuracy", max_latency_ms=2.0, max_size_kb=100.0, penalty=0.5)
    assert objective.value(_RESULT) == pytest.approx(0.9 - 0.5 * (math.log(1.1) + math.log(3)))
    assert not objective.within_limits(_RESULT)


def test_a_metric_the_trial_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(GalaxyEdgeError, match="'ap50'; it has: accuracy, rmse"):
        Objective("ap50").value(_RESULT)


@pytest.mark.parametrize("name", ["max_latency_ms", "max_size_kb", "penalty"])
@pytest.mark.parametrize("number", [0.0, -1.0, math.nan])
def test_limits_are_above_0(name: str, number: float) -> None:
    with pytest.raises(ConfigError, match=name):
        Objective("accuracy", **{name: number})
