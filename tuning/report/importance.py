"""How much each parameter of a search matters to its objective.

Permutation importance in a random forest (Breiman 2001, Machine Learning 45, 5):
a forest learns the objective from the parameters of some trials; then the values
of one parameter are shuffled among trials that it has not seen, and its error on
them rises the more, the more it relied on that parameter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuning.report.axes import UNUSED_PLACE, ParameterAxis, place_table
from tuning.trials.spec import Value

LEAST_TRIALS = 8
ROUNDS = 30
_TREES = 40
_SHUFFLES = 4


@dataclass(frozen=True, slots=True)
class ParameterImportance:
    """Of one parameter.

    Attributes
    ----------
    name : str
    mean, sd : float
        Over the rounds: rise of the forest's squared error on trials it has not
        seen, in units of the variance of the objective. About 0 for a parameter
        that does not matter; may be below.
    trials : int
        Trials that have the parameter.
    """

    name: str
    mean: float
    sd: float
    trials: int

    @property
    def told_from_none(self) -> bool:
        """Whether the mean is more than two standard deviations above 0."""
        return self.mean > 2.0 * self.sd


@dataclass(frozen=True, slots=True)
class Importance:
    """Of all parameters of a search.

    Attributes
    ----------
    parameters : tuple of ParameterImportance
        The most important first.
    explained : float
        Share of the objective's variance that the forest explains on trials it
        has not seen; at or below 0 it has learnt nothing.
    trials, rounds : int
    """

    parameters: tuple[ParameterImportance, ...]
    explained: float
    trials: int
    rounds: int


def parameter_importance(
    axes: Sequence[ParameterAxis],
    trials: Sequence[Mapping[str, Value]],
    objectives: Sequence[float],
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Importance | None:
    """Importance of each parameter.

    In each round the trials are drawn anew with replacement, a forest learns
    from them and is judged by those that were not drawn, so that the spread over
    the rounds holds the chance in the few trials, too. A conditional parameter is
    shuffled among the trials that have it; the others get a value of one of those by
    chance, or its absence would tell the forest what the condition is about.

    Parameters
    ----------
    axes : sequence of ParameterAxis
    trials : sequence of mapping
        Values of the finished trials.
    objectives : sequence of float
        Of the same trials.
    rounds, seed : int

    Returns
    -------
    Importance or None
        None where there are fewer than ``LEAST_TRIALS`` trials, or all have the
        same objective.
    """
    from sklearn.ensemble import RandomForestRegressor

    target = np.asarray(objectives, np.float64)
    if len(target) < LEAST_TRIALS or np.ptp(target) == 0.0:
        return None
    table = place_table(axes, trials)
    used = table != UNUSED_PLACE
    rng = np.random.default_rng(seed)
    rises: list[NDArray[np.float64]] = []
    squared, centred = 0.0, 0.0
    variance = float(target.var())
    while len(rises) < rounds:
        drawn = rng.integers(0, len(target), len(target))
        unseen = np.setdiff1d(np.arange(len(target)), drawn)
        if len(unseen) < 2:
            continue
        places = _filled(table, used, rng)
        forest = RandomForestRegressor(
            _TREES, min_samples_leaf=2, random_state=int(rng.integers(2**31))
        ).fit(places[drawn], target[drawn])
        shuffled = [
            _shuffled(places[unseen], used[unseen], axis, rng)
            for axis in range(len(axes))
            for _ in range(_SHUFFLES)
        ]
        said = forest.predict(np.concatenate([places[unseen], *shuffled]))
        errors = np.mean((said.reshape(-1, len(unseen)) - target[unseen]) ** 2, axis=1)
        rises.append((errors[1:].reshape(len(axes), _SHUFFLES).mean(axis=1) - errors[0]) / variance)
        squared += errors[0] * len(unseen)
        centred += float(np.sum((target[unseen] - target[drawn].mean()) ** 2))
    found_rises = np.array(rises)
    found = [
        ParameterImportance(axis.parameter.name, float(mean), float(sd), int(count))
        for axis, mean, sd, count in zip(
            axes,
            found_rises.mean(axis=0),
            found_rises.std(axis=0, ddof=1),
            used.sum(axis=0),
            strict=True,
        )
    ]
    return Importance(
        parameters=tuple(sorted(found, key=lambda each: -each.mean)),
        explained=float(1.0 - squared / centred),
        trials=len(target),
        rounds=rounds,
    )


def _filled(
    table: NDArray[np.float64], used: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float64]:
    """The table with a used place drawn for each unused one of a column."""
    filled = table.copy()
    for column in range(table.shape[1]):
        has = used[:, column]
        if has.any() and not has.all():
            filled[~has, column] = rng.choice(table[has, column], size=int((~has).sum()))
    return filled


def _shuffled(
    places: NDArray[np.float64], used: NDArray[np.bool_], axis: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The places with one column shuffled among the trials that have the parameter."""
    changed = places.copy()
    rows = np.flatnonzero(used[:, axis])
    changed[rows, axis] = places[rng.permutation(rows), axis]
    return changed
