"""Batches of pictures and labels from TFRecords."""

from __future__ import annotations

import glob
from typing import Any

import tensorflow as tf
from official.vision.configs import retinanet as retinanet_config
from official.vision.dataloaders import retinanet_input, tf_example_decoder

from edge_runtime.errors import GalaxyEdgeError

_PARALLEL = 2


def record_files(input_path: str) -> list[str]:
    """TFRecords that comma-separated patterns mean, sorted.

    Raises
    ------
    GalaxyEdgeError
        A pattern matches no file, or no file holds a record.
    """
    files: list[str] = []
    for pattern in input_path.split(","):
        found = sorted(glob.glob(pattern.strip()))
        if not found:
            raise GalaxyEdgeError(f"{pattern}: no TFRecord to train on")
        files += found
    try:
        records = tf.data.TFRecordDataset(files).take(1).as_numpy_iterator()
        if next(records, None) is None:
            raise GalaxyEdgeError(f"{input_path}: the TFRecords hold no picture to train on")
    except tf.errors.DataLossError as error:
        raise damaged_records(input_path, error) from error
    return files


def damaged_records(input_path: str, error: Exception) -> GalaxyEdgeError:
    """The error for TFRecords whose content is not what was written."""
    reason = " ".join(str(error).split())[:160]
    return GalaxyEdgeError(f"{input_path}: damaged TFRecord ({reason}); write it again")


def training_parser(
    model: retinanet_config.RetinaNet, params: retinanet_config.DataConfig
) -> retinanet_input.Parser:
    """What turns a picture and its boxes into the network's input and targets."""
    settings = params.parser
    return retinanet_input.Parser(
        output_size=model.input_size[:2],
        min_level=model.min_level,
        max_level=model.max_level,
        num_scales=model.anchor.num_scales,
        aspect_ratios=model.anchor.aspect_ratios,
        anchor_size=model.anchor.anchor_size,
        dtype=params.dtype,
        match_threshold=settings.match_threshold,
        unmatched_threshold=settings.unmatched_threshold,
        aug_rand_hflip=settings.aug_rand_hflip,
        aug_scale_min=settings.aug_scale_min,
        aug_scale_max=settings.aug_scale_max,
        skip_crowd_during_training=settings.skip_crowd_during_training,
        max_num_instances=settings.max_num_instances,
        pad=settings.pad,
    )


def record_dataset(
    model: retinanet_config.RetinaNet, params: retinanet_config.DataConfig, seed: int
) -> tf.data.Dataset:
    """Endless batches of (image, labels) as the Model Garden's RetinaNet wants them.

    Where the parser's ``aug_rand_hflip`` is set, pictures are turned by random
    quarters, too: galaxies have no up or down.

    Raises
    ------
    GalaxyEdgeError
        There is no record, or the first is damaged.
    """
    files = record_files(params.input_path)
    decoder = tf_example_decoder.TfExampleDecoder()
    parse = training_parser(model, params).parse_fn(params.is_training)
    turned = params.parser.aug_rand_hflip

    def example(record: tf.Tensor) -> Any:
        decoded = decoder.decode(record)
        if turned:
            quarters = tf.random.uniform([], maxval=4, dtype=tf.int32, seed=seed)
            decoded.update(
                image=tf.image.rot90(decoded["image"], quarters),
                groundtruth_boxes=turned_boxes(decoded["groundtruth_boxes"], quarters),
            )
        return parse(decoded)

    dataset = tf.data.TFRecordDataset(files)
    dataset = dataset.shuffle(params.shuffle_buffer_size, seed=seed).repeat()
    dataset = dataset.map(example, num_parallel_calls=_PARALLEL)
    return dataset.batch(params.global_batch_size, drop_remainder=True).prefetch(4)


def turned_boxes(boxes: tf.Tensor, quarters: tf.Tensor) -> tf.Tensor:
    """Boxes after counter-clockwise quarter turns, as ``tf.image.rot90`` turns a picture.

    Parameters
    ----------
    boxes : tensor, shape (N, 4), float32
        Top, left, bottom, right as shares of the sides.
    quarters : tensor, shape (), int32
        0 to 3.
    """
    choices = [boxes]
    for _ in range(3):
        top, left, bottom, right = tf.unstack(choices[-1], axis=1)
        choices.append(tf.stack([1.0 - right, top, 1.0 - left, bottom], axis=1))
    return tf.gather(tf.stack(choices), quarters)
