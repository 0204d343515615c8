"""Whether what a search found is better than the hand-made default, on validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import CLASS5, GalaxySet
from classification.bootstrap import (
    RESAMPLES,
    Difference,
    Statistic,
    bootstrap_difference,
    statistics,
)
from classification.predictions import Predictions
from tuning.objective import lower_is_better
from tuning.trials.result import FLOAT_PREFIX, TrialResult
from tuning.winner.retraining import Retrained

_COSTS = ("latency_ms", "size_kb", "peak_memory_mb", "parameters", "training_s")


@dataclass(frozen=True, slots=True)
class MeanOfSeeds:
    """A figure over the seeds.

    Attributes
    ----------
    mean : float
    sd : float or None
        None of a single seed.
    values : tuple of float
    """

    mean: float
    sd: float | None
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> MeanOfSeeds:
        """Of the values of the seeds."""
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
        return cls(float(np.mean(values)), sd, tuple(float(value) for value in values))

    def __str__(self) -> str:
        return f"{self.mean:.4f}" if self.sd is None else f"{self.mean:.4f} ± {self.sd:.4f}"


def figures_of(retrained: Retrained) -> dict[str, MeanOfSeeds]:
    """Metrics and costs of a candidate over its seeds."""
    results = retrained.results
    names = [name for name in results[0].metrics if all(name in one.metrics for one in results)]
    found = {name: MeanOfSeeds.of([one.metrics[name] for one in results]) for name in names}
    return found | {
        name: MeanOfSeeds.of([float(getattr(one, name)) for one in results]) for name in _COSTS
    }


@dataclass(frozen=True, slots=True)
class Judgement:
    """The winner less the default in one metric.

    Attributes
    ----------
    metric : str
    difference : Difference
        Of the means over the seeds, with an interval over galaxies.
    better_seeds : int
        Seeds on which the winner is better than the default on the same seed.
    seeds : int
    """

    metric: str
    difference: Difference
    better_seeds: int
    seeds: int

    @property
    def verdict(self) -> str:
        """In words: ``better``, ``worse`` or ``not told apart``."""
        low, high = self.difference.low, self.difference.high
        if low is None or high is None or low <= 0.0 <= high:
            return "not told apart"
        return "better" if (low > 0.0) != lower_is_better(self.metric) else "worse"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "verdict": self.verdict}


def judge(
    winner: Retrained,
    default: Retrained,
    galaxies: GalaxySet,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Judgement, ...]:
    """Test each metric of the int8 files between two classifiers.

    The difference is that of the means over the seeds, and its interval a paired
    bootstrap over the galaxies: what other galaxies would have said of these
    trainings. How far other trainings are apart, the standard deviations over
    the seeds tell.

    Parameters
    ----------
    winner, default : Retrained
    galaxies : GalaxySet
        That both answered.
    resamples, seed : int

    Raises
    ------
    GalaxyEdgeError
        One of them answered other galaxies.
    """
    pair = [_statistics(each.predictions(), galaxies) for each in (default, winner)]
    counts = {"rmse": int(galaxies.has_votes.sum())}
    if CLASS5 in galaxies.classes:
        known = int(galaxies.classes[CLASS5].known.sum())
        counts |= {"accuracy": known, "macro_f1": known}
    found = []
    for metric in ("accuracy", "macro_f1", "rmse"):
        if not all(metric in statistic for statistic in pair):
            continue
        difference = bootstrap_difference(
            pair[0][metric], pair[1][metric], counts[metric], resamples=resamples, seed=seed
        )
        found.append(
            Judgement(metric, difference, _better_seeds(metric, winner, default),
                      min(len(winner.seeds), len(default.seeds)))
        )  # fmt: skip
    return tuple(found)


def _statistics(said: Sequence[Predictions], galaxies: GalaxySet) -> dict[str, Statistic]:
    """Scores of the seeds' mean as functions of the galaxies' weights."""
    each = [statistics(predictions, galaxies) for predictions in said]
    found: dict[str, Statistic] = {}
    if each and all("rmse" in one.votes for one in each):
        found["rmse"] = _mean([one.votes["rmse"] for one in each])
    if each and all(CLASS5 in one.classes for one in each):
        for metric in ("accuracy", "macro_f1"):
            found[metric] = _mean([one.classes[CLASS5][metric] for one in each])
    return found


def _mean(parts: Sequence[Statistic]) -> Statistic:
    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.mean([part(weights) for part in parts], axis=0))

    return statistic


def _better_seeds(metric: str, winner: Retrained, default: Retrained) -> int:
    sign = -1.0 if lower_is_better(metric) else 1.0
    pairs = zip(winner.results, default.results, strict=True)
    return sum(sign * (a.metrics[metric] - b.metrics[metric]) > 0 for a, b in pairs)


def best_seed(retrained: Retrained, metric: str) -> int:
    """Place of the seed whose int8 file is best on validation in a metric."""
    sign = -1.0 if lower_is_better(metric) else 1.0
    return int(np.argmax([sign * result.metrics[metric] for result in retrained.results]))


def int8_metrics(result: TrialResult) -> dict[str, float]:
    """The metrics of the exported file."""
    return {n: v for n, v in result.metrics.items() if not n.startswith(FLOAT_PREFIX)}
