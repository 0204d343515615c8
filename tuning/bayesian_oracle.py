"""keras-tuner's Bayesian search, with another look for the best values."""

from __future__ import annotations

import warnings
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import TrialStatus
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tuning.search_oracle import SearchOracle
from tuning.trials.spec import Value

_CANDIDATES = 2000
_NEIGHBOURS = 20  # of each of the best trials
_BEST = 10
_NEAR = 0.15  # of a parameter's range


class BayesianOracle(  # type: ignore[misc]
    SearchOracle, keras_tuner.oracles.BayesianOptimizationOracle
):
    """Values where a Gaussian process expects much, or knows little.

    The process, its kernel and its bound (mean and ``beta`` standard deviations)
    are keras-tuner's. That one follows the bound uphill as if all parameters
    were continuous, and takes the value next to where it ends, which may be
    another hill and may be tried already. Here the bound is asked at values
    that there are and that have not been tried: many random ones, and
    neighbours of the best. The numbers of a trial follow from the seed and how
    many there were, so that a search that was killed goes on as it would have.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:  # noqa: ARG002
        completed = [t for t in self.trials.values() if t.status == TrialStatus.COMPLETED]
        if len(completed) < self.num_initial_points:
            return self._random_populate_space()  # type: ignore[no-any-return]
        # of this trial, whatever this process has drawn before
        rng = np.random.default_rng([self.seed, len(self.trials)])
        candidates = self._candidates(rng)
        if not candidates:
            return self._random_populate_space()  # type: ignore[no-any-return]
        self.gpr = self._make_gpr()
        # thousands of small matrices: several threads for each take ten times as long
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")  # of a fit that does not converge with few trials
            self._learn()
            mean, deviation = self.gpr.predict(
                np.array([self._position(values) for values in candidates]), return_std=True
            )
        best = int(np.argmin(mean - self.beta * deviation))
        return {"status": TrialStatus.RUNNING, "values": candidates[best]}

    def _learn(self) -> None:
        """Fit the process; trials that still run count as it expects them, a little worse."""
        everything = self.trials
        completed = {i: t for i, t in everything.items() if t.status == TrialStatus.COMPLETED}
        self.trials = completed
        try:
            self.gpr.fit(*self._vectorize_trials())
            if self.ongoing_trials:
                running = {t.trial_id: t for t in self.ongoing_trials.values()}
                self.trials = {**completed, **running}
                self.gpr.fit(*self._vectorize_trials())
        finally:
            self.trials = everything

    def _candidates(self, rng: np.random.Generator) -> list[dict[str, Value]]:
        """Values that have not been tried, each once."""
        size = len(self.hyperparameters.space)
        ranked = sorted(
            (t for t in self.trials.values() if t.status == TrialStatus.COMPLETED),
            key=lambda t: -t.score,
        )
        best = np.array([self._position(t.hyperparameters.values) for t in ranked[:_BEST]])
        near = np.repeat(best, _NEIGHBOURS, axis=0)
        near = np.clip(near + rng.normal(0, _NEAR, near.shape), 0, 1 - 1e-9)
        # most neighbours differ in few parameters
        near = np.where(rng.random(near.shape) < 0.5, near, np.repeat(best, _NEIGHBOURS, axis=0))
        found: dict[str, dict[str, Value]] = {}
        for position in np.concatenate([rng.random((_CANDIDATES, size)), near]):
            values = self._values_at(position)
            key = self._compute_values_hash(values)
            if key not in self._tried_so_far:
                found.setdefault(key, values)
        return list(found.values())

    def _values_at(self, position: NDArray[np.float64]) -> dict[str, Value]:
        drawn = zip(self.hyperparameters.space, position, strict=True)
        return self._space.canonical({hp.name: hp.prob_to_value(float(at)) for hp, at in drawn})

    def _position(self, values: dict[str, Value]) -> list[float]:
        """Where values are, 0 to 1 along each parameter; those without meaning at the default."""
        return [
            hp.value_to_prob(values.get(hp.name, hp.default)) for hp in self.hyperparameters.space
        ]
