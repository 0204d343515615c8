"""Optimizers and their learning rates, from a preset's choice."""

from __future__ import annotations

from typing import Any

import keras

from classification.recipe import OptimizerChoice
from edge_runtime.errors import ConfigError

OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")


def create_optimizer(
    choice: OptimizerChoice, *, epochs: int, steps: int
) -> keras.optimizers.Optimizer:
    """Build an optimizer.

    Parameters
    ----------
    choice : OptimizerChoice
    epochs, steps : int
        Length of the training, and batches of an epoch, for the schedule.

    Raises
    ------
    ConfigError
        There is no such optimizer or schedule.
    """
    rate: Any
    if choice.schedule == "constant":
        rate = choice.learning_rate
    elif choice.schedule == "cosine":
        warmup = max(1, round(epochs / 20)) * steps
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=choice.learning_rate / 20,
            warmup_target=choice.learning_rate,
            warmup_steps=warmup,
            decay_steps=max(1, epochs * steps - warmup),
            alpha=0.01,
        )
    else:
        raise ConfigError(f"unknown schedule {choice.schedule!r}; known: constant, cosine")
    options: dict[str, Any] = {"learning_rate": rate, "clipnorm": choice.clip_norm}
    if choice.weight_decay is not None:
        options["weight_decay"] = choice.weight_decay
    if choice.name == "adam":
        return keras.optimizers.Adam(**options)
    if choice.name == "adamw":
        return keras.optimizers.AdamW(**options)
    if choice.name == "rmsprop":
        return keras.optimizers.RMSprop(**options)
    if choice.name == "sgd":
        return keras.optimizers.SGD(momentum=0.9, nesterov=True, **options)
    raise ConfigError(f"unknown optimizer {choice.name!r}; known: {', '.join(OPTIMIZERS)}")
