"""Training folders of tiny networks with random weights, written without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

INPUT_SIZE_PX = 64


def write_training(
    folder: Path,
    family: str = "ssd_mobilenet",
    *,
    input_size_px: int = INPUT_SIZE_PX,
    step: int = 4,
    steps: int = 4,
    seed: int = 0,
) -> Any:
    """Write ``params.yaml`` and a checkpoint; return the settings."""
    import tensorflow as tf
    import tf_keras
    from official.core import train_utils

    from detection import task
    from detection.registry import experiment_of

    tf_keras.utils.set_random_seed(seed)
    params = experiment_of(family)
    model = params.task.model
    model.input_size = [input_size_px, input_size_px, 3]
    if family == "ssd_mobilenet":
        model.backbone.mobilenet.filter_size_scale = 0.35
        model.decoder.fpn.num_filters = model.head.num_filters = 16
        model.head.num_convs = 1
    params.trainer.train_steps = steps
    network = task.GalaxyDetection(params.task).build_model()
    rng = tf.random.Generator.from_seed(seed)
    pictures = rng.normal([8, input_size_px, input_size_px, 3])
    network(pictures, training=True)
    # a fresh network says the same of every picture: its normalisation has seen none
    for layer in network.submodules:
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(pictures, training=True)
    # and its heads start so that nothing is a galaxy
    for variable in network.head.trainable_variables:
        if variable.shape[-1] in (9, 36):
            spread = 2.0 if variable.shape[-1] == 9 and variable.shape.rank > 1 else 0.2
            variable.assign(rng.normal(variable.shape, stddev=spread))
    train_utils.serialize_config(params, str(folder))
    checkpoint = tf.train.Checkpoint(
        model=network, global_step=tf.Variable(step, dtype=tf.int64, trainable=False)
    )
    tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=1).save(checkpoint_number=step)
    return params
