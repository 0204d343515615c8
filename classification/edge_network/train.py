"""Training of the morphology classifier.

Run as ``python -m classification.edge_network.train --data DIR --output DIR``. The output
folder holds ``best.keras``, ``log.csv``, ``training.json`` and what a broken-off
run needs to go on: run the same command again.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from annotations.empty_frames import empty_frame_split
from annotations.galaxy_zoo import GalaxyTable, read_labels
from classification.edge_network.averaging import WeightAverage
from classification.edge_network.data import (
    SOURCES,
    BatchPlan,
    CropBatches,
    GalaxyCache,
    batches_per_epoch,
    cache_galaxies,
)
from classification.edge_network.distillation import mix_teacher, teachers_opinion
from classification.edge_network.evaluation import evaluate, keras_predictor
from classification.edge_network.mined_crops import MinedCrops
from classification.edge_network.negatives import read_empty_frames
from classification.edge_network.networks import NETWORKS, create_network
from classification.edge_network.training_run import (
    EPOCHS,
    INPUT_SIZE_PX,
    LEARNING_RATE,
    TEACHER_SHARE,
    TrainConfig,
    TrainingRun,
    TrainResult,
)
from classification.edge_network.validation import validation_set
from classification.losses import ClassLoss, GalaxyLoss, VoteLoss
from classification.precision import PRECISIONS, dtype_policy
from edge_runtime.errors import GalaxyEdgeError

_log = logging.getLogger(__name__)


def train_classifier(
    config: TrainConfig, at_epoch: Callable[[int], None] | None = None
) -> TrainResult:
    """Train a classifier, or go on with a run that was broken off.

    Parameters
    ----------
    config : TrainConfig
    at_epoch : callable, optional
        Called with the number of epochs done, after each.

    Returns
    -------
    TrainResult

    Raises
    ------
    GalaxyEdgeError
        If the data are missing or damaged, or the output folder holds a run with
        another configuration.
    """
    config.output.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(config.seed)
    table = read_labels(config.data / "galaxies" / "labels.csv")
    train_paths, validation_paths = empty_frame_split(config.data)
    frames = read_empty_frames(train_paths)
    validation = validation_set(table, read_empty_frames(validation_paths), config.input_size_px)
    galaxies = _training_galaxies(config, table)
    mined_negatives = MinedCrops.read(config.negatives, config.input_size_px)
    mined_galaxies = MinedCrops.read(config.positives, config.input_size_px)

    steps = batches_per_epoch(galaxies, config.plan)
    with dtype_policy(config.precision):
        model = create_network(config.model, config.input_size_px, config.options)
    if config.initial is not None:
        start = keras.models.load_model(config.initial, compile=False)
        model.set_weights(start.get_weights())
    model.compile(
        optimizer=keras.optimizers.AdamW(
            _schedule(config, steps),
            weight_decay=config.weight_decay,
            clipnorm=5.0,
        ),
        loss={
            "votes": VoteLoss(),
            "class5": ClassLoss(label_smoothing=config.label_smoothing),
            "galaxy": GalaxyLoss(),
        },
        loss_weights={
            "votes": config.vote_weight,
            "class5": config.class_weight,
            "galaxy": config.galaxy_weight,
        },
        jit_compile=False,
    )
    run = TrainingRun(config, table.data_hash)
    average = WeightAverage(config.average_momentum, every=min(10, steps))
    averaged = create_network(config.model, config.input_size_px, config.options)
    first = run.restore(model, average)
    _log.info(
        "%d pictures, %d parameters, epoch %d to %d",
        len(galaxies.pictures),
        model.count_params(),
        first,
        config.epochs,
    )
    for epoch in range(first, config.epochs):
        started = time.monotonic()
        batches = CropBatches(
            galaxies,
            frames,
            mined_negatives,
            mined_galaxies,
            config.plan,
            config.input_size_px,
            steps,
            (config.seed, epoch),
        )
        history = model.fit(batches, verbose=0, callbacks=[average])
        scores = None
        if epoch % config.evaluate_every == 0 or epoch >= config.epochs - 10:
            averaged.set_weights(average.weights())
            scores = evaluate(
                keras_predictor(averaged), validation.crops, validation.table, validation.veto
            )
            run.keep_best(averaged, scores, epoch)
        run.finish_epoch(model, average, scores, epoch, history.history, time.monotonic() - started)
        if at_epoch is not None:
            at_epoch(epoch + 1)
    return run.result()


def _training_galaxies(config: TrainConfig, table: GalaxyTable) -> GalaxyCache:
    rows = table.where("train", SOURCES)
    if config.labelled_only:
        rows = rows.rows(rows.has_class | rows.has_votes)
    if config.galaxy_limit is not None:
        rows = rows.rows(np.arange(len(rows)) < config.galaxy_limit)
    if not len(rows):
        raise GalaxyEdgeError(f"{table.directory}: no picture in the split 'train'")
    cache = cache_galaxies(
        rows, config.class_draw_weights, config.unlabelled_weight, config.input_size_px
    )
    if not config.teachers:
        return cache
    return mix_teacher(cache, teachers_opinion(config.teachers, rows), config.teacher_share)


def _schedule(config: TrainConfig, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    warmup = min(2, max(1, config.epochs // 20)) * steps
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 20,
        warmup_target=config.learning_rate,
        warmup_steps=warmup,
        decay_steps=max(1, config.epochs * steps - warmup),
        alpha=0.01,
    )


def _options(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GalaxyEdgeError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(found, dict):
        raise GalaxyEdgeError(f"{path}: expected an object of options, got {found!r:.100}")
    return found


def arguments(argv: Sequence[str] | None) -> TrainConfig:
    """Configuration of a command line."""
    parser = argparse.ArgumentParser(
        prog="python -m classification.edge_network.train",
        description="Train the morphology classifier.",
        epilog="Example: python -m classification.edge_network.train "
        "--data ../shared/data --output work/run1",
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with galaxies/ and frames/"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("--model", choices=NETWORKS, default="compact")
    parser.add_argument(
        "--options", type=Path, help=".json with options of the model, for example its blocks"
    )
    parser.add_argument("--input-size", type=int, default=INPUT_SIZE_PX, help="px")
    parser.add_argument("--precision", choices=PRECISIONS[1:], default="float32")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    parser.add_argument(
        "--negatives", type=Path, nargs="*", default=[], help=".npz with crops of false detections"
    )
    parser.add_argument(
        "--positives", type=Path, nargs="*", default=[], help=".npz with crops of true detections"
    )
    parser.add_argument(
        "--teachers", type=Path, nargs="*", default=[], help=".keras models that label the rest"
    )
    parser.add_argument("--teacher-share", type=float, default=TEACHER_SHARE)
    parser.add_argument(
        "--mined-share",
        type=float,
        default=BatchPlan().mined,
        help="of the negatives, from archives",
    )
    parser.add_argument("--galaxies", type=int, default=BatchPlan().galaxies, help="in a batch")
    parser.add_argument("--empty", type=int, default=BatchPlan().negatives, help="in a batch")
    parser.add_argument(
        "--telescope-share",
        type=float,
        default=BatchPlan().telescope,
        help="of the galaxies, in the telescope look",
    )
    parser.add_argument(
        "--rescaled-share",
        type=float,
        default=BatchPlan().rescaled,
        help="of the other galaxies, zoomed as far as those",
    )
    parser.add_argument(
        "--augmentation",
        type=float,
        default=BatchPlan().strength,
        help="strength: 0 only turns pictures, 1 is as usual",
    )
    parser.add_argument(
        "--labelled-only", action="store_true", help="leave out galaxies with no label at all"
    )
    parser.add_argument("--initial", type=Path, help=".keras model to start from")
    parser.add_argument("--keep", choices=("best", "last"), default="best", help="which epoch")
    given = parser.parse_args(argv)
    return TrainConfig(
        data=given.data,
        output=given.output,
        model=given.model,
        options=_options(given.options),
        input_size_px=given.input_size,
        precision=given.precision,
        epochs=given.epochs,
        seed=given.seed,
        learning_rate=given.learning_rate,
        negatives=tuple(given.negatives),
        positives=tuple(given.positives),
        teachers=tuple(given.teachers),
        teacher_share=given.teacher_share,
        initial=given.initial,
        keep=given.keep,
        labelled_only=given.labelled_only,
        plan=BatchPlan(
            galaxies=given.galaxies,
            negatives=given.empty,
            telescope=given.telescope_share,
            rescaled=given.rescaled_share,
            mined=given.mined_share,
            strength=given.augmentation,
        ),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Command line; see the module's help."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    result = train_classifier(arguments(argv))
    _log.info("best epoch %d: %s", result.epoch, result.scores)


if __name__ == "__main__":
    main()
