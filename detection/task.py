"""The Model Garden's RetinaNet task, fed with galaxies."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from official.core import task_factory
from official.vision.tasks import retinanet

from annotations.composites import Composite, CompositeParams
from annotations.stream import training_stream
from annotations.training_sky import composite_generator, simulated_generator
from detection import experiment
from detection.checkpoints import load_initial
from detection.record_input import record_dataset, training_parser
from edge_runtime.errors import GalaxyEdgeError


@task_factory.register_task_cls(experiment.GalaxyDetectionTask)
class GalaxyDetection(retinanet.RetinaNetTask):
    """RetinaNet on composites drawn while training, or on TFRecords."""

    def initialize(self, model: tf_keras.Model) -> None:
        """Load the checkpoint to start from, where one is named."""
        config = self.task_config
        if config.init_checkpoint:
            load_initial(model, config.init_checkpoint, config.init_checkpoint_modules)

    def build_inputs(
        self,
        params: experiment.GalaxyData,
        input_context: tf.distribute.InputContext | None = None,  # noqa: ARG002  (one worker)
    ) -> tf.data.Dataset:
        """Batches of (image, labels) as the Model Garden's RetinaNet wants them."""
        model = self.task_config.model
        if params.input_path:
            return record_dataset(model, params, params.seed)
        size = model.input_size[0]
        look = replace(
            CompositeParams(), randomised=params.randomised, galsim_fraction=params.galsim_share
        ).at_size(size)
        generator = (
            composite_generator(
                Path(params.data_dir),
                look,
                most_cutouts=params.most_galaxies or None,
                seed=params.seed,
                mistakes_file=Path(params.mistakes) if params.mistakes else None,
            )
            if params.data_dir
            else simulated_generator(look)
        )
        if params.data_dir and not generator.cutouts:
            raise GalaxyEdgeError(
                f"{params.data_dir}: none of the training galaxies can be cut out of its picture; "
                "there is nothing to train on"
            )
        weights = {
            "composites": 1.0 - params.telescope_share,
            "simulated": params.telescope_share,
        }

        def frames(rng: np.random.Generator) -> Iterator[Composite]:
            if params.telescope_share == 0.0:
                return generator.stream(rng)
            return training_stream(rng, size, weights, generator)

        dataset = tf.data.Dataset.from_generator(
            lambda: _examples(frames, params.seed, params.views),
            output_signature={
                "image": tf.TensorSpec((size, size, 3), tf.uint8),
                "groundtruth_boxes": tf.TensorSpec((None, 4), tf.float32),
            },
        )
        dataset = dataset.shuffle(params.shuffle_buffer_size, seed=params.seed)
        parse = training_parser(model, params).parse_fn(params.is_training)
        dataset = dataset.map(lambda example: parse(_with_classes(example)), num_parallel_calls=2)
        return dataset.batch(params.global_batch_size, drop_remainder=True).prefetch(4)


def _examples(
    frames: Callable[[np.random.Generator], Iterator[Composite]], seed: int, views: int
) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng([seed, zlib.crc32(b"composites")])
    for composite in frames(rng):
        for _ in range(views):
            yield _turned(composite, rng)


def _turned(composite: Composite, rng: np.random.Generator) -> dict[str, Any]:
    """One of the eight orientations; boxes normalised as y0, x0, y1, x1."""
    picture = composite.picture
    size = picture.shape[0]
    x0, y0, x1, y1 = (composite.boxes_xyxy_px / size).T
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
        x0, x1 = 1.0 - x1, 1.0 - x0
    if rng.random() < 0.5:
        picture = picture[::-1]
        y0, y1 = 1.0 - y1, 1.0 - y0
    if rng.random() < 0.5:
        picture = picture.transpose(1, 0, 2)
        x0, y0, x1, y1 = y0, x0, y1, x1
    boxes = np.stack([y0, x0, y1, x1], axis=1).astype(np.float32)
    return {"image": np.ascontiguousarray(picture), "groundtruth_boxes": boxes}


def _with_classes(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    count = tf.shape(example["groundtruth_boxes"])[0]
    return {
        **example,
        "groundtruth_classes": tf.zeros([count], tf.int64),
        "groundtruth_is_crowd": tf.zeros([count], tf.bool),
    }
