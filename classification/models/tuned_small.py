"""Two convolutions, every size of which is a hyper-parameter."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from classification.heads import Head, attach, softmax
from edge_runtime.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Choice:
    """Values that a hyper-parameter may take: ``low``, ``low + step``, ... ``high``."""

    low: float
    high: float
    step: float

    def __contains__(self, value: float) -> bool:
        steps = (value - self.low) / self.step
        return self.low - 1e-9 <= value <= self.high + 1e-9 and abs(steps - round(steps)) < 1e-6


CHOICES: dict[str, Choice] = {
    "conv1_filters": Choice(32, 128, 16),
    "conv1_kernel": Choice(3, 5, 2),
    "conv2_filters": Choice(32, 64, 16),
    "conv2_kernel": Choice(3, 5, 2),
    "dense_units": Choice(32, 128, 16),
    "dropout": Choice(0.3, 0.7, 0.1),
}
"""Published ranges of the search."""


@dataclass(frozen=True, slots=True)
class SmallHyperparameters:
    """Sizes of the network, each within ``CHOICES``.

    Attributes
    ----------
    conv1_filters, conv2_filters : int
        Channels: 32 to 128 and 32 to 64, in steps of 16.
    conv1_kernel, conv2_kernel : int
        3 or 5.
    dense_units : int
        32 to 128 in steps of 16.
    dropout : float
        0.3 to 0.7 in steps of 0.1.

    Raises
    ------
    ConfigError
        A value is out of its range; the message names it and the range.
    """

    conv1_filters: int = 64
    conv1_kernel: int = 3
    conv2_filters: int = 64
    conv2_kernel: int = 3
    dense_units: int = 64
    dropout: float = 0.5

    def __post_init__(self) -> None:
        for name, choice in CHOICES.items():
            value = getattr(self, name)
            if value not in choice:
                raise ConfigError(
                    f"{name} = {value} is not one of {choice.low:g} to {choice.high:g} "
                    f"in steps of {choice.step:g}"
                )


def build_tuned_small(
    input_size_px: int = 69,
    head: Head | None = None,
    *,
    hyperparameters: SmallHyperparameters | None = None,
) -> keras.Model:
    """Small network of a hyper-parameter search on Galaxy10.

    Each of two convolutions is followed by pooling by 2; then one dense layer
    and dropout. The publication gives the ranges of the search; where a model
    is built without values, each is in the middle of its range or the cheaper
    one.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    head : Head or None
        None is the published one, ten classes.
    hyperparameters : SmallHyperparameters or None

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output (N, head.width).
    """
    chosen = hyperparameters or SmallHyperparameters()
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = layers.Rescaling(1 / 255, name="rescale")(pixels)
    x = layers.Conv2D(chosen.conv1_filters, chosen.conv1_kernel, activation="relu", name="conv1")(x)
    x = layers.MaxPooling2D(name="pool1")(x)
    x = layers.Conv2D(chosen.conv2_filters, chosen.conv2_kernel, activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(name="pool2")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(chosen.dense_units, activation="relu", name="dense")(x)
    x = layers.Dropout(chosen.dropout, name="dropout")(x)
    return keras.Model(pixels, attach(x, head or softmax(10)), name="tuned_small")
