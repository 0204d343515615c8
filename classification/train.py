"""Training of the morphology classifier.

Run as ``python -m classification.train --data DIR --output DIR``. The output
folder holds ``best.keras``, ``log.csv``, ``training.json`` and what a broken-off
run needs to go on: run the same command again.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from annotations.empty_frames import empty_frame_split
from annotations.galaxy_zoo import GalaxyTable, read_crops, read_labels
from classification.averaging import WeightAverage
from classification.data import (
    BatchPlan,
    CropBatches,
    GalaxyCache,
    batches_per_epoch,
    cache_galaxies,
    degraded_galaxies,
    empty_crops,
    read_crop_archive,
)
from classification.distillation import mix_teacher, teacher_targets
from classification.evaluation import Logits, Predict, Scores, VetoSet, evaluate
from classification.losses import ClassLoss, GalaxyLoss, VoteLoss
from classification.models import create_model
from classification.negatives import EmptyFrame, read_empty_frames
from classification.provenance import code_version
from edge_runtime.errors import GalaxyEdgeError

_log = logging.getLogger(__name__)

LOSSES = ("", "votes_", "class5_", "galaxy_")
SCORE_COLUMNS = (
    "accuracy",
    "macro_f1",
    "rmse",
    "galaxy_auc",
    "galaxy_recall",
    "selection",
)
SOURCES = ("kaggle", "kaggle_extra", "gz2")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How to train.

    Attributes
    ----------
    data : Path
        Folder with ``galaxies/labels.csv`` and ``frames/no_galaxy``.
    output : Path
        Folder for the results.
    epochs, seed : int
    model : str
        Name of the architecture.
    input_size_px : int
        Side of the crop.
    learning_rate, weight_decay : float
        Peak of the cosine schedule, and decoupled decay.
    average_momentum : float
        Of the averaged weights that are evaluated and kept, see ``WeightAverage``.
    evaluate_every : int
        Epochs between evaluations; the last ten are all evaluated.
    class_draw_weights : tuple of float, length 5
        How often pictures of each class are drawn.
    unlabelled_weight : float
        How often pictures without labels are drawn.
    vote_weight, class_weight, galaxy_weight : float
        Weights of the three losses.
    label_smoothing : float
        Of the classes.
    negatives, positives : tuple of Path
        ``.npz`` archives of the detector's false and true detections.
    teachers : tuple of Path
        Trained models whose mean prediction fills in unknown labels.
    teacher_share : float
        Part of a known label that is replaced by the teachers' opinion.
    plan : BatchPlan
        Make-up of a batch.
    galaxy_limit : int or None
        Use only so many training pictures (for tests).
    """

    data: Path
    output: Path
    epochs: int = 60
    seed: int = 0
    model: str = "compact"
    input_size_px: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    average_momentum: float = 0.98
    evaluate_every: int = 3
    class_draw_weights: tuple[float, ...] = (1.0, 1.0, 5.0, 1.5, 1.0)
    unlabelled_weight: float = 0.3
    vote_weight: float = 1.0
    class_weight: float = 0.4
    galaxy_weight: float = 0.4
    label_smoothing: float = 0.05
    negatives: tuple[Path, ...] = ()
    positives: tuple[Path, ...] = ()
    teachers: tuple[Path, ...] = ()
    teacher_share: float = 0.3
    plan: BatchPlan = field(default_factory=BatchPlan)
    galaxy_limit: int | None = None


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What training left behind.

    Attributes
    ----------
    model_path : Path
        The best averaged weights, as ``.keras``.
    scores : Scores
        Of that model on the validation split.
    epoch : int
        Epoch it comes from, from 0.
    data_hash, code_version : str
        SHA-256 of the label file and commit of the code.
    """

    model_path: Path
    scores: Scores
    epoch: int
    data_hash: str
    code_version: str


def keras_predictor(model: keras.Model, batch_size: int = 256) -> Predict:
    """A ``Predict`` that runs a Keras model."""

    def predict(crops: NDArray[np.float32]) -> Logits:
        parts = [
            model(crops[i : i + batch_size], training=False)
            for i in range(0, len(crops), batch_size)
        ]
        return {
            name: np.concatenate([keras.ops.convert_to_numpy(part[name]) for part in parts])
            for name in parts[0]
        }

    return predict


@dataclass(frozen=True, slots=True)
class _Validation:
    crops: NDArray[np.uint8]
    table: GalaxyTable
    veto: VetoSet


def validation_set(table: GalaxyTable, frames: Sequence[EmptyFrame], size_px: int) -> _Validation:
    """Crops and labels of the validation split, and a fixed set for the veto."""
    rows = table.where("val", SOURCES)
    rows = rows.rows(rows.has_class | rows.has_votes)
    if not len(rows):
        raise GalaxyEdgeError(f"{table.directory}: no labelled picture in the split 'val'")
    cache = cache_galaxies(rows, (1.0,) * 5, 1.0)
    veto = VetoSet(
        degraded_galaxies(cache.pictures[::2], size_px, frames, seed=1),
        empty_crops(frames, size_px, per_frame=8, seed=2),
    )
    return _Validation(read_crops(rows, size_px), rows, veto)


def train_classifier(config: TrainConfig) -> TrainResult:
    """Train a classifier, or go on with a run that was broken off.

    Parameters
    ----------
    config : TrainConfig

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
    mined_negatives = _archives(config.negatives, config.input_size_px)
    mined_galaxies = _archives(config.positives, config.input_size_px)

    steps = batches_per_epoch(galaxies, config.plan)
    model = create_model(config.model, input_size_px=config.input_size_px)
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
    run = _Run(config, table.data_hash)
    average = WeightAverage(config.average_momentum, every=min(10, steps))
    averaged = create_model(config.model, input_size_px=config.input_size_px)
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
    return run.result()


