"""What a search has done so far, read from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edge_runtime.errors import GalaxyEdgeError
from tuning.oracle_state import read_state
from tuning.settings import SearchSettings, space_of
from tuning.spaces import SearchSpace
from tuning.trials.result import TrialFailure, TrialResult
from tuning.trials.spec import Value

TRIALS_NAME = "trials"
SPEC_NAME = "spec.json"
RESULT_NAME = "result.json"
FAILURE_NAME = "failure.json"

COMPLETED, FAILED, RUNNING = "completed", "failed", "running"

_STATES = {"COMPLETED": COMPLETED, "FAILED": FAILED, "INVALID": FAILED}


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial.

    Attributes
    ----------
    id : str
        Its number, from 0.
    values : mapping of str to value
        That the search chose.
    state : str
        ``completed``, ``failed`` or ``running``, which is also said of a trial
        that was broken off and is to be run again.
    objective : float or None
        More is better; None unless completed.
    result : TrialResult or None
    failure : TrialFailure or None
    started, ended : datetime or None
        In UTC, of the last attempt.
    folder : Path or None
        Where its files are.
    epochs : int or None
        With Hyperband, those it was trained for in all.
    continues : str or None
        With Hyperband, the trial whose network it went on with.
    """

    id: str
    values: Mapping[str, Value]
    state: str
    objective: float | None
    result: TrialResult | None
    failure: TrialFailure | None
    started: datetime | None
    ended: datetime | None
    folder: Path | None = None
    epochs: int | None = None
    continues: str | None = None

    @property
    def seconds(self) -> float | None:
        """That it took; None until it has ended."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started).total_seconds()


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """A search.

    Attributes
    ----------
    config : SearchSettings
    space : SearchSpace
    trials : tuple of TrialRecord
        In the order in which they began.
    folder : Path
    is_exhausted : bool
        Whether the space has no values left to try.
    """

    config: SearchSettings
    space: SearchSpace
    trials: tuple[TrialRecord, ...]
    folder: Path
    is_exhausted: bool = False

    @property
    def completed(self) -> tuple[TrialRecord, ...]:
        """Trials with a result."""
        return tuple(one for one in self.trials if one.state == COMPLETED)

    @property
    def best(self) -> TrialRecord | None:
        """The trial with the largest objective, the earliest of equal ones; None before any."""
        completed = [one for one in self.completed if one.objective is not None]
        return max(completed, key=lambda one: one.objective or 0.0, default=None)

    @property
    def is_finished(self) -> bool:
        """Whether as many trials have ended as were asked for, or as there can be."""
        ended = sum(one.state != RUNNING for one in self.trials)
        return ended >= self.config.trials or (self.is_exhausted and ended == len(self.trials))


def trial_folder(folder: Path, trial_id: str) -> Path:
    """Where the files of a trial are."""
    return folder / TRIALS_NAME / trial_id


def read_search(folder: Path) -> SearchRecord:
    """What the folder of a search holds, also while the search runs.

    Raises
    ------
    GalaxyEdgeError
        The folder holds no search, or a file of it is damaged.
    """
    folder = folder.resolve()
    settings = SearchSettings.read(folder)
    space = space_of(folder, settings)
    state = read_state(folder)
    if state is None:
        return SearchRecord(settings, space, (), folder)
    try:
        trials = tuple(
            _trial(folder, space, one, state["starts"].get(one["trial_id"], {}))
            for one in state["trials"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GalaxyEdgeError(
            f"{folder}: the state of the search is damaged ({error!r})"
        ) from error
    return SearchRecord(settings, space, trials, folder, bool(state.get("is_exhausted")))


def _trial(
    folder: Path, space: SearchSpace, saved: Mapping[str, Any], start: Mapping[str, Any]
) -> TrialRecord:
    values = saved["hyperparameters"]["values"]
    where = trial_folder(folder, saved["trial_id"])
    state = _STATES.get(saved["status"], RUNNING)
    failure = None
    if state == FAILED:
        path = where / FAILURE_NAME
        failure = TrialFailure.read(path) if path.exists() else TrialFailure(saved["message"] or "")
    return TrialRecord(
        id=saved["trial_id"],
        values=space.only_active({n: v for n, v in values.items() if n in space.names}),
        state=state,
        objective=saved["score"] if state == COMPLETED else None,
        result=TrialResult.read(where / RESULT_NAME) if state == COMPLETED else None,
        failure=failure,
        started=_time(start.get("started")),
        ended=_time(start.get("ended")),
        folder=where,
        epochs=values.get("tuner/epochs"),
        continues=values.get("tuner/trial_id"),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
