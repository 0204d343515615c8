"""A trial of the space ``detector``: a short training on composites, scored as the edge looks.

The scores are those of the whole chain with the shipped classifier's veto, on
the validation frames: real telescope frames with galaxies, and without.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotations.empty_frames import empty_frame_split
from detection.bundle_building import DetectorUse, geometry_manifest, write_description
from detection.evaluation.collection import collect, empty_pictures
from detection.evaluation.curves import threshold_for_rate
from detection.export import VARIANTS, Export, write_model
from detection.quantising import provenance
from detection.representative import representative_views
from detection.train import train_detector
from detection.trained_detector import load_detector
from detection.training_progress import LogProgress, Progress
from detection.variants import bundle_of
from edge_runtime.errors import ConfigError, GalaxyEdgeError
from edge_runtime.evaluation.coco import AnnotatedPicture, read_coco
from edge_runtime.evaluation.matching import average_precision, recall
from tuning.trials.costs import measure_costs
from tuning.trials.result import FLOAT_PREFIX, TrialResult
from tuning.trials.spec import TrialSpec
from tuning.trials.values import Values

if TYPE_CHECKING:
    from official.core import config_definitions as cfg

DETECTOR_FILE = "detector.tflite"
TRAINING_FOLDER = "training"
FALSE_POSITIVES_PER_EMPTY_FRAME = 0.15
"""At which recalls are compared: thresholds mean something else for every training."""

BATCH = 8
_RATIOS = 3  # shapes of anchors of one size
_LEAST_SCORE = 0.05  # the scores of short trainings are low
_REPRESENTATIVE = 120


def run_detector_trial(spec: TrialSpec) -> TrialResult:
    """Train, export, score and measure one detector.

    Writes ``detector.tflite``, what ``galaxy-edge bundle build`` must know of it
    (``detector.json``), and the folder ``training`` into the trial's folder.

    Parameters
    ----------
    spec : TrialSpec
        Of the space ``detector``; ``data`` is the folder that holds
        ``galaxies`` and ``frames``, ``epochs`` are steps, ``limit`` the
        galaxies that composites are made of.

    Raises
    ------
    GalaxyEdgeError
        A value is missing or wrong, the data lack a part, or the loss is no
        number.
    """
    values = Values.of(spec)
    adjust = knobs(values, spec.limit)
    use = DetectorUse(score_threshold=_LEAST_SCORE, overlap=values.get("tile_overlap", float))
    pictures = validation_pictures(spec.data)
    folder = spec.output / TRAINING_FOLDER
    watch = Watch(spec.initial_epoch)
    started = time.monotonic()
    train_detector(
        spec.data,
        folder,
        name=values.get("family", str),
        steps=spec.epochs - spec.initial_epoch,
        batch=BATCH,
        seed=spec.seed + spec.initial_epoch,
        checkpoint_steps=spec.epochs,
        report=watch,
        input_size=values.get("input_size_px", int),
        init_checkpoint="" if spec.initial is None else str(spec.initial / TRAINING_FOLDER),
        adjust=adjust,
    )
    training_s = time.monotonic() - started
    detector = load_detector(folder)
    views = representative_views(
        spec.data, detector.geometry.input_size_px, _REPRESENTATIVE, spec.seed
    )
    export = Export(detector, views.pictures)
    path = write_model(spec.output / DETECTOR_FILE, VARIANTS["int8"](export))
    manifest = geometry_manifest(detector.geometry, use=use)
    write_description(path, manifest, provenance(folder, views, spec.seed, "galaxy-edge tune"))
    found = chain_metrics(path.read_bytes(), manifest, pictures)
    exact = chain_metrics(VARIANTS["float32"](export), manifest, pictures)
    costs = measure_costs(path, threads=spec.threads, latency_command=spec.latency_command)
    return TrialResult(
        metrics={**found, **{FLOAT_PREFIX + name: value for name, value in exact.items()}},
        latency_ms=costs.latency_ms,
        size_kb=costs.size_kb,
        peak_memory_mb=costs.peak_memory_mb,
        parameters=int(detector.network.count_params()),
        training_s=training_s,
        curve=tuple(watch.rows),
    )


def knobs(values: Values, limit: int | None = None) -> Callable[[cfg.ExperimentConfig], None]:
    """Puts a trial's pyramid, heads, anchors and number of galaxies into an experiment.

    Raises
    ------
    ConfigError
        A value is missing or out of its range.
    """
    width, depth = values.get("fpn_width", int), values.get("head_depth", int)
    anchors = values.get("anchors", int)
    if width < 8 or width % 8:
        raise ConfigError(f"fpn_width is a multiple of 8, not {width}")
    if depth < 1:
        raise ConfigError(f"head_depth is at least 1, not {depth}")
    if anchors < _RATIOS or anchors % _RATIOS:
        raise ConfigError(f"anchors is a multiple of {_RATIOS}, as many as there are shapes")

    def adjust(config: cfg.ExperimentConfig) -> None:
        model = config.task.model
        pyramid = getattr(model.decoder, model.decoder.type)
        pyramid.num_filters = model.head.num_filters = width
        model.head.num_convs = depth
        model.anchor.num_scales = anchors // _RATIOS
        config.task.train_data.most_galaxies = limit or 0
        config.trainer.max_to_keep = 1

    return adjust


class Watch:
    """Keeps the losses of a training, and ends one whose loss is no number.

    Parameters
    ----------
    initial_step : int
        Steps made before.
    """

    def __init__(self, initial_step: int = 0) -> None:
        self._initial_step = initial_step
        self._log = LogProgress()
        self.rows: list[dict[str, float]] = []

    def __call__(self, progress: Progress) -> None:
        """Take a report.

        Raises
        ------
        GalaxyEdgeError
            The loss is no number.
        """
        self._log(progress)
        if not math.isfinite(progress.loss):
            raise GalaxyEdgeError(f"the loss is {progress.loss} at step {progress.step}")
        step = float(self._initial_step + progress.step)
        self.rows.append({"step": step, "loss": progress.loss})


def validation_pictures(data: Path) -> list[AnnotatedPicture]:
    """Real telescope frames with galaxies and without, none of them trained on.

    Parameters
    ----------
    data : Path
        Folder that holds ``frames``.

    Raises
    ------
    GalaxyEdgeError
        There are no annotated frames, or none without a galaxy.
    """
    frames = data / "frames" / "telescope_galaxies"
    return [
        *read_coco(frames / "annotations.json", frames / "images"),
        *empty_pictures(empty_frame_split(data)[1]),
    ]


def chain_metrics(
    content: bytes, manifest: Mapping[str, Any], pictures: Sequence[AnnotatedPicture]
) -> dict[str, float]:
    """Scores of a detector together with the shipped classifier.

    Parameters
    ----------
    content : bytes
        TFLite file.
    manifest : mapping
        The ``detector`` part of ``bundle.json``.
    pictures : sequence of AnnotatedPicture
        With galaxies and without.

    Returns
    -------
    dict
        ``recall_iou30`` where 0.15 detections are left in an empty frame,
        ``ap50`` over all scores.

    Raises
    ------
    GalaxyEdgeError
        There is no frame with, or none without a galaxy.
    """
    if all(p.empty for p in pictures) or not any(p.empty for p in pictures):
        raise GalaxyEdgeError("a detector is scored on frames with galaxies and frames without")
    seen = collect(bundle_of(content, manifest), pictures)
    with_galaxies = seen.galaxy_frames()
    threshold = threshold_for_rate(seen.empty_frames(), FALSE_POSITIVES_PER_EMPTY_FRAME)
    return {
        "recall_iou30": recall([picture.above(threshold) for picture in with_galaxies], 0.3),
        "ap50": average_precision(with_galaxies, 0.5),
    }
