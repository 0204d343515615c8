"""A keras-tuner oracle, made so that a search can be killed, repeated and shared.

What keras-tuner 1.4 does by itself, and what is done here instead:

- It writes its files in place, and after each trial once more as if it still
  ran. Here there is one file, see ``tuning.oracle_state``, and in it a trial
  that has ended has ended.
- Its Bayesian oracle forgets where its random numbers were when it is killed,
  and proposes values that it has measured already; see ``tuning.bayesian_oracle``.
- A seed of 0 is none to it.
- Its chief waits for ever for a worker that is dead. Here a trial that no
  worker has spoken of for a while is handed out again.
- Its first trials are random. Here the first is the hand-made default, so that
  every search says what it has gained.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus

from edge_runtime.errors import GalaxyEdgeError
from tuning.oracle_state import read_state, write_state
from tuning.progress import SearchProgress
from tuning.record import FAILURE_NAME, trial_folder
from tuning.settings import MOST_FAILURES
from tuning.spaces import SearchSpace
from tuning.trials.result import TrialFailure

log = logging.getLogger(__name__)

OBJECTIVE = "objective"
MOST_STARTS = 3
"""Times a trial is begun that takes the search or its worker with it."""


Method = TypeVar("Method", bound=Callable[..., Any])


def _one_at_a_time(method: Method) -> Method:
    """Let one thread in; keras-tuner's own lock stays closed after an exception."""

    @functools.wraps(method)
    def guarded(self: SearchOracle, *arguments: Any, **named: Any) -> Any:
        with self._entry:
            return method(self, *arguments, **named)

    return guarded  # type: ignore[return-value]


