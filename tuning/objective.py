"""One number for a trial: how well the network does, less what it costs too much."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.trials.result import FLOAT_PREFIX, TrialResult
from tuning.trials.spec import CLASSIFIER, DETECTOR

METRICS: dict[str, tuple[str, ...]] = {
    CLASSIFIER: ("accuracy", "macro_f1", "rmse"),
    DETECTOR: ("recall_iou30", "ap50"),
}
"""What a search of each subject may want best; the first where nothing is said."""

LOWER_IS_BETTER = frozenset({"rmse"})

PENALTY = 1.0


@dataclass(frozen=True, slots=True)
class Objective:
    """What a search makes as large as it can.

    ``value = s * metric - penalty * (log+(latency / limit) + log+(size / limit))``

    where ``s`` is -1 for ``rmse`` and 1 for all else, and ``log+(x)`` is the
    natural logarithm where x is above 1, and 0 elsewhere and where there is no
    limit. A latency 10 % above its limit so costs 0.095 of a metric with the
    usual penalty, one twice the limit 0.69: a search learns which way to go
    and never takes a network beyond a limit for a small gain.

    Attributes
    ----------
    metric : str
        Name of one of the metrics of the results.
    max_latency_ms : float or None
        Of one call.
    max_size_kb : float or None
        Of the exported file, in units of 1024 bytes.
    penalty : float
        Above 0.

    Raises
    ------
    ConfigError
        A number is out of its range.
    """

    metric: str
    max_latency_ms: float | None = None
    max_size_kb: float | None = None
    penalty: float = PENALTY

    def __post_init__(self) -> None:
        for name in ("max_latency_ms", "max_size_kb", "penalty"):
            number = getattr(self, name)
            if number is None and name != "penalty":
                continue
            if not math.isfinite(number) or number <= 0:
                raise ConfigError(f"{name} is a number above 0, not {number}")

    def value(self, result: TrialResult) -> float:
        """Of a trial; more is better.

        Raises
        ------
        GalaxyEdgeError
            The trial did not measure the metric; the message names those it did.
        """
        return signed(self.metric, result) - self.penalty * self.excess(result)

    def excess(self, result: TrialResult) -> float:
        """How far a trial is beyond the limits: the sum of logarithms; 0 within them."""
        limits = ((result.latency_ms, self.max_latency_ms), (result.size_kb, self.max_size_kb))
        return sum(math.log(max(1.0, cost / limit)) for cost, limit in limits if limit is not None)

    def within_limits(self, result: TrialResult) -> bool:
        """Whether a trial keeps both limits."""
        return self.excess(result) == 0.0


def lower_is_better(metric: str) -> bool:
    """Whether a metric is an error."""
    return metric.removeprefix(FLOAT_PREFIX) in LOWER_IS_BETTER


def signed(metric: str, result: TrialResult) -> float:
    """A metric of a result so that more is better.

    Raises
    ------
    GalaxyEdgeError
        The result has no such metric; the message names those it has.
    """
    if metric not in result.metrics:
        known = ", ".join(sorted(result.metrics)) or "none"
        raise GalaxyEdgeError(f"the trial has no metric {metric!r}; it has: {known}")
    return -result.metrics[metric] if lower_is_better(metric) else result.metrics[metric]
