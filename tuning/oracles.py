"""The oracles of searches: keras-tuner's, as ``tuning.search_oracle`` makes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner

from tuning.bayesian_oracle import BayesianOracle
from tuning.search_oracle import OBJECTIVE, SearchOracle
from tuning.settings import BAYESIAN, HYPERBAND, SearchSettings
from tuning.spaces import SearchSpace

_INITIAL_POINTS_BESIDES = 1  # random trials of a Bayesian search, more than it has parameters
_ENDLESS = 1_000_000


class RandomOracle(SearchOracle, keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]
    """Values drawn at random."""


class HyperbandOracle(SearchOracle, keras_tuner.oracles.HyperbandOracle):  # type: ignore[misc]
    """Many short trainings, of which the best go on."""


def make_oracle(
    settings: SearchSettings,
    space: SearchSpace,
    folder: Path,
    *,
    lease_s: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> SearchOracle:
    """The oracle of a search, where it was when the search ended.

    Parameters
    ----------
    settings : SearchSettings
    space : SearchSpace
    folder : Path
        Of the search.
    lease_s, clock
        See ``SearchOracle.bind``.

    Raises
    ------
    GalaxyEdgeError
        The state in the folder is damaged.
    """
    hyperparameters = keras_tuner.HyperParameters()
    space.declare(hyperparameters)
    common: dict[str, Any] = {
        "objective": keras_tuner.Objective(OBJECTIVE, "max"),
        "hyperparameters": hyperparameters,
        "allow_new_entries": False,
        "seed": settings.seed + 1,  # keras-tuner takes 0 for none
    }
    oracle: SearchOracle
    if settings.tuner == BAYESIAN:
        points = len(space) + _INITIAL_POINTS_BESIDES
        oracle = BayesianOracle(max_trials=settings.trials, num_initial_points=points, **common)
    elif settings.tuner == HYPERBAND:
        oracle = HyperbandOracle(
            max_epochs=settings.epochs, hyperband_iterations=_ENDLESS, **common
        )
    else:
        oracle = RandomOracle(max_trials=settings.trials, **common)
    oracle.bind(folder, space, settings.trials, lease_s=lease_s, clock=clock)
    return oracle
