"""One training run: its configuration, its files and its result."""

from __future__ import annotations

import csv
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras

from classification.edge_network.averaging import WeightAverage
from classification.edge_network.data import BatchPlan
from classification.edge_network.evaluation import Scores
from classification.provenance import code_version
from edge_runtime.errors import GalaxyEdgeError

_log = logging.getLogger(__name__)

EPOCHS = 24
"""Of a training that begins with ImageNet weights."""

INPUT_SIZE_PX = 96
LEARNING_RATE = 1e-3
TEACHER_SHARE = 0.5
CLASS_DRAW_WEIGHTS = (1.0, 1.0, 3.0, 1.3, 1.0)

LOSSES = ("", "votes_", "class5_", "galaxy_")
SCORE_COLUMNS = (
    "accuracy",
    "macro_f1",
    "rmse",
    "galaxy_auc",
    "galaxy_recall",
    "selection",
)


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
    options : mapping of str to value
        Of the architecture, see ``create_network``.
    input_size_px : int
        Side of the crop.
    precision : str
        Keras policy of the network in training; what is kept is float32.
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
    initial : Path or None
        Trained model to start from instead of random weights.
    keep : str
        ``best`` keeps the epoch that validates best, ``last`` the last one:
        for trainings so short that chance decides which validates best.
    plan : BatchPlan
        Make-up of a batch.
    labelled_only : bool
        Leave out galaxies with neither votes nor a class.
    galaxy_limit : int or None
        Use only so many training pictures (for tests).
    """

    data: Path
    output: Path
    epochs: int = EPOCHS
    seed: int = 0
    model: str = "compact"
    options: Mapping[str, Any] = field(default_factory=dict)
    input_size_px: int = INPUT_SIZE_PX
    precision: str = "float32"
    learning_rate: float = LEARNING_RATE
    weight_decay: float = 0.02
    average_momentum: float = 0.98
    evaluate_every: int = 3
    class_draw_weights: tuple[float, ...] = CLASS_DRAW_WEIGHTS
    unlabelled_weight: float = 0.3
    vote_weight: float = 1.0
    class_weight: float = 0.4
    galaxy_weight: float = 0.4
    label_smoothing: float = 0.05
    negatives: tuple[Path, ...] = ()
    positives: tuple[Path, ...] = ()
    teachers: tuple[Path, ...] = ()
    teacher_share: float = TEACHER_SHARE
    initial: Path | None = None
    keep: str = "best"
    plan: BatchPlan = field(default_factory=BatchPlan)
    labelled_only: bool = False
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


class TrainingRun:
    """The files of one training run."""

    def __init__(self, config: TrainConfig, data_hash: str) -> None:
        self._config = config
        self._record = {
            "config": _as_json(config),
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
        # settings that came after the run was begun had their usual values in it
        usual = _as_json(TrainConfig(self._config.data, self._config.output))
        state["config"] = _completed(state["config"], usual)
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
        """Save the model if it is the best so far, or where the last one is wanted."""
        best = -math.inf if self._best_scores is None else self._best_scores.selection
        if self._config.keep == "best" and scores.selection <= best:
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


def _as_json(config: TrainConfig) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
    return record


def _completed(found: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """A record with the usual values where it has none, within its parts too."""
    parts = {
        key: _completed(value, usual[key])
        if isinstance(value, dict) and isinstance(usual.get(key), dict)
        else value
        for key, value in found.items()
    }
    return {**usual, **parts}
