"""Train one family on one fold."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from detection.crossval.fold_job import FoldJob

if TYPE_CHECKING:
    from official.core import config_definitions as cfg

    from detection.training_progress import Progress

COARSE_LEVELS = (4, 5)
COARSE_SMALLEST_PX = 18.0  # least side (root of the area) that coarse anchors are for
_COARSE_RATIOS = (0.33, 0.6, 1.0, 1.67, 3.0)
_COARSE_SIZE = 1.75  # squares from 28 to 89 px
_SCALE_JITTER = (0.85, 1.18)
_CHECKPOINT_STEPS = 200


def train_fold(job: FoldJob, folder: Path, report: Callable[[Progress], None]) -> None:
    """Train, resuming from the newest checkpoint in the folder.

    Pictures are mirrored, turned by quarters and scaled. Where galaxies are
    large the anchors are those of two coarse levels, in more shapes: a quarter
    of the work, and closer to the boxes.
    """
    from detection.train import train_detector
    from detection.training_data import record_data

    train_detector(
        dataclasses.replace(record_data(job.records), turned=True),
        folder,
        name=job.family,
        steps=job.steps,
        batch=job.batch,
        seed=job.seed,
        checkpoint_steps=_CHECKPOINT_STEPS,
        report=report,
        input_size=job.input_size_px,
        init_checkpoint=job.init_checkpoint,
        init_modules=job.init_modules,
        adjust=coarse_anchors if job.coarse else scale_jitter,
    )


def scale_jitter(config: cfg.ExperimentConfig) -> None:
    """Scale pictures at random while training, and keep one checkpoint."""
    parser = config.task.train_data.parser
    parser.aug_scale_min, parser.aug_scale_max = _SCALE_JITTER
    config.trainer.max_to_keep = 1


def coarse_anchors(config: cfg.ExperimentConfig) -> None:
    """`scale_jitter`, and anchors for large galaxies."""
    scale_jitter(config)
    model = config.task.model
    model.min_level, model.max_level = COARSE_LEVELS
    model.anchor.aspect_ratios = list(_COARSE_RATIOS)
    model.anchor.anchor_size = _COARSE_SIZE
