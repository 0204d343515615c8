"""Searches on one machine: a trial after the other, gone on with after any end."""

from __future__ import annotations

import fcntl
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge_runtime.errors import GalaxyEdgeError
from tuning.hparams import write_experiment, write_trial
from tuning.limited_process import POLL_S
from tuning.objective import METRICS
from tuning.progress import SearchProgress
from tuning.record import SearchRecord, TrialRecord, read_search
from tuning.settings import MOST_FAILURES, SearchSettings
from tuning.spaces import SearchSpace
from tuning.trial_runner import TRIAL_COMMAND, TrialFailed, TrialRunner

if TYPE_CHECKING:
    from keras_tuner.engine.trial import Trial

    from tuning.search_oracle import SearchOracle

__all__ = [
    "SearchRecord",
    "TrialRecord",
    "read_search",
    "run_search",
    "run_trials",
]

log = logging.getLogger(__name__)

Report = Callable[[SearchProgress], None]

_LOCK_NAME = ".lock"
_THIS_MACHINE = "tuner0"
_REPORT_EVERY_S = 1.0
_IDLE_S = 2.0
_TRIAL_ID = re.compile(r"\d{1,9}")


class TrialSource(Protocol):
    """Who says which trial is next: an oracle, or a chief's from afar."""

    def create_trial(self, tuner_id: str) -> Trial: ...

    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> object: ...

    def end_trial(self, trial: Trial) -> None: ...


def run_search(
    settings: SearchSettings,
    space: SearchSpace,
    folder: Path,
    report: Report | None = None,
    *,
    command: Sequence[str] = TRIAL_COMMAND,
    poll_s: float = POLL_S,
) -> SearchRecord:
    """Search in a folder that ``claim_search`` has claimed.

    Started again it goes on: a trial that ran is run again, unless it had
    written its result.

    Parameters
    ----------
    settings : SearchSettings
    space : SearchSpace
    folder : Path
    report : callable, optional
        Told about every second how far the search has come.
    command : sequence of str
        Of a trial; takes the paths of spec and result.
    poll_s : float
        How often limits of a trial are looked at.

    Raises
    ------
    GalaxyEdgeError
        Too many trials failed one after the other, another process searches in
        the folder, or its state is damaged.
    """
    from tuning.oracles import make_oracle

    with searching_alone(folder):
        oracle = make_oracle(settings, space, folder)
        write_experiment(folder, space, METRICS[settings.subject])
        runner = TrialRunner(folder, settings, space, command, poll_s)
        tell = _Teller(oracle, report)
        oracle.changed = tell.now
        tell.now()
        run_trials(oracle, runner, folder, settings, space, tick=tell.sometimes)
        require_few_failures(oracle, folder)
    return read_search(folder)


def run_trials(
    source: TrialSource,
    runner: TrialRunner,
    folder: Path,
    settings: SearchSettings,
    space: SearchSpace,
    *,
    tuner_id: str = _THIS_MACHINE,
    tick: Callable[[], None] | None = None,
    begun: Callable[[str], None] | None = None,
    idle_s: float = _IDLE_S,
) -> None:
    """Run trials until there are no more.

    Parameters
    ----------
    source : TrialSource
    runner : TrialRunner
    folder, settings, space
        Of the search.
    tuner_id : str
        Name of this worker.
    tick : callable, optional
        Called while a trial runs; what it raises ends the trial and this.
    begun : callable, optional
        Told the trial that begins.
    idle_s : float
        Pause where the next trial depends on those of other workers.
    """
    from keras_tuner.engine.trial import TrialStatus

    while True:
        trial = source.create_trial(tuner_id)
        if trial.status == TrialStatus.STOPPED:
            return
        if trial.status == TrialStatus.IDLE:
            time.sleep(idle_s)
            continue
        if not _TRIAL_ID.fullmatch(trial.trial_id):
            raise GalaxyEdgeError(f"{trial.trial_id!r} is no trial's number; is that the chief?")
        if begun is not None:
            begun(trial.trial_id)
        spec = runner.spec(trial.trial_id, trial.hyperparameters.values)
        searched = {name: v for name, v in spec.values.items() if name in space.names}
        log.info("trial %s: %s", trial.trial_id, _in_words(searched))
        try:
            result = runner.run(trial.trial_id, spec, tick)
        except TrialFailed as failed:
            log.warning("trial %s failed: %s", trial.trial_id, failed)
            trial.status, trial.message = TrialStatus.FAILED, str(failed)
            write_trial(folder, trial.trial_id, searched, None, None)
        else:
            value = settings.objective.value(result)
            log.info("trial %s: %.4f, %.2f ms", trial.trial_id, value, result.latency_ms)
            source.update_trial(trial.trial_id, {"objective": value})
            trial.status = TrialStatus.COMPLETED
            write_trial(folder, trial.trial_id, searched, result, value)
        source.end_trial(trial)


def require_few_failures(oracle: SearchOracle, folder: Path) -> None:
    """Raise where a search ended because its trials fail.

    Raises
    ------
    GalaxyEdgeError
        The message says why the last one did.
    """
    if oracle.failures_in_row >= MOST_FAILURES:
        raise GalaxyEdgeError(
            f"{folder}: {MOST_FAILURES} trials failed one after the other, the last one because "
            f"{oracle.last_failure()}; see log.txt and failure.json in trials/, and start the same "
            "command again when the cause is mended"
        )


@contextmanager
def searching_alone(folder: Path) -> Iterator[None]:
    """Keep other processes from searching in a folder meanwhile.

    Raises
    ------
    GalaxyEdgeError
        One does already.
    """
    with (folder / _LOCK_NAME).open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise GalaxyEdgeError(
                f"{folder}: another process searches here; wait for its end, or name another "
                "--output (workers go with --role worker)"
            ) from error
        yield


class _Teller:
    """Reports progress when something changes, and now and then."""

    def __init__(self, oracle: SearchOracle, report: Report | None) -> None:
        self._oracle = oracle
        self._report = report
        self._next = 0.0

    def now(self) -> None:
        if self._report is not None:
            self._next = time.monotonic() + _REPORT_EVERY_S
            self._report(self._oracle.progress())

    def sometimes(self) -> None:
        if time.monotonic() >= self._next:
            self.now()


def _in_words(values: dict[str, str | int | float | bool]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
