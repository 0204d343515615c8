"""The page about one search."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from annotations.html_page import figure_uri, write_page
from classification.reports.charts import confusion_chart
from tuning.chosen_trials import pareto_ids
from tuning.record import SearchRecord, TrialRecord
from tuning.report import charts
from tuning.report.axes import ParameterAxis
from tuning.report.importance import LEAST_TRIALS, ROUNDS, Importance, parameter_importance
from tuning.report.text import TEXT
from tuning.trials.spec import CLASSIFIER

if TYPE_CHECKING:
    from classification.scoring import ClassReport

RETRAINED_SEEDS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class TimeUsed:
    """Where the time of a search went.

    Attributes
    ----------
    span_s : float or None
        From the first trial's start to the last one's end.
    trials_s, training_s, failed_s : float
        Of all trials added up; of it the training of completed ones, and all
        of failed ones.
    """

    span_s: float | None
    trials_s: float
    training_s: float
    failed_s: float


def write_search_report(
    output: Path,
    record: SearchRecord,
    *,
    confusion: ClassReport | None = None,
    confusion_missing: str = "",
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Importance | None:
    """Write the page about a search, finished or not.

    Parameters
    ----------
    output : Path
        HTML file, without anything outside of it.
    record : SearchRecord
    confusion : ClassReport or None
        Of the winner's exported file on validation.
    confusion_missing : str
        Why there is none.
    rounds, seed : int
        Of the importance; see ``parameter_importance``.

    Returns
    -------
    Importance or None
        As on the page.

    Raises
    ------
    GalaxyEdgeError
        The page cannot be written.
    """
    completed = [trial for trial in record.completed if trial.objective is not None]
    importance = parameter_importance(
        [ParameterAxis(one) for one in record.space.parameters],
        [trial.values for trial in completed],
        [trial.objective or 0.0 for trial in completed],
        rounds=rounds,
        seed=seed,
    )
    winner = record.best
    context = {
        "record": record,
        "completed": completed,
        "failed": [trial for trial in record.trials if trial.failure is not None],
        "ranked": ranked(record),
        "front": pareto_ids(record),
        "winner": winner,
        "winner_values": {} if winner is None else record.space.complete(winner.values),
        "defaults": record.space.complete(record.space.defaults()),
        "value_names": [one.name for one in record.space.parameters],
        "metric_names": metric_names(record),
        "has_epochs": any(trial.epochs is not None for trial in record.trials),
        "conditional": any(one.only_when is not None for one in record.space.parameters),
        "tuner_title": {"bayesian": "Bayesian", "random": "random"}.get(
            record.config.tuner, record.config.tuner
        ),
        "importance": importance,
        "least_trials": LEAST_TRIALS,
        "outside": charts.left_out(record) if completed else 0,
        "command": "" if winner is None else retraining_command(record, winner),
        "confusion": "" if confusion is None else figure_uri(confusion_chart(confusion)),
        "confusion_n": 0 if confusion is None else confusion.n,
        "confusion_missing": confusion_missing,
        "time": time_used(record),
        "facts": facts(record),
        "text": TEXT,
    }
    if completed:
        context["parallel"] = figure_uri(charts.parallel_chart(record))
        context["progress"] = figure_uri(charts.progress_chart(record))
        context["pareto"] = figure_uri(charts.pareto_chart(record))
    if importance is not None:
        context["importance_chart"] = figure_uri(charts.importance_chart(importance))
    write_page(output, "tuning.report", "search.html", **context)
    return importance


def ranked(record: SearchRecord) -> list[TrialRecord]:
    """Trials, the best first, then those that run and those that failed."""
    return sorted(
        record.trials,
        key=lambda t: (t.objective is None, t.failure is not None, -(t.objective or 0.0)),
    )


def metric_names(record: SearchRecord) -> list[str]:
    """Metrics of the trials, the one that is searched for first."""
    found = dict.fromkeys(
        name for trial in record.completed if trial.result for name in trial.result.metrics
    )
    return sorted(found, key=lambda name: name != record.config.metric)


def retraining_command(record: SearchRecord, trial: TrialRecord) -> str:
    """The command that trains a trial's values again and builds a bundle from them."""
    name = f"{record.folder.name}-winner"
    words = ["galaxy-edge", "train", "winner", str(record.folder), "--trial", trial.id]
    words += ["--seeds", ",".join(map(str, RETRAINED_SEEDS)), "--beside", record.space.network]
    return shlex.join([*words, "--bundle", f"{name}-bundle", "--output", name])


def time_used(record: SearchRecord) -> TimeUsed:
    """Where the time went."""
    starts = [trial.started for trial in record.trials if trial.started is not None]
    ends = [trial.ended for trial in record.trials if trial.ended is not None]
    return TimeUsed(
        span_s=(max(ends) - min(starts)).total_seconds() if starts and ends else None,
        trials_s=sum(trial.seconds or 0.0 for trial in record.trials),
        training_s=sum(t.result.training_s for t in record.completed if t.result is not None),
        failed_s=sum(t.seconds or 0.0 for t in record.trials if t.failure is not None),
    )


def facts(record: SearchRecord) -> list[tuple[str, str]]:
    """Settings of the search, for a table."""
    settings = record.config
    length = "epochs" if settings.subject == CLASSIFIER else "steps"
    found = [
        ("search", str(record.folder)),
        ("space", f"{settings.space}, SHA-256 {settings.space_sha256}"),
        ("data", f"{settings.data}, SHA-256 {settings.data_hash}"),
        ("training pictures of a trial", "all" if settings.limit is None else str(settings.limit)),
        (f"{length} of a trial", str(settings.epochs)),
        ("tuner, seed", f"{settings.tuner}, {settings.seed}"),
        ("code version", settings.code_version),
    ]
    if settings.trial_minutes is not None:
        found.append(("time limit of a trial", f"{settings.trial_minutes:g} min"))
    if settings.trial_memory_mb is not None:
        found.append(("memory limit of a trial", f"{settings.trial_memory_mb} MiB"))
    if record.space.fixed:
        fixed = ", ".join(f"{k} = {TEXT.value(v)}" for k, v in record.space.fixed.items())
        found.append(("not searched", fixed))
    return found
