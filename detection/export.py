"""Export a trained detector to TensorFlow Lite, float and int8.

The graph ends in the raw outputs ``scores`` (1, A, 1), logits, and ``boxes``
(1, A, 4), offsets. Decoding and suppression stay outside: the edge compares
the int8 logits with its threshold first and decodes the few that pass, and it
has to merge boxes of several views anyway.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray
from official.core import exp_factory
from official.vision.ops import preprocess_ops

from annotations.training_sky import composite_generator
from detection import experiment, ssd_mobilenet, task  # noqa: F401  (registers the family)
from edge_runtime.errors import GalaxyEdgeError

log = logging.getLogger(__name__)

# The Model Garden normalises pixels 0..255 by these (ImageNet) numbers times 255.
INPUT_MEAN = tuple(255.0 * v for v in preprocess_ops.MEAN_NORM)
INPUT_STD = tuple(255.0 * v for v in preprocess_ops.STDDEV_NORM)


def load_model(checkpoint_dir: Path, name: str = "ssd_mobilenet") -> tf_keras.Model:
    """The network of the newest checkpoint in a training folder.

    Raises
    ------
    GalaxyEdgeError
        The folder holds no checkpoint.
    """
    params = exp_factory.get_exp_config(name)
    network = task.GalaxyDetection(params.task).build_model()
    checkpoint = tf.train.latest_checkpoint(str(checkpoint_dir))
    if checkpoint is None:
        raise GalaxyEdgeError(f"{checkpoint_dir}: no checkpoint found; train first")
    size = experiment.INPUT_SIZE_PX
    network(tf.zeros([1, size, size, 3]), training=True)
    status = tf.train.Checkpoint(model=network).read(checkpoint)
    status.expect_partial().assert_existing_objects_matched()
    log.info("restored %s", checkpoint)
    return network


def raw_function(network: tf_keras.Model) -> tf.types.experimental.ConcreteFunction:
    """Concrete function from one normalised picture to ``scores`` and ``boxes``."""
    size = experiment.INPUT_SIZE_PX

    @tf.function(input_signature=[tf.TensorSpec([1, size, size, 3], tf.float32, name="picture")])  # type: ignore[untyped-decorator]
    def call(picture: tf.Tensor) -> dict[str, tf.Tensor]:
        features = network.decoder(network.backbone(picture, training=False), training=False)
        scores, boxes, _ = network.head(features, training=False)
        levels = [str(level) for level in range(experiment.MIN_LEVEL, experiment.MAX_LEVEL + 1)]
        return {
            "scores": tf.concat([tf.reshape(scores[v], [1, -1, 1]) for v in levels], axis=1),
            "boxes": tf.concat([tf.reshape(boxes[v], [1, -1, 4]) for v in levels], axis=1),
        }

    return call.get_concrete_function()


def export(
    network: tf_keras.Model,
    path: Path,
    representative: Sequence[NDArray[np.uint8]] | None = None,
) -> Path:
    """Write a TensorFlow Lite file.

    Parameters
    ----------
    network : tf_keras.Model
        As `load_model` returns it.
    path : Path
        File to write.
    representative : sequence of ndarray, shape (S, S, 3), uint8, RGB, optional
        Conditioned views that set the ranges of the int8 file; without them
        the file is float32.

    Returns
    -------
    Path
    """
    function = raw_function(network)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], network)
    if representative is not None:

        def examples() -> Iterator[list[NDArray[np.float32]]]:
            for picture in representative:
                yield [normalised(picture)[None]]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = examples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(converter.convert())
    return path


def normalised(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels 0..255 as the network was trained on them."""
    mean = np.array(INPUT_MEAN, dtype=np.float32)
    std = np.array(INPUT_STD, dtype=np.float32)
    return (picture.astype(np.float32) - mean) / std


def representative_views(data_dir: Path, count: int, seed: int) -> list[NDArray[np.uint8]]:
    """Composites and star fields of the training part, for the ranges of int8."""
    generator = composite_generator(data_dir, most_cutouts=10 * count, seed=seed)
    stream = generator.stream(np.random.default_rng([seed, 8]))
    return [next(stream).picture for _ in range(count)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    network = load_model(arguments.checkpoint)
    export(network, arguments.output / "detector_float.tflite")
    views = representative_views(arguments.data, 200, arguments.seed)
    export(network, arguments.output / "detector.tflite", views)


if __name__ == "__main__":
    main()
