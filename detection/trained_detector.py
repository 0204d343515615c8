"""A trained network with its geometry, from a training folder."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from detection import task
from detection.geometry import (
    INPUT_MEAN,
    INPUT_STD,
    PARAMS_NAME,
    DetectorGeometry,
    geometry_of,
    read_params,
    require_finished,
)
from detection.registry import experiment_of, family_names
from detection.training_record import read_record
from edge_runtime.errors import GalaxyEdgeError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedDetector:
    """A network with its weights and what belongs to it.

    Attributes
    ----------
    network : tf_keras.Model
        RetinaNet of the Model Garden.
    geometry : DetectorGeometry
    checkpoint : str
        Path of the checkpoint the weights come from.
    """

    network: tf_keras.Model
    geometry: DetectorGeometry
    checkpoint: str = ""


def load_detector(
    checkpoint_dir: Path,
    *,
    family: str | None = None,
    input_size_px: int | None = None,
    unfinished: bool = False,
) -> TrainedDetector:
    """The detector of the newest checkpoint in a training folder.

    Parameters
    ----------
    checkpoint_dir : Path
        As `detection.train` writes it.
    family : str, optional
        Registered experiment; left out, that of ``training.json``, or where there
        is none the first that ``params.yaml`` fits.
    input_size_px : int, optional
        Another input than it was trained with.
    unfinished : bool
        Accept the checkpoint of a run that has not come to its end.

    Raises
    ------
    GalaxyEdgeError
        The folder holds no finished training of a known detector, the
        checkpoint belongs to another network, or the size does not fit.
    """
    checkpoint_dir = Path(checkpoint_dir)
    params = read_params(checkpoint_dir)
    geometry = geometry_of(params, checkpoint_dir / PARAMS_NAME)
    geometry = geometry.at_size(input_size_px or geometry.input_size_px)
    checkpoint = tf.train.latest_checkpoint(str(checkpoint_dir))
    if checkpoint is None:
        raise GalaxyEdgeError(f"{checkpoint_dir}: no checkpoint found; train first")
    record = read_record(checkpoint_dir)
    if not unfinished:
        if record is not None and not record.is_finished:
            raise GalaxyEdgeError(
                f"{checkpoint_dir}: the training is unfinished (step {record.step} of "
                f"{record.steps}); start it again with the same folder, it goes on from there"
            )
        require_finished(params, checkpoint, checkpoint_dir)
    family = family or (record.family if record is not None else None)
    config = _task_config(params, checkpoint_dir / PARAMS_NAME, family)
    size = geometry.input_size_px
    config.model.input_size = [size, size, 3]
    config.init_checkpoint = None
    network = task.GalaxyDetection(config).build_model()
    network(tf.zeros([1, size, size, 3]), training=True)
    try:
        status = tf.train.Checkpoint(model=network).read(checkpoint)
        status.expect_partial().assert_existing_objects_matched()
    except (AssertionError, ValueError, IndexError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:300]
        raise GalaxyEdgeError(
            f"{checkpoint}: cannot be restored into the network of {PARAMS_NAME} beside it; the "
            f"file is damaged or of another architecture ({reason})"
        ) from error
    log.info("restored %s", checkpoint)
    return TrainedDetector(network, geometry, checkpoint)


def raw_outputs(detector: TrainedDetector, pictures: tf.Tensor) -> dict[str, tf.Tensor]:
    """``scores`` (B, A, 1) and ``boxes`` (B, A, 4) of normalised pictures (B, S, S, 3)."""
    network, anchors = detector.network, detector.geometry.anchors
    features = network.decoder(network.backbone(pictures, training=False), training=False)
    scores, boxes, _ = network.head(features, training=False)
    levels = [str(level) for level in range(anchors.min_level, anchors.max_level + 1)]
    count = pictures.shape[0]
    return {
        "scores": tf.concat([tf.reshape(scores[v], [count, -1, 1]) for v in levels], axis=1),
        "boxes": tf.concat([tf.reshape(boxes[v], [count, -1, 4]) for v in levels], axis=1),
    }


def normalised(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels 0..255 as the network was trained on them."""
    mean = np.array(INPUT_MEAN, dtype=np.float32)
    std = np.array(INPUT_STD, dtype=np.float32)
    return (picture.astype(np.float32) - mean) / std


def _task_config(params: dict[str, Any], where: Path, family: str | None) -> Any:
    """Configuration of the task, of the first family that knows all of its settings."""
    reasons = []
    for name in [family] if family else family_names():
        config = experiment_of(name).task
        try:
            config.model.override(params["task"]["model"], is_strict=True)
        except (KeyError, TypeError, ValueError) as error:
            reasons.append(f"{name}: {' '.join(str(error).split())[:160]}")
            continue
        return config
    raise GalaxyEdgeError(
        f"{where}: fits no family of detectors this version knows ({'; '.join(reasons)})"
    )
