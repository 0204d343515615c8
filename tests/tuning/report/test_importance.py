from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_up_searches import drawn_values, made_up_search

from tuning.report.axes import UNUSED_PLACE, ParameterAxis, place_table
from tuning.report.importance import LEAST_TRIALS, parameter_importance
from tuning.report.progress import best_so_far
from tuning.spaces import Parameter, space

SPACE = space("compact")
AXES = [ParameterAxis(one) for one in SPACE.parameters]


def test_a_value_lies_where_its_axis_says() -> None:
    rate = ParameterAxis(Parameter("rate", "float", 1e-3, low=1e-4, high=1e-2, log=True))
    assert rate.place({"rate": 1e-3}) == pytest.approx(0.5)
    assert [label for _, label in rate.ticks()] == ["0.0001", "0.001", "0.01"]
    start = ParameterAxis(Parameter("start", "choice", "b", values=("a", "b", "c")))
    assert start.ticks() == [(0.0, "a"), (0.5, "b"), (1.0, "c")]
    width = ParameterAxis(Parameter("w", "boolean", True, only_when=("start", "a")))
    assert width.place({"start": "b"}) == UNUSED_PLACE
    assert width.ticks() == [(UNUSED_PLACE, "not used"), (0.0, "no"), (1.0, "yes")]
    blocks = ParameterAxis(Parameter("blocks", "int", 9, low=5, high=11))
    assert blocks.place({"blocks": 8}) == pytest.approx(0.5)
    assert len(blocks.ticks()) == 7


def test_parameters_that_matter_are_told_from_those_that_do_not() -> None:
    rng = np.random.default_rng(2)
    trials = [drawn_values(SPACE, rng) for _ in range(60)]
    objectives = [
        0.1 * (values["start"] == "imagenet") + 0.02 * float(values["blocks"]) for values in trials
    ]
    found = parameter_importance(AXES, trials, objectives, rounds=8)
    assert found is not None
    assert {one.name for one in found.parameters[:2]} == {"start", "blocks"}
    assert all(one.told_from_none for one in found.parameters[:2])
    assert not any(one.told_from_none for one in found.parameters[2:])
    assert found.explained > 0.8


def test_a_parameter_of_some_trials_is_shuffled_among_those() -> None:
    """What only says that a network begins with random weights is not its width."""
    rng = np.random.default_rng(3)
    trials = [drawn_values(SPACE, rng) for _ in range(60)]
    objectives = [float(values["start"] == "imagenet") for values in trials]
    found = parameter_importance(AXES, trials, objectives, rounds=6)
    assert found is not None
    by_name = {one.name: one for one in found.parameters}
    assert by_name["width"].mean < 0.02
    assert by_name["start"].mean > 1.0
    assert by_name["width"].trials == sum(v["start"] == "random" for v in trials)


def test_chance_is_told_as_chance() -> None:
    rng = np.random.default_rng(0)
    trials = [drawn_values(SPACE, rng) for _ in range(25)]
    found = parameter_importance(AXES, trials, rng.normal(size=25).tolist(), rounds=20)
    assert found is not None
    assert found.explained < 0.2
    assert not any(one.told_from_none for one in found.parameters)


def test_too_few_or_equal_trials_have_no_importance() -> None:
    rng = np.random.default_rng(5)
    trials = [drawn_values(SPACE, rng) for _ in range(20)]
    few = LEAST_TRIALS - 1
    assert parameter_importance(AXES, trials[:few], np.arange(few).tolist()) is None
    assert parameter_importance(AXES, trials, [0.5] * 20) is None


def test_places_of_a_search_are_on_their_axes(tmp_path: Path) -> None:
    record = made_up_search(tmp_path)
    places = place_table(AXES, [trial.values for trial in record.trials])
    assert places.shape == (30, 9)
    used = places[places != UNUSED_PLACE]
    assert used.min() >= 0
    assert used.max() <= 1


def test_the_best_so_far_passes_over_failures() -> None:
    found = best_so_far([None, 0.2, None, 0.1, 0.5, None])
    np.testing.assert_array_equal(found, [np.nan, 0.2, 0.2, 0.2, 0.5, 0.5])
    assert np.isnan(best_so_far([None, None])).all()
    assert best_so_far([]).shape == (0,)
