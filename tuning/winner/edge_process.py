"""Process of one training with the bundle's outputs.

Run by its parent as ``python -m tuning.winner.edge_process FOLDER``: trains what
``job.json`` in the folder says, exports it, asks it about the validation
galaxies and writes, last, ``result.json``. Started again it goes on from the
last epoch.
"""

from __future__ import annotations

import csv
import json
import logging
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotations.worker_process import end_with_parent, tell_step
from edge_runtime.errors import GalaxyEdgeError
from tuning.record import RESULT_NAME
from tuning.trials.exported import CLASSIFIER_FILE, PREDICTIONS_FILE
from tuning.trials.json_record import read_record, write_record
from tuning.trials.result import FLOAT_PREFIX, TrialResult
from tuning.winner.candidates import EdgeCandidate, Training

if TYPE_CHECKING:
    from classification.edge_network.evaluation import Scores

JOB_NAME = "job.json"
TRAINING_NAME = "training"

_METRICS = ("accuracy", "macro_f1", "rmse", "galaxy_auc", "galaxy_recall")


@dataclass(frozen=True, slots=True)
class EdgeJob:
    """One training.

    Attributes
    ----------
    candidate : EdgeCandidate
    training : Training
    seed : int
    threads : int
        Of one call of the exported file, when it is timed.
    latency_command : str or None
        Times it on another device.
    """

    candidate: EdgeCandidate
    training: Training
    seed: int
    threads: int = 1
    latency_command: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        record: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return record

    @classmethod
    def read(cls, path: Path) -> EdgeJob:
        """Of what ``as_dict`` gave.

        Raises
        ------
        GalaxyEdgeError
            The file is missing, or no job.
        """
        record = read_record(path, "a training")
        try:
            given = dict(record["training"])
            for name in ("teachers", "negatives", "positives"):
                given[name] = tuple(Path(one) for one in given[name])
            training = Training(**{**given, "data": Path(given["data"])})
            candidate = EdgeCandidate(**record["candidate"])
            return cls(**{**record, "candidate": candidate, "training": training})
        except (KeyError, TypeError) as error:
            raise GalaxyEdgeError(f"{path}: is no training ({error!r})") from error


def run_job(folder: Path) -> TrialResult:
    """Train, export, score and measure the job in a folder."""
    from classification.edge_classifiers import EdgeNetworkClassifier
    from classification.edge_network.export import export_scored
    from classification.edge_network.train import train_classifier
    from classification.edge_network.training_run import TrainConfig
    from classification.keras_files import read_keras
    from tuning.trials.costs import measure_costs
    from tuning.trials.galaxies import read_parts

    job = EdgeJob.read(folder / JOB_NAME)
    candidate, training = job.candidate, job.training
    trained = train_classifier(
        TrainConfig(
            data=training.data,
            output=folder / TRAINING_NAME,
            model=candidate.model,
            options=candidate.options,
            input_size_px=candidate.input_size_px,
            learning_rate=candidate.learning_rate,
            epochs=training.epochs,
            seed=job.seed,
            teachers=training.teachers,
            negatives=training.negatives,
            positives=training.positives,
            labelled_only=training.labelled_only,
            plan=batch_plan(candidate.augmentation),
        ),
        tell_step,
    )
    exported = folder / CLASSIFIER_FILE
    scores = export_scored(trained.model_path, training.data, exported, seed=job.seed)
    validation = read_parts(training.data / "galaxies" / "labels.csv").where("val")
    EdgeNetworkClassifier(exported).predict(validation).save(folder / PREDICTIONS_FILE)
    costs = measure_costs(exported, threads=job.threads, latency_command=job.latency_command)
    rows = epoch_rows(folder / TRAINING_NAME / "log.csv")
    return TrialResult(
        metrics={**_figures(scores["int8"]), **_figures(scores["float"], FLOAT_PREFIX)},
        latency_ms=costs.latency_ms,
        size_kb=costs.size_kb,
        peak_memory_mb=costs.peak_memory_mb,
        parameters=int(read_keras(trained.model_path).count_params()),
        training_s=sum(row["seconds"] for row in rows),
        curve=rows,
    )


def batch_plan(augmentation: float) -> Any:
    """Make-up of a batch with augmentation of a strength."""
    from classification.edge_network.data import BatchPlan

    return BatchPlan(strength=augmentation)


def epoch_rows(path: Path) -> tuple[Mapping[str, float], ...]:
    """Rows of a training's log, finite numbers only."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [
            {name: float(text) for name, text in row.items() if text}
            for row in csv.DictReader(stream)
        ]
    return tuple({n: value for n, value in row.items() if math.isfinite(value)} for row in rows)


def _figures(scores: Scores, prefix: str = "") -> dict[str, float]:
    values = {name: float(getattr(scores, name)) for name in _METRICS}
    return {prefix + name: value for name, value in values.items() if math.isfinite(value)}


def main() -> None:
    """Command line, for the parent process only."""
    end_with_parent()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout
    )
    folder = Path(sys.argv[1])
    try:
        write_record(folder / RESULT_NAME, run_job(folder).as_dict())
    except GalaxyEdgeError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
