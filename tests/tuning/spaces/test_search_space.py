from __future__ import annotations

from typing import Any

import keras_tuner
import numpy as np
import pytest

from edge_runtime.errors import ConfigError
from tuning.spaces import space, space_names


def random_values(name: str, count: int) -> list[dict[str, Any]]:
    hyperparameters = keras_tuner.HyperParameters()
    space(name).declare(hyperparameters)
    oracle = keras_tuner.oracles.RandomSearchOracle(
        objective=keras_tuner.Objective("objective", "max"),
        hyperparameters=hyperparameters,
        seed=3,
        max_trials=count,
    )
    return [oracle._random_values() for _ in range(count)]


@pytest.mark.parametrize("name", space_names())
def test_what_keras_tuner_draws_is_in_the_space(name: str) -> None:
    found = space(name)
    for values in random_values(name, 60):
        found.check(found.canonical(values))
        assert found.canonical(values).keys() == values.keys()


def test_every_published_value_is_drawn_the_last_ones_too() -> None:
    drawn = random_values("tuned_small", 150)
    for one in space("tuned_small").parameters:
        assert sorted({values[one.name] for values in drawn}) == list(one.all_values() or ())


def test_values_without_meaning_are_refused_and_left_out() -> None:
    found = space("compact")
    values = {**found.defaults(), "width": 1.0}
    with pytest.raises(ConfigError, match="width: has a value, but only goes with start = random"):
        found.check(values)
    assert "width" not in found.only_active(values)
    random = {**values, "start": "random", "separable": True, "squeeze_excite": False}
    found.check(random)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dropout": 0.35}, "dropout = 0.35 is not from 0.3 to 0.7 in steps of 0.1"),
        ({"conv1_filters": 33}, "conv1_filters = 33 is not"),
        ({"conv1_filters": 48.0}, "conv1_filters = 48.0 is not"),
        ({"conv1_kernel": 4}, "conv1_kernel = 4 is not one of 3, 5"),
        ({"depth": 4}, "tuned_small has no parameter 'depth'"),
    ],
)
def test_values_outside_are_refused(change: dict[str, float], message: str) -> None:
    found = space("tuned_small")
    with pytest.raises(ConfigError, match=message):
        found.check({**found.defaults(), **change})


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="dropout: has no value"):
        space("tuned_small").check(
            {k: v for k, v in space("tuned_small").defaults().items() if k != "dropout"}
        )


def test_values_that_lost_digits_on_the_way_are_the_same() -> None:
    found = space("compact")
    values = {**found.defaults(), "learning_rate": 0.0012345678, "dropout": 0.1 + 0.2}
    exact = found.canonical(values)
    assert exact["dropout"] == 0.3
    travelled = {
        name: float(np.float32(value)) if isinstance(value, float) else value
        for name, value in exact.items()
    }
    assert travelled != exact
    assert found.canonical(travelled) == exact
