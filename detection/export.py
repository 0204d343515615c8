"""Export a trained detector to TensorFlow Lite in several number formats.

The graph ends in the raw outputs ``scores`` (1, A, 1), logits, and ``boxes``
(1, A, 4), offsets, the levels joined from fine to coarse. Decoding and
suppression stay outside: the edge compares the int8 logits with its threshold
first and decodes the few that pass, and it has to merge boxes of several views
anyway. With `PostProcessing` they are part of the graph; see the decision
record on decoding for what that costs.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from annotations.formats.outputs import new_file
from detection.geometry import INPUT_MEAN, INPUT_STD
from detection.postprocessing import PostProcessing, post_process
from detection.representative import DEFAULT_COUNT, representative_views
from detection.trained_detector import (
    TrainedDetector,
    load_detector,
    normalised,
    raw_outputs,
)
from edge_runtime.errors import GalaxyEdgeError

__all__ = ["INPUT_MEAN", "INPUT_STD", "VARIANTS", "Export", "float16", "float32", "int8"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Export:
    """What to convert.

    Attributes
    ----------
    detector : TrainedDetector
    representative : tuple of ndarray, shape (S, S, 3), uint8, RGB
        Conditioned views that set the ranges of an int8 file.
    postprocessing : PostProcessing, optional
        Decode and suppress inside the graph.
    """

    detector: TrainedDetector
    representative: tuple[NDArray[np.uint8], ...] = ()
    postprocessing: PostProcessing | None = None


class _Graph(tf.Module):
    """The function from a normalised picture to the outputs, ready to be saved."""

    def __init__(self, source: Export) -> None:
        super().__init__()
        detector = source.detector
        # the variables, not the model: saving that would trace it with its own NMS
        self.kept = list(detector.network.variables)
        size = detector.geometry.input_size_px
        spec = tf.TensorSpec([1, size, size, 3], tf.float32, name="picture")

        @tf.function(input_signature=[spec])  # type: ignore[untyped-decorator]
        def call(picture: tf.Tensor) -> dict[str, tf.Tensor]:
            outputs = raw_outputs(detector, picture)
            if source.postprocessing is None:
                return outputs
            return post_process(
                outputs["scores"], outputs["boxes"], detector.geometry, source.postprocessing
            )

        self.call = call


def float32(source: Export) -> bytes:
    """A file that calculates as the network was trained."""
    return _convert(source)


def float16(source: Export) -> bytes:
    """Weights in half precision: half the size, calculated in float32 on a processor."""

    def set_up(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    return _convert(source, set_up)


def dynamic_range(source: Export) -> bytes:
    """Weights in int8, activations quantised while it runs."""

    def set_up(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    return _convert(source, set_up)


def int8(source: Export) -> bytes:
    """Weights, activations, input and outputs in int8.

    Raises
    ------
    GalaxyEdgeError
        There are no representative pictures, or they have another size.
    """
    size = source.detector.geometry.input_size_px
    if not source.representative:
        raise GalaxyEdgeError("an int8 detector needs representative pictures for its ranges")
    if any(picture.shape != (size, size, 3) for picture in source.representative):
        shapes = sorted({picture.shape for picture in source.representative})
        raise GalaxyEdgeError(
            f"representative pictures have shapes {shapes}, the detector's input is {size} px"
        )

    def examples() -> Iterator[list[NDArray[np.float32]]]:
        for picture in source.representative:
            yield [normalised(picture)[None]]

    def set_up(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = examples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        if source.postprocessing is None:  # the operation itself answers in float32
            converter.inference_output_type = tf.int8

    return _convert(source, set_up)


# by the names that tables and files use
VARIANTS: dict[str, Callable[[Export], bytes]] = {
    "float32": float32,
    "float16": float16,
    "dynamic": dynamic_range,
    "int8": int8,
}


def _convert(
    source: Export, set_up: Callable[[tf.lite.TFLiteConverter], None] | None = None
) -> bytes:
    graph = _Graph(source)
    with tempfile.TemporaryDirectory(prefix="galaxy-edge-export-") as folder:
        # only this way of conversion knows functions that stand for an operation
        tf.saved_model.save(graph, folder, signatures={"serving_default": graph.call})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.allow_custom_ops = source.postprocessing is not None
        if set_up is not None:
            set_up(converter)
        return bytes(converter.convert())


def write_model(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all."""
    with new_file(path) as partial:
        partial.write_bytes(content)
    return path


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with galaxies/, frames/")
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder of a training")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--family", help="registered experiment; default: found by params.yaml")
    parser.add_argument("--input-size", type=int, help="px; default: as trained")
    parser.add_argument("--views", type=int, default=DEFAULT_COUNT, help="representative pictures")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    detector = load_detector(
        given.checkpoint, family=given.family, input_size_px=given.input_size, unfinished=True
    )
    write_model(given.output / "detector_float.tflite", float32(Export(detector)))
    size = detector.geometry.input_size_px
    views = representative_views(given.data, size, given.views, given.seed)
    log.info("%s", views.describe())
    write_model(given.output / "detector.tflite", int8(Export(detector, views.pictures)))


if __name__ == "__main__":
    main()
