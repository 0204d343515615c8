"""All rows, one process after the other, within the time there is."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotations.claimed_folder import claim_folder
from annotations.worker_process import run_worker
from classification.reproduction.plans import ROWS, Budget, RowKind, RowPlan, row_plan
from classification.reproduction.results import RESULT_NAME, RowResult
from edge_runtime.errors import GalaxyEdgeError

_log = logging.getLogger(__name__)

QUICK_MINUTES = 45.0
_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes
    ----------
    data, work : Path
        Folder of the data, and the one that keeps all rows.
    budget : Budget
    rows : tuple of RowPlan
    seeds : tuple of int
    minutes : float
        Time of a quick table, all seeds together.
    data_hash : str
        Of the labels: rows on other labels are not gone on with.
    weights : Path or None
        Folder of ImageNet weights; None downloads them.
    """

    data: Path
    work: Path
    budget: Budget
    rows: tuple[RowPlan, ...]
    seeds: tuple[int, ...]
    minutes: float
    data_hash: str
    weights: Path | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One row for one seed.

    Attributes
    ----------
    plan : RowPlan
    seed : int
    folder : Path
    """

    plan: RowPlan
    seed: int
    folder: Path

    @property
    def title(self) -> str:
        """For messages."""
        return f"{self.plan.name}, seed {self.seed}"

    @property
    def done(self) -> bool:
        """Whether its result is there."""
        return (self.folder / RESULT_NAME).is_file()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A task that ended.

    Attributes
    ----------
    row : str
    seed : int
    result : RowResult or None
        None where it failed.
    error : str
        Why it failed.
    """

    row: str
    seed: int
    result: RowResult | None
    error: str = ""


def chosen_rows(names: Sequence[str] | None, budget: Budget = Budget.FULL) -> tuple[RowPlan, ...]:
    """Rows of these names, or all of a budget, in the order of the table.

    Raises
    ------
    ConfigError
        A name is unknown.
    """
    if names is None:
        return tuple(row for row in ROWS if row.in_quick or budget is Budget.FULL)
    wanted = {row_plan(name).name for name in names}
    return tuple(row for row in ROWS if row.name in wanted)


def tasks_of(plan: Plan) -> list[Task]:
    """Tasks in the order they run: what needs no luck first, then row by row.

    The shipped bundle is the same for every seed and is scored once.
    """
    return [
        Task(row, seed, plan.work / row.name / f"seed-{seed}")
        for row in plan.rows
        for seed in (plan.seeds[:1] if row.kind is RowKind.BUNDLE else plan.seeds)
    ]


def training_seconds(task: Task, open_tasks: Sequence[Task], left_s: float) -> float:
    """Seconds of training for the next task, so that all that are open end in time.

    Parameters
    ----------
    task : Task
        One of the open ones.
    open_tasks : sequence of Task
        All that have still to run.
    left_s : float
        Until all shall have ended.

    Returns
    -------
    float
        At least a tenth of what was planned, so that late rows still have a
        network, and at most all of it.
    """
    overhead = sum(each.plan.overhead_s for each in open_tasks)
    planned = sum(each.plan.training_s for each in open_tasks)
    share = min(1.0, max(0.1, (left_s - overhead) / planned))
    return task.plan.training_s * share


def run(
    plan: Plan,
    *,
    clock: Callable[[], float] = time.monotonic,
    report: Callable[[str], None] = _log.info,
) -> list[Outcome]:
    """Run all tasks that have no result yet.

    Parameters
    ----------
    plan : Plan
    clock : callable
        Seconds from any origin.
    report : callable
        Told which row begins and how long all of it takes yet.

    Returns
    -------
    list of Outcome
        In the order of the table; failures are among them.

    Raises
    ------
    ConfigError
        The working folder holds rows of another budget or other labels.
    """
    plan.work.mkdir(parents=True, exist_ok=True)
    claim_folder(
        plan.work,
        {"budget": str(plan.budget), "data_hash": plan.data_hash},
        "table of classifiers",
    )
    tasks = tasks_of(plan)
    waiting = [task for task in tasks if not task.done]
    # what is done already has used its part of the time
    whole = sum(task.plan.training_s + task.plan.overhead_s for task in tasks)
    open_part = sum(task.plan.training_s + task.plan.overhead_s for task in waiting)
    end = clock() + 60 * plan.minutes * (open_part / whole if whole else 0)
    errors: dict[Task, str] = {}
    for place, task in enumerate(waiting):
        left_s = end - clock()
        seconds = None
        told = f"[{place + 1}/{len(waiting)}] {task.title}"
        if plan.budget is Budget.QUICK:
            seconds = training_seconds(task, waiting[place:], left_s)
            told += f": {seconds:.0f} s of training; {max(0.0, left_s) / 60:.0f} min left for all"
        report(told)
        started = clock()
        try:
            _run_task(task, plan, seconds)
            report(f"[{place + 1}/{len(waiting)}] {task.title}: done in {clock() - started:.0f} s")
        except GalaxyEdgeError as error:
            errors[task] = str(error)
            report(f"[{place + 1}/{len(waiting)}] {task.title}: failed: {error}")
    return [_outcome(task, errors.get(task)) for task in tasks]


def _run_task(task: Task, plan: Plan, seconds: float | None) -> None:
    task.folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "classification.reproduction.row", "--child",
        "--row", task.plan.name, "--data", str(plan.data), "--folder", str(task.folder),
        "--budget", str(plan.budget), "--seed", str(task.seed),
    ]  # fmt: skip
    if seconds is not None:
        command += ["--training-s", f"{seconds:.1f}"]
    if plan.weights is not None:
        command += ["--weights", str(plan.weights)]
    run_worker(command, task.folder, lambda _: None, environment=_ENVIRONMENT)


def _outcome(task: Task, error: str | None) -> Outcome:
    if error is not None:
        return Outcome(task.plan.name, task.seed, None, error)
    try:
        return Outcome(task.plan.name, task.seed, RowResult.load(task.folder))
    except GalaxyEdgeError as unread:
        return Outcome(task.plan.name, task.seed, None, str(unread))
