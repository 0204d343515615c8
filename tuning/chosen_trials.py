"""Which trial of a search is trained again."""

from __future__ import annotations

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.pareto import front
from tuning.record import SearchRecord, TrialRecord


def chosen_trial(record: SearchRecord, trial_id: str | None = None) -> TrialRecord:
    """The winner of a search, or a trial by its id.

    Raises
    ------
    GalaxyEdgeError
        No trial has completed.
    ConfigError
        No completed trial has the id; the message names those of the Pareto front.
    """
    best = record.best
    if best is None:
        raise GalaxyEdgeError(f"{record.folder}: no trial has completed; let the search go on")
    if trial_id is None:
        return best
    for trial in record.completed:
        if trial.id == trial_id:
            return trial
    known = ", ".join(pareto_ids(record))
    raise ConfigError(
        f"{record.folder}: no completed trial is called {trial_id!r}; those of the Pareto "
        f"front are {known}"
    )


def pareto_ids(record: SearchRecord) -> tuple[str, ...]:
    """Ids of the trials on the Pareto front of metric, latency and size."""
    completed = [(t.id, t.result) for t in record.completed if t.result is not None]
    places = front([result for _, result in completed], record.config.metric)
    return tuple(completed[place][0] for place in places)