class SearchOracle(keras_tuner.Oracle):  # type: ignore[misc]
    """What the oracles of a search have in common; see the module.

    Attributes
    ----------
    failures_in_row : int
        Trials that failed since the last that did not, in this process.
    changed : callable or None
        Called when a trial begins or ends.
    """

    def bind(
        self,
        folder: Path,
        space: SearchSpace,
        trials: int,
        *,
        lease_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Tie the oracle to a search's folder, and take up what is there.

        Parameters
        ----------
        folder : Path
        space : SearchSpace
        trials : int
            How many there are to be.
        lease_s : float, optional
            Of a chief: time without a word after which a trial is taken from
            its worker. Without it a trial that ran when the search ended is run
            again.
        clock : callable
            Seconds from any origin.
        """
        self.verbose = 0
        self.max_trials = trials
        self.failures_in_row = 0
        self.changed: Callable[[], None] | None = None
        self._folder = folder
        self._space = space
        self._lease_s = lease_s
        self._clock = clock
        self._heard: dict[str, float] = {}
        self._starts: dict[str, dict[str, Any]] = {}
        self._deferred = False
        self._is_exhausted = False
        self._entry = threading.RLock()
        state = read_state(folder)
        if state is not None:
            self._restore(state)

    # What is kept

    def save(self) -> None:
        """Keep the whole state; see ``tuning.oracle_state``."""
        if self._deferred:
            return
        state = {
            "oracle": self.get_state(),
            "trials": [trial.get_state() for trial in self.trials.values()],
            "starts": self._starts,
            "is_exhausted": self._is_exhausted,
        }
        write_state(self._folder, state)

    def _save_trial(self, trial: Trial) -> None:
        """Nothing: ``save`` keeps the trials, too."""

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        state["ongoing_trials"] = {
            tuner: trial.trial_id
            for tuner, trial in self.ongoing_trials.items()
            if trial.status == TrialStatus.RUNNING
        }
        return state

    def _restore(self, state: Mapping[str, Any]) -> None:
        try:
            trials = [Trial.from_state(one) for one in state["trials"]]
            self.trials = {trial.trial_id: trial for trial in trials}
            self.set_state(state["oracle"])
            self._starts = state["starts"]
        except (KeyError, TypeError, ValueError) as error:
            raise GalaxyEdgeError(
                f"{self._folder}: the search has a damaged state ({error!r}); remove its folder "
                "oracle and start the same command again"
            ) from error
        now = self._clock()
        if self._lease_s is not None:
            self._heard = {trial.trial_id: now for trial in self.ongoing_trials.values()}
            self.tuner_ids = set(self.ongoing_trials)
            return
        self._retry_queue.extend(trial.trial_id for trial in self.ongoing_trials.values())
        self.ongoing_trials = {}

    @contextmanager
    def _saved_once(self) -> Iterator[None]:
        """Keep what a change comes to, not its parts."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        self.save()

    # What happens to trials

    @_one_at_a_time
    def create_trial(self, tuner_id: str) -> Trial:
        self._give_up_on_deadly()
        if tuner_id in self.ongoing_trials:
            # a worker that was started again under its name
            self._began(self.ongoing_trials[tuner_id])
            return self.ongoing_trials[tuner_id]
        self.tuner_ids.add(tuner_id)
        if self.failures_in_row >= MOST_FAILURES:
            return self._without_values(tuner_id, TrialStatus.STOPPED)
        if not self._retry_queue and len(self.trials) >= self.max_trials:
            # a trial of another worker may have to be run again
            status = TrialStatus.IDLE if self.ongoing_trials else TrialStatus.STOPPED
            return self._without_values(tuner_id, status)
        with self._saved_once():
            trial = super().create_trial(tuner_id)
            if trial.status == TrialStatus.RUNNING:
                self._began(trial)
        if trial.status == TrialStatus.STOPPED:
            self._is_exhausted = True
            self.save()
            status = TrialStatus.IDLE if self.ongoing_trials else TrialStatus.STOPPED
            return self._without_values(tuner_id, status)
        self._tell()
        return trial

    @_one_at_a_time
    def update_trial(self, trial_id: str, metrics: Mapping[str, float], step: int = 0) -> Trial:
        if not self._is_running(trial_id):
            return self.trials[trial_id]
        return super().update_trial(trial_id, dict(metrics), step)

    @_one_at_a_time
    def end_trial(self, trial: Trial) -> None:
        if not self._is_running(trial.trial_id):
            log.warning("trial %s: ended a second time; the first counts", trial.trial_id)
            return
        mine = self.trials[trial.trial_id]
        trial.hyperparameters = mine.hyperparameters  # a worker's have lost digits on the way
        if trial.status == TrialStatus.COMPLETED and not mine.metrics.exists(OBJECTIVE):
            trial.status, trial.message = TrialStatus.FAILED, "it told no result"
        if trial.status != TrialStatus.COMPLETED and not trial.message:
            trial.message = self._failure_of(trial.trial_id).reason
        with self._saved_once():
            self._starts[trial.trial_id]["ended"] = _now()
            super().end_trial(trial)
        self._heard.pop(trial.trial_id, None)
        completed = mine.status == TrialStatus.COMPLETED
        self.failures_in_row = 0 if completed else self.failures_in_row + 1
        self._tell()

    def get_trial(self, trial_id: str) -> Trial:
        """The trial; a worker that asks for it is at work on it."""
        self._heard[trial_id] = self._clock()
        return super().get_trial(trial_id)

    @_one_at_a_time
    def take_back_lost(self) -> None:
        """Hand trials out again of whose worker nothing was heard for a lease."""
        if self._lease_s is None:
            return
        now = self._clock()
        lost = [
            (tuner, trial)
            for tuner, trial in self.ongoing_trials.items()
            if now - self._heard.setdefault(trial.trial_id, now) > self._lease_s
        ]
        if not lost:
            return
        with self._saved_once():
            for tuner, trial in lost:
                log.warning(
                    "trial %s: nothing heard of worker %s for %.0f s; it is handed out again",
                    trial.trial_id,
                    tuner,
                    self._lease_s,
                )
                del self.ongoing_trials[tuner]
                self.tuner_ids.discard(tuner)
                self._retry_queue.append(trial.trial_id)
            self._give_up_on_deadly()
        self._tell()

    @_one_at_a_time
    def progress(self) -> SearchProgress:
        """How far the search has come."""
        ended = [self.trials[trial_id] for trial_id in self.end_order]
        completed = [trial for trial in ended if trial.status == TrialStatus.COMPLETED]
        best = max(completed, key=lambda trial: trial.score, default=None)
        return SearchProgress(
            done=len(ended),
            failed=len(ended) - len(completed),
            trials=int(self.max_trials),
            best=None if best is None else float(best.score),
            best_trial=None if best is None else best.trial_id,
            running=tuple(trial.trial_id for trial in self.ongoing_trials.values()),
            seconds_left=self._seconds_left(len(ended)),
        )

    def _seconds_left(self, done: int) -> float | None:
        """By the mean of the trials that have ended; None before any has."""
        spans = [_span(one) for one in self._starts.values() if one["ended"] is not None]
        if not spans:
            return None
        mean = sum(spans) / len(spans)
        left = mean * (self.max_trials - done)
        for trial in self.ongoing_trials.values():
            left -= min(mean, _span(self._starts[trial.trial_id]))
        return max(0.0, left) / max(1, len(self.ongoing_trials))

    @property
    def is_finished(self) -> bool:
        """Whether no trial runs and none is left to be handed out."""
        if self.ongoing_trials:
            return False
        if self.failures_in_row >= MOST_FAILURES:
            return True
        if self._retry_queue:
            return False
        return self._is_exhausted or len(self.trials) >= self.max_trials

    def last_failure(self) -> str:
        """Reason of the failed trial that ended last."""
        for trial_id in reversed(self.end_order):
            if self.trials[trial_id].status == TrialStatus.FAILED:
                return str(self.trials[trial_id].message)
        return ""

    def _check_consecutive_failures(self) -> None:
        """Nothing: ``create_trial`` counts those of this process, and raises nothing."""

    def _is_running(self, trial_id: str) -> bool:
        return any(trial.trial_id == trial_id for trial in self.ongoing_trials.values())

    def _began(self, trial: Trial) -> None:
        self._heard[trial.trial_id] = self._clock()
        before = self._starts.get(trial.trial_id, {}).get("count", 0)
        self._starts[trial.trial_id] = {"count": before + 1, "started": _now(), "ended": None}
        self.save()

    def _give_up_on_deadly(self) -> None:
        """Fail trials that ended the search or their worker each time they were begun."""
        deadly = [
            trial_id
            for trial_id in self._retry_queue
            if self._starts.get(trial_id, {}).get("count", 0) >= MOST_STARTS
        ]
        for trial_id in deadly:
            failure = TrialFailure(f"it was begun {MOST_STARTS} times and never ended")
            failure.write(trial_folder(self._folder, trial_id) / FAILURE_NAME)
            trial = self.trials[trial_id]
            trial.status, trial.message = TrialStatus.FAILED, failure.reason
            self._retry_queue.remove(trial_id)
            self._starts[trial_id]["ended"] = _now()
            self.end_order.append(trial_id)
            self.failures_in_row += 1
        if deadly:
            self.save()

    def _failure_of(self, trial_id: str) -> TrialFailure:
        try:
            return TrialFailure.read(trial_folder(self._folder, trial_id) / FAILURE_NAME)
        except GalaxyEdgeError:
            return TrialFailure("it failed, and left no reason")

    def _without_values(self, tuner_id: str, status: str) -> Trial:
        if status == TrialStatus.STOPPED:
            self.tuner_ids.discard(tuner_id)
        return Trial(self.hyperparameters.copy(), trial_id="", status=status)

    def _tell(self) -> None:
        if self.changed is not None:
            self.changed()

    # What values are tried

    def _random_values(self) -> dict[str, Any] | None:
        if not self.trials:
            return dict(self._space.defaults())
        values = super()._random_values()
        return None if values is None else self._space.canonical(values)


def _span(start: Mapping[str, Any]) -> float:
    """Seconds that a trial has taken."""
    began = datetime.fromisoformat(start["started"])
    ended = datetime.now(UTC) if start["ended"] is None else datetime.fromisoformat(start["ended"])
    return (ended - began).total_seconds()


def _now() -> str:
    return datetime.now(UTC).isoformat()
