"""One trial in a process of its own: its result, or why it has none."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edge_runtime.errors import GalaxyEdgeError
from tuning.limited_process import POLL_S, Ending, Outcome, run_limited
from tuning.record import FAILURE_NAME, RESULT_NAME, SPEC_NAME, trial_folder
from tuning.settings import SearchSettings
from tuning.spaces import SearchSpace
from tuning.trials.result import TrialFailure, TrialResult
from tuning.trials.spec import TrialSpec, Value

log = logging.getLogger(__name__)

LOG_NAME = "log.txt"
CACHE_NAME = "cache"
TRIAL_COMMAND = (sys.executable, "-m", "tuning.trials")

_LAST_LINES = 20
_LONGEST_REASON = 300
_LOG_END_BYTES = 16_384


class TrialFailed(Exception):  # noqa: N818  an outcome of a trial, not of the search
    """A trial has no result.

    Attributes
    ----------
    failure : TrialFailure
    """

    def __init__(self, failure: TrialFailure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class TrialRunner:
    """Runs the trials of a search.

    Parameters
    ----------
    folder : Path
        Of the search.
    settings : SearchSettings
    space : SearchSpace
    command : sequence of str
        Takes the paths of a ``TrialSpec`` and of the ``TrialResult`` to write.
    poll_s : float
        How often limits are looked at.
    """

    def __init__(
        self,
        folder: Path,
        settings: SearchSettings,
        space: SearchSpace,
        command: Sequence[str] = TRIAL_COMMAND,
        poll_s: float = POLL_S,
    ) -> None:
        self._folder = folder.resolve()
        self._settings = settings
        self._space = space
        self._command = tuple(command)
        self._poll_s = poll_s

    def spec(self, trial_id: str, values: Mapping[str, Value]) -> TrialSpec:
        """What a trial is asked to do.

        Parameters
        ----------
        trial_id : str
        values : mapping of str to value
            Of the space, and keras-tuner's own, which begin with ``tuner/``.

        Raises
        ------
        ConfigError
            The values are not in the space.
        """
        own = self._space.canonical({n: v for n, v in values.items() if n in self._space.names})
        self._space.check(own)
        settings = self._settings
        parent = values.get("tuner/trial_id")
        return TrialSpec(
            space=self._space.network,
            subject=self._space.subject,
            values=self._space.complete(own),
            data=Path(settings.data),
            output=trial_folder(self._folder, trial_id),
            seed=settings.seed,
            epochs=int(values.get("tuner/epochs", settings.epochs)),
            limit=settings.limit,
            threads=settings.threads,
            latency_command=settings.latency_command,
            initial_epoch=int(values.get("tuner/initial_epoch", 0)) if parent else 0,
            initial=trial_folder(self._folder, str(parent)) if parent else None,
            metric=settings.metric,
            cache=self._folder / CACHE_NAME,
        )

    def run(
        self, trial_id: str, spec: TrialSpec, tick: Callable[[], None] | None = None
    ) -> TrialResult:
        """Run a trial, unless its folder holds the result of the same one already.

        Parameters
        ----------
        trial_id : str
        spec : TrialSpec
        tick : callable, optional
            Called now and then; what it raises ends the trial.

        Raises
        ------
        TrialFailed
            It has no result; the reason is in its folder, too.
        """
        where = trial_folder(self._folder, trial_id)
        found = _earlier_result(where, spec)
        if found is not None:
            log.info("trial %s: its result is there already", trial_id)
            return found
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir(parents=True)
        spec.write(where / SPEC_NAME)
        minutes = self._settings.trial_minutes
        outcome = run_limited(
            [*self._command, str(where / SPEC_NAME), str(where / RESULT_NAME)],
            where / LOG_NAME,
            seconds=None if minutes is None else 60 * minutes,
            memory_mb=self._settings.trial_memory_mb,
            environment=_environment(),
            tick=tick,
            poll_s=self._poll_s,
        )
        try:
            return self._result(outcome, where)
        except TrialFailed as failed:
            (where / RESULT_NAME).unlink(missing_ok=True)
            failed.failure.write(where / FAILURE_NAME)
            raise

    def _result(self, outcome: Outcome, where: Path) -> TrialResult:
        lines = _last_lines(where / LOG_NAME)
        detail = "\n".join(lines)
        if outcome.ending is Ending.TIME:
            reason = f"it took longer than {self._settings.trial_minutes:g} minutes"
            raise TrialFailed(TrialFailure(reason, detail))
        if outcome.ending is Ending.MEMORY:
            most = self._settings.trial_memory_mb
            reason = f"it took more than {most} MB of memory ({outcome.peak_mb:.0f} MB)"
            raise TrialFailed(TrialFailure(reason, detail))
        if outcome.code != 0:
            raise TrialFailed(TrialFailure(_reason(outcome.code, lines), detail))
        try:
            result = TrialResult.read(where / RESULT_NAME)
            self._settings.objective.value(result)
        except GalaxyEdgeError as error:
            raise TrialFailed(TrialFailure(f"it wrote no valid result: {error}", detail)) from error
        return result


def _earlier_result(where: Path, spec: TrialSpec) -> TrialResult | None:
    """Result of the same trial, where the search ended before it took note of it."""
    try:
        if TrialSpec.read(where / SPEC_NAME) != spec:
            return None
        return TrialResult.read(where / RESULT_NAME)
    except GalaxyEdgeError:
        return None


def _environment() -> dict[str, str]:
    """Of a trial: without the addresses that make keras-tuner ask a chief."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("KERASTUNER_")}
    return {"TF_CPP_MIN_LOG_LEVEL": "3", **kept, "PYTHONUNBUFFERED": "1"}


def _last_lines(path: Path) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LOG_END_BYTES))
        text = file.read().decode("utf-8", "replace")
    return [line.rstrip() for line in text.splitlines() if line.strip()][-_LAST_LINES:]


def _reason(code: int, lines: Sequence[str]) -> str:
    """Why a process failed, in one line."""
    if code == -signal.SIGKILL:
        return "it was killed, as systems do that run out of memory"
    for line in reversed(lines):
        if line.startswith("error: "):
            return line.removeprefix("error: ")[:_LONGEST_REASON]
    if code < 0:
        return f"it crashed ({signal.Signals(-code).name})"
    return (lines[-1] if lines else f"it ended with exit code {code}")[:_LONGEST_REASON]