def _training_galaxies(config: TrainConfig, table: GalaxyTable) -> GalaxyCache:
    rows = table.where("train", SOURCES)
    if config.galaxy_limit is not None:
        rows = rows.rows(np.arange(len(rows)) < config.galaxy_limit)
    if not len(rows):
        raise GalaxyEdgeError(f"{table.directory}: no picture in the split 'train'")
    cache = cache_galaxies(rows, config.class_draw_weights, config.unlabelled_weight)
    if not config.teachers:
        return cache
    predictors = [
        keras_predictor(keras.models.load_model(path, compile=False)) for path in config.teachers
    ]
    return mix_teacher(
        cache, teacher_targets(predictors, rows, config.input_size_px), config.teacher_share
    )


def _archives(paths: Sequence[Path], size_px: int) -> NDArray[np.uint8]:
    empty = np.empty((0, size_px, size_px, 3), np.uint8)
    return np.concatenate([empty, *(read_crop_archive(path, size_px) for path in paths)])


def _schedule(config: TrainConfig, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    warmup = min(2, config.epochs) * steps
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 20,
        warmup_target=config.learning_rate,
        warmup_steps=warmup,
        decay_steps=max(1, config.epochs * steps - warmup),
        alpha=0.01,
    )


class _Run:
    """The files of one training run."""

    def __init__(self, config: TrainConfig, data_hash: str) -> None:
        self._config = config
        self._record = {
            "config": json.loads(json.dumps(asdict(config), default=str)),
            "data_hash": data_hash,
            "code_version": code_version(),
        }
        self._best: dict[str, object] = {}
        self._best_scores: Scores | None = None
        self._weights = config.output / "last.weights.h5"
        self._average = config.output / "average.npz"
        self._state = config.output / "training.json"
        self._log = config.output / "log.csv"
        self.model_path = config.output / "best.keras"

    def restore(self, model: keras.Model, average: WeightAverage) -> int:
        """Load the last epoch of a broken-off run; returns the epoch to start with."""
        if not self._state.exists() or not self._weights.exists():
            return 0
        state = json.loads(self._state.read_text())
        for key in ("config", "data_hash"):
            if state[key] != self._record[key]:
                raise GalaxyEdgeError(
                    f"{self._state}: the run here has another {key}; use another output folder"
                )
        model.optimizer.build(model.trainable_variables)
        model.load_weights(self._weights)
        average.load(self._average)
        self._best = state["best"]
        self._best_scores = Scores(**state["best"]["scores"])
        return int(state["epochs_done"])

    def keep_best(self, model: keras.Model, scores: Scores, epoch: int) -> None:
        """Save the model if it is the best so far."""
        best = -math.inf if self._best_scores is None else self._best_scores.selection
        if scores.selection <= best:
            return
        model.save(self.model_path)
        self._best_scores = scores
        self._best = {"epoch": epoch, "scores": scores.as_dict()}

    def finish_epoch(
        self,
        model: keras.Model,
        average: WeightAverage,
        scores: Scores | None,
        epoch: int,
        history: dict[str, list[float]],
        seconds: float,
    ) -> None:
        """Write the log line and all that is needed to go on from here."""
        row: dict[str, object] = {
            "epoch": epoch,
            "seconds": round(seconds, 1),
            **{f"{name}loss": round(history[f"{name}loss"][-1], 5) for name in LOSSES},
            **dict.fromkeys(SCORE_COLUMNS, ""),
        }
        if scores is not None:
            row.update({name: round(getattr(scores, name), 5) for name in SCORE_COLUMNS})
        with self._log.open("a" if epoch else "w", newline="") as stream:
            writer = csv.DictWriter(stream, row)
            if not epoch:
                writer.writeheader()
            writer.writerow(row)
        _log.info(", ".join(f"{k} {v}" for k, v in row.items() if v != ""))
        model.save_weights(self._weights)
        average.save(self._average)
        state = {**self._record, "epochs_done": epoch + 1, "best": self._best}
        partial = self._state.with_suffix(".partial")
        partial.write_text(json.dumps(state, indent=1))
        partial.replace(self._state)

    def result(self) -> TrainResult:
        """The best model so far."""
        if self._best_scores is None:
            raise GalaxyEdgeError(f"{self._config.output}: no epoch was trained")
        return TrainResult(
            model_path=self.model_path,
            scores=self._best_scores,
            epoch=int(str(self._best["epoch"])),
            data_hash=str(self._record["data_hash"]),
            code_version=str(self._record["code_version"]),
        )


def _arguments(argv: Sequence[str] | None) -> TrainConfig:
    parser = argparse.ArgumentParser(
        prog="python -m classification.train",
        description="Train the morphology classifier.",
        epilog="Example: python -m classification.train --data ../shared/data --output work/run1",
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with galaxies/ and frames/"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument(
        "--negatives", type=Path, nargs="*", default=[], help=".npz with crops of false detections"
    )
    parser.add_argument(
        "--positives", type=Path, nargs="*", default=[], help=".npz with crops of true detections"
    )
    parser.add_argument(
        "--teachers", type=Path, nargs="*", default=[], help=".keras models that label the rest"
    )
    parser.add_argument("--teacher-share", type=float, default=0.3)
    given = parser.parse_args(argv)
    return TrainConfig(
        data=given.data,
        output=given.output,
        epochs=given.epochs,
        seed=given.seed,
        learning_rate=given.learning_rate,
        negatives=tuple(given.negatives),
        positives=tuple(given.positives),
        teachers=tuple(given.teachers),
        teacher_share=given.teacher_share,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Command line; see the module's help."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    result = train_classifier(_arguments(argv))
    _log.info("best epoch %d: %s", result.epoch, result.scores)


if __name__ == "__main__":
    main()
