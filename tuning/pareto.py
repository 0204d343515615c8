"""Which trials no other trial beats in everything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuning.objective import METRICS, signed
from tuning.trials.result import TrialResult

COSTS = ("latency_ms", "size_kb")


def front(
    results: Sequence[TrialResult],
    metric: str | None = None,
    costs: Sequence[str] = COSTS,
) -> tuple[int, ...]:
    """Places of the trials on the Pareto front.

    A trial is on it where no other is at least as good in the metric and in
    every cost, and better in one of them. Trials that measure the same are on
    it together.

    Parameters
    ----------
    results : sequence of TrialResult
    metric : str or None
        None is the usual one: ``accuracy`` of classifiers, ``recall_iou30`` of
        detectors.
    costs : sequence of str
        Any of ``latency_ms``, ``size_kb``, ``peak_memory_mb`` and ``parameters``.

    Returns
    -------
    tuple of int
        From the cheapest in the first cost to the dearest; empty for no results.

    Raises
    ------
    GalaxyEdgeError
        A result lacks the metric.
    """
    if not results:
        return ()
    if metric is None:
        usual = [names[0] for names in METRICS.values()]
        metric = next((name for name in usual if name in results[0].metrics), usual[0])
    losses = np.array(
        [[-signed(metric, one), *(getattr(one, cost) for cost in costs)] for one in results]
    )
    kept = [
        i
        for i, row in enumerate(losses)
        if not ((losses <= row).all(axis=1) & (losses < row).any(axis=1)).any()
    ]
    return tuple(sorted(kept, key=lambda i: (*losses[i, 1:], losses[i, 0], i)))
