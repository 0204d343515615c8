"""All folds and presets, each in a process of its own; finished ones are kept."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.claimed_folder import claim_folder
from annotations.formats.outputs import new_file
from annotations.galaxies.dataset import GalaxySet
from annotations.worker_process import LOG_NAME, run_worker
from classification.crossval.fold_job import RESULT_NAME, WHOLE, FoldJob
from classification.crossval.folds import Fold, make_folds, open_rows
from classification.crossval.groups import galaxy_groups
from classification.crossval.settings import CrossvalSettings
from classification.picture_cache import Progress
from edge_runtime.errors import GalaxyEdgeError

log = logging.getLogger(__name__)

GROUPS_NAME = "groups.json"
WORKER = (sys.executable, "-m", "classification.crossval.fold_process")


@dataclass(frozen=True, slots=True)
class Plan:
    """Galaxies of a cross-validation and their folds.

    Attributes
    ----------
    galaxies : GalaxySet
        Those that take part.
    rows : ndarray of int64
        Their rows in the whole set.
    groups : tuple of str
        Of each galaxy.
    folds : tuple of Fold
        Over ``galaxies``.
    """

    galaxies: GalaxySet
    rows: NDArray[np.int64]
    groups: tuple[str, ...]
    folds: tuple[Fold, ...]


@dataclass(frozen=True, slots=True)
class FoldProgress:
    """How far a cross-validation has come.

    Attributes
    ----------
    preset : str
    fold, folds : int
    done : float
        Trainings done, parts included.
    trainings : int
        In all.
    seconds_left : float or None
        At the speed since this start; None before anything is done.
    """

    preset: str
    fold: int
    folds: int
    done: float
    trainings: int
    seconds_left: float | None


def fold_folder(output: Path, preset: str, fold: int) -> Path:
    """Where the results of a preset on a fold (from 1) are."""
    return output / preset / f"fold-{fold}"


def make_plan(
    galaxies: GalaxySet,
    settings: CrossvalSettings,
    output: Path,
    progress: Progress | None = None,
) -> Plan:
    """Begin or resume a cross-validation: which galaxies are held out where.

    Parameters
    ----------
    galaxies : GalaxySet
        As read from ``settings.data``.
    settings : CrossvalSettings
    output : Path
        Gets ``settings.json`` and ``groups.json``.
    progress : callable, optional
        Told how many pictures of how many are compared.

    Raises
    ------
    ConfigError
        The folder holds a cross-validation with other settings.
    GalaxyEdgeError
        The galaxies do not fill the folds.
    """
    rows = open_rows(galaxies, settings.targets, settings.everything)
    taking_part = galaxies.rows(rows)
    output.mkdir(parents=True, exist_ok=True)
    claim_folder(output, asdict(settings), "cross-validation")
    groups = _groups(taking_part, output / GROUPS_NAME, progress)
    copies = len(groups) - len(set(groups))
    if copies:
        log.info("%d of %d galaxies are copies of others, and share their fold", copies, len(rows))
    return Plan(taking_part, rows, groups, make_folds(groups, settings.folds, settings.seed))


def _groups(galaxies: GalaxySet, path: Path, progress: Progress | None) -> tuple[str, ...]:
    if path.exists():
        try:
            groups = tuple(str(group) for group in json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise GalaxyEdgeError(f"{path}: cannot be read ({error}); remove it") from error
        if len(groups) == len(galaxies):
            return groups
    groups = galaxy_groups(galaxies, progress)
    with new_file(path) as partial:
        partial.write_text(json.dumps(groups) + "\n", encoding="utf-8")
    return groups


def run_crossval(
    plan: Plan,
    settings: CrossvalSettings,
    output: Path,
    progress: Callable[[FoldProgress], None] | None = None,
    *,
    worker: Sequence[str] = WORKER,
) -> None:
    """Train and evaluate every preset on every fold.

    Started again with the same settings it repeats no finished fold, and goes
    on with an unfinished training from its last epoch.

    Parameters
    ----------
    plan : Plan
    settings : CrossvalSettings
    output : Path
        Folder of the results.
    progress : callable, optional
    worker : sequence of str
        Command of a fold's process; takes the fold's folder.

    Raises
    ------
    GalaxyEdgeError
        A fold's process failed.
    """
    clock = _Clock(settings, progress)
    for fold in plan.folds:
        for preset in settings.presets:
            folder = fold_folder(output, preset, fold.number)
            if (folder / RESULT_NAME).exists():
                clock.skip(preset, fold.number)
                continue
            folder.mkdir(parents=True, exist_ok=True)
            FoldJob.of(settings, preset, fold, plan.rows).write(folder)
            log.info("%s, fold %d of %d", preset, fold.number, settings.folds)
            run_worker(
                [*worker, str(folder)],
                folder,
                lambda step, at=(preset, fold.number): clock.at(*at, step / WHOLE),
                environment={"TF_CPP_MIN_LOG_LEVEL": "3"},
            )
            if not (folder / RESULT_NAME).exists():
                raise GalaxyEdgeError(
                    f"{folder}: the fold ended without a result; see {LOG_NAME} there"
                )
            clock.end(preset, fold.number)


class _Clock:
    """Counts trainings, and tells the time left from those of this start."""

    def __init__(
        self, settings: CrossvalSettings, progress: Callable[[FoldProgress], None] | None
    ) -> None:
        self._folds = settings.folds
        self._trainings = settings.folds * len(settings.presets)
        self._progress = progress
        self._start = time.monotonic()
        self._before = 0
        self._skipped = 0

    def at(self, preset: str, fold: int, share: float) -> None:
        """A training has come this far, 0 to 1."""
        if self._progress is None:
            return
        done = self._before + share
        trained = done - self._skipped
        left = None
        if trained > 0:
            left = (time.monotonic() - self._start) / trained * (self._trainings - done)
        self._progress(FoldProgress(preset, fold, self._folds, done, self._trainings, left))

    def end(self, preset: str, fold: int) -> None:
        """A training is done, also one that stopped early."""
        self._before += 1
        self.at(preset, fold, 0.0)

    def skip(self, preset: str, fold: int) -> None:
        """A training was done by an earlier start."""
        self._skipped += 1
        self.end(preset, fold)
