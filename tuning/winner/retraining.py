"""Each candidate trained on each seed, in processes of their own; what is finished is kept."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotations.worker_process import run_worker
from edge_runtime.errors import GalaxyEdgeError
from tuning.record import RESULT_NAME, SPEC_NAME, SearchRecord
from tuning.trials.exported import PREDICTIONS_FILE
from tuning.trials.json_record import read_record, write_record
from tuning.trials.result import TrialResult
from tuning.winner.candidates import Candidate, EdgeCandidate, Training, trial_spec
from tuning.winner.edge_process import JOB_NAME, EdgeJob

if TYPE_CHECKING:
    from classification.predictions import Predictions

_log = logging.getLogger(__name__)

Report = Callable[[str, int, int], None]
"""What is at work, epochs done of all trainings, and all epochs."""

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclass(frozen=True, slots=True)
class Retrained:
    """A candidate on all seeds.

    Attributes
    ----------
    candidate : Candidate
    seeds : tuple of int
    folders : tuple of Path
    results : tuple of TrialResult
        Of the seeds in their order.
    """

    candidate: Candidate
    seeds: tuple[int, ...]
    folders: tuple[Path, ...]
    results: tuple[TrialResult, ...]

    def predictions(self) -> tuple[Predictions, ...]:
        """Answers of each int8 file on validation; empty for detectors."""
        from classification.predictions import Predictions

        paths = [folder / PREDICTIONS_FILE for folder in self.folders]
        return tuple(Predictions.load(path) for path in paths if path.is_file())


def retrain(
    record: SearchRecord,
    candidates: Sequence[Candidate],
    training: Training,
    seeds: tuple[int, ...],
    output: Path,
    report: Report | None = None,
) -> tuple[Retrained, ...]:
    """Train candidates; what another call with the same arguments finished is kept.

    Parameters
    ----------
    record : SearchRecord
        Whose trials' processes train what has not the bundle's outputs.
    candidates : sequence of Candidate
    training : Training
    seeds : tuple of int
    output : Path
        Gets a folder ``<label>/seed-<seed>`` for each training.
    report : callable, optional

    Raises
    ------
    GalaxyEdgeError
        A training failed, or the folder holds one with other settings.
    """
    total = len(candidates) * len(seeds) * training.epochs
    done = 0
    found = []
    for candidate in candidates:
        folders, results = [], []
        for seed in seeds:
            folder = output / candidate.label / f"seed-{seed}"
            before, title = done, f"{candidate.label}, seed {seed}"

            def at_step(step: int, before: int = before, title: str = title) -> None:
                if report is not None:
                    report(title, before + min(step, training.epochs), total)

            at_step(0)
            result = _train(record, candidate, training, seed, folder, at_step)
            done += training.epochs
            folders.append(folder)
            results.append(result)
            _log.info("%s: %s", title, describe(result))
        found.append(Retrained(candidate, seeds, tuple(folders), tuple(results)))
    if report is not None:
        report("done", total, total)
    return tuple(found)


def describe(result: TrialResult) -> str:
    """The metrics of a training in one line."""
    return ", ".join(f"{name} {value:.4f}" for name, value in result.metrics.items())


def _train(
    record: SearchRecord,
    candidate: Candidate,
    training: Training,
    seed: int,
    folder: Path,
    at_step: Callable[[int], None],
) -> TrialResult:
    command = [sys.executable, "-m"]
    if isinstance(candidate, EdgeCandidate):
        settings = record.config
        job: dict[str, Any] = EdgeJob(
            candidate, training, seed, settings.threads, settings.latency_command
        ).as_dict()
        asked = folder / JOB_NAME
        command += ["tuning.winner.edge_process", str(folder)]
    else:
        job = trial_spec(record, candidate, training, seed, folder).as_dict()
        asked = folder / SPEC_NAME
        command += ["tuning.trials", str(asked), str(folder / RESULT_NAME)]
    if asked.exists():
        if read_record(asked, "a training") != job:
            raise GalaxyEdgeError(
                f"{folder}: holds a training with other settings; name another --output"
            )
        if (folder / RESULT_NAME).exists():
            return TrialResult.read(folder / RESULT_NAME)
    folder.mkdir(parents=True, exist_ok=True)
    write_record(asked, job)
    run_worker(command, folder, at_step, environment=_QUIET)
    return TrialResult.read(folder / RESULT_NAME)
