"""All folds and families, each in a process of its own; finished ones are kept."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from annotations.claimed_folder import claim_folder
from annotations.formats.dataset import LabelledPicture, LabelledSet
from annotations.formats.outputs import new_folder
from annotations.worker_process import LOG_NAME, run_worker
from detection.crossval.fold_job import RESULT_NAME, FoldJob, HeldOut
from detection.crossval.folds import assign_folds
from detection.crossval.settings import CrossvalSettings
from detection.crossval.training import COARSE_SMALLEST_PX
from detection.crossval.views import write_training_records
from edge_runtime.errors import ConfigError, GalaxyEdgeError

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

RECORDS_NAME = "records"
FINE_CELL_PX = 64
WORKER = (sys.executable, "-m", "detection.crossval.fold_process")

_COARSE_QUANTILE = 2.0  # percent of the galaxies that may be smaller than coarse anchors


def fold_folder(output: Path, family: str, fold: int) -> Path:
    """Where the results of a family on a fold (from 1) are."""
    return output / family / f"fold-{fold}"


def held_out_pictures(
    labelled: LabelledSet, settings: CrossvalSettings, fold: int
) -> list[LabelledPicture]:
    """Pictures of a fold (from 1), in the order of the set."""
    assigned = assign_folds(labelled.pictures, settings.folds, settings.seed)
    pairs = zip(labelled.pictures, assigned, strict=True)
    return [picture for picture, where in pairs if where == fold - 1]


def run_crossval(
    labelled: LabelledSet,
    settings: CrossvalSettings,
    output: Path,
    progress: Progress | None = None,
    *,
    worker: Sequence[str] = WORKER,
) -> None:
    """Train and evaluate every family on every fold.

    Started again with the same settings it repeats no finished fold, and goes
    on with an unfinished training from its newest checkpoint.

    Parameters
    ----------
    labelled : LabelledSet
    settings : CrossvalSettings
    output : Path
        Folder of the results.
    progress : callable, optional
        Called with the training steps done and in all.
    worker : sequence of str
        Command of a fold's process; takes the fold's folder.

    Raises
    ------
    ConfigError
        The input does not suit the galaxies' sizes, or the folder holds a
        cross-validation with other settings.
    GalaxyEdgeError
        The pictures do not fill the folds, or a fold's process failed.
    """
    assigned = assign_folds(labelled.pictures, settings.folds, settings.seed)
    coarse = large_galaxies(labelled.pictures, settings.input_size_px)
    if not coarse and settings.input_size_px % FINE_CELL_PX:
        raise ConfigError(
            f"--input-size {settings.input_size_px}: these galaxies are small and need the fine "
            f"anchors, whose input is a multiple of {FINE_CELL_PX} px"
        )
    output.mkdir(parents=True, exist_ok=True)
    claim_folder(output, asdict(settings), "cross-validation")
    total = settings.folds * len(settings.families) * settings.steps

    def report(done: int) -> None:
        if progress is not None:
            progress(done, total)

    done = 0
    report(done)
    for fold in range(1, settings.folds + 1):
        training = [
            picture
            for picture, where in zip(labelled.pictures, assigned, strict=True)
            if where != fold - 1
        ]
        held_out = tuple(HeldOut.of(p) for p in held_out_pictures(labelled, settings, fold))
        records = output / RECORDS_NAME / f"fold-{fold}"
        for family in settings.families:
            folder = fold_folder(output, family, fold)
            if not (folder / RESULT_NAME).exists():
                _write_records(training, labelled.labels, records, settings)
                folder.mkdir(parents=True, exist_ok=True)
                FoldJob(
                    family=family,
                    fold=fold,
                    records=str(records.resolve() / "*.tfrecord"),
                    training_pictures=len(training),
                    held_out=held_out,
                    steps=settings.steps,
                    batch=settings.batch,
                    input_size_px=settings.input_size_px,
                    seed=settings.seed + fold - 1,
                    coarse=coarse,
                    init_checkpoint=settings.init_checkpoints.get(family, ""),
                    init_modules=settings.init_modules,
                ).write(folder)
                log.info("%s, fold %d of %d", family, fold, settings.folds)
                run_worker(
                    [*worker, str(folder)],
                    folder,
                    lambda step, base=done: report(base + step),
                    environment={"TF_CPP_MIN_LOG_LEVEL": "2"},
                )
                if not (folder / RESULT_NAME).exists():
                    raise GalaxyEdgeError(
                        f"{folder}: the fold ended without a result; see {LOG_NAME} there"
                    )
            done += settings.steps
            report(done)
        shutil.rmtree(records, ignore_errors=True)
    shutil.rmtree(output / RECORDS_NAME, ignore_errors=True)


def large_galaxies(pictures: Sequence[LabelledPicture], input_size_px: int) -> bool:
    """Whether nearly all galaxies that count are large enough for coarse anchors.

    The side is the root of the box's area, at the size of the detector's input.
    """
    sides = [
        (box.width_px * box.height_px) ** 0.5
        * input_size_px
        / max(picture.width_px, picture.height_px)
        for picture in pictures
        for box in picture.boxes
        if not (box.difficult or box.crowd)
    ]
    return bool(np.percentile(sides, _COARSE_QUANTILE) >= COARSE_SMALLEST_PX)


def _write_records(
    pictures: Sequence[LabelledPicture],
    labels: Sequence[str],
    folder: Path,
    settings: CrossvalSettings,
) -> None:
    if folder.exists():
        return
    with new_folder(folder) as partial:
        write_training_records(pictures, labels, partial, settings.input_size_px)
