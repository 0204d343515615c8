"""Rows of the edge's own network: as the bundle ships it, and trained here."""

from __future__ import annotations

import csv
import json
import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras

from annotations.galaxies.dataset import CLASS5, GalaxySet
from annotations.galaxy_zoo import read_labels
from classification.edge_classifiers import BundleClassifier, EdgeNetworkClassifier
from classification.edge_network.training_run import EPOCHS
from classification.elliptical import with_elliptical
from classification.latency import measure
from classification.reproduction.network_row import same_answers
from classification.reproduction.plans import RowPlan
from classification.reproduction.results import Figures, TrainedPart
from classification.reproduction.settings import SOURCES, RowSettings, labels_path
from classification.scoring import score
from classification.tflite_operations import constant_count
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.errors import GalaxyEdgeError

_log = logging.getLogger(__name__)

_PROBE_EPOCHS = 1


def bundle_part(galaxies: GalaxySet) -> TrainedPart:
    """The shipped bundle's classifier, scored as it is."""
    bundle = load_bundle()
    test = galaxies.where("test", ("kaggle", "gz2"))
    figures = Figures.of(score(with_elliptical(BundleClassifier().predict(test)), test))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "classifier.tflite"
        path.write_bytes(bundle.read(bundle.manifest.classifier.file))
        latency = measure(path)
        parameters = constant_count(path)
    return TrainedPart(
        target="votes and class5",
        recipe="scripts/retrain-default",
        parameters=parameters,
        figures=figures,
        int8_figures=figures,
        precision="int8",
        size_bytes=latency.size_bytes,
        multiply_adds=latency.multiply_adds,
        latency_ms=latency.median_ms,
        latency_p95_ms=latency.p95_ms,
        notes=f"bundle {bundle.name} {bundle.version}, {bundle.sha256[:12]}; "
        "parameters after batch normalisation was folded into the convolutions",
    )


def edge_part(plan: RowPlan, galaxies: GalaxySet, settings: RowSettings) -> TrainedPart:
    """The edge's network, trained by its recipe and exported."""
    folder = settings.folder / "training"
    whole = epochs = EPOCHS
    if settings.training_s is not None:
        epochs = _affordable_epochs(settings, plan)
    started = time.monotonic()
    _run(
        "classification.edge_network.train", "--data", settings.data, "--output", folder,
        "--epochs", epochs, "--seed", settings.seed, *plan.options,
    )  # fmt: skip
    _log.info("trained %d epochs in %.0f s", epochs, time.monotonic() - started)
    path = settings.folder / "classifier.tflite"
    _run(
        "classification.edge_network.export", "--model", folder / "best.keras",
        "--data", settings.data, "--output", path, "--seed", settings.seed,
    )  # fmt: skip
    test = galaxies.where("test", ("kaggle", "gz2"))
    kept_model = folder / "best.keras"
    exact = EdgeNetworkClassifier(kept_model).predict(test)
    answered = EdgeNetworkClassifier(path).predict(test)
    latency = measure(path)
    kept = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    return TrainedPart(
        target="votes and class5",
        recipe="classification.edge_network.train",
        parameters=keras.models.load_model(kept_model, compile=False).count_params(),
        epochs=int(kept["epochs_done"]),
        training_pictures=len(read_labels(labels_path(settings.data)).where("train", SOURCES)),
        training_s=_logged_seconds(folder),
        figures=Figures.of(score(with_elliptical(answered), test)),
        int8_figures=Figures.of(score(with_elliptical(answered), test)),
        precision="int8",
        size_bytes=latency.size_bytes,
        multiply_adds=latency.multiply_adds,
        latency_ms=latency.median_ms,
        latency_p95_ms=latency.p95_ms,
        same_answer=same_answers(exact, answered, CLASS5),
        shortened=(f"{epochs} of {whole} epochs",) if epochs < whole else (),
    )


def _affordable_epochs(settings: RowSettings, plan: RowPlan) -> int:
    """Epochs that fit the time: the cosine schedule must know them beforehand."""
    assert settings.training_s is not None
    probe = settings.folder / "probe"
    started = time.monotonic()
    _run(
        "classification.edge_network.train", "--data", settings.data, "--output", probe,
        "--epochs", _PROBE_EPOCHS, "--seed", settings.seed, *plan.options,
    )  # fmt: skip
    used = time.monotonic() - started
    per_epoch = _last_epoch_seconds(probe)
    preparing = max(0.0, used - _logged_seconds(probe))
    left = settings.training_s - used - preparing
    return max(1, min(EPOCHS, int(left / per_epoch)))


def _epoch_seconds(folder: Path) -> list[float]:
    with (folder / "log.csv").open(newline="", encoding="utf-8") as stream:
        return [float(row["seconds"]) for row in csv.DictReader(stream)]


def _logged_seconds(folder: Path) -> float:
    return sum(_epoch_seconds(folder))


def _last_epoch_seconds(folder: Path) -> float:
    return _epoch_seconds(folder)[-1]


def _run(module: str, *arguments: object) -> None:
    command = [sys.executable, "-m", module, *(str(argument) for argument in arguments)]
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise GalaxyEdgeError(f"{' '.join(command[1:])}: ended with code {done.returncode}")
