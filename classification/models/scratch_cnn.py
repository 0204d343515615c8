"""Networks of the Galaxy10 project, built up piece by piece."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from classification.heads import Head, attach, softmax
from edge_runtime.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the project's table.

    Attributes
    ----------
    filters : tuple of int
        Channels of each convolution; the first has a 5×5 kernel, the others
        3×3. Each is followed by pooling by 2.
    dense_units : tuple of int
        Widths of the dense layers.
    dropout : float
        Rate after each pooling; twice that after each dense layer. 0 for none.
    l1, l2 : float
        Factors of the absolute and squared weights of all layers in the loss.
    batch_norm : bool
        Batch normalisation after each convolution.
    """

    filters: tuple[int, ...]
    dense_units: tuple[int, ...]
    dropout: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    batch_norm: bool = False


_SIMPLE = ((8, 16), (32,))
_BIGGER = ((16, 48, 48), (64, 64))
_DROPOUT = {"dropout": 0.25}
_L1L2 = {"l1": 1e-5, "l2": 1e-4}

VARIANTS: dict[str, Variant] = {
    "simple": Variant(*_SIMPLE),
    "bigger": Variant(*_BIGGER),
    "dropout": Variant(*_BIGGER, **_DROPOUT),
    "l1l2": Variant(*_BIGGER, **_L1L2),
    "batch_norm": Variant(*_BIGGER, batch_norm=True),
    "dropout_l1l2": Variant(*_BIGGER, **_DROPOUT, **_L1L2),
    "dropout_l1l2_batch_norm": Variant(*_BIGGER, **_DROPOUT, **_L1L2, batch_norm=True),
}
"""The seven rows of the table by name; all after the first are the bigger network and more."""


def build_scratch_cnn(
    input_size_px: int = 69, head: Head | None = None, *, variant: str | Variant = "dropout"
) -> keras.Model:
    """Convolutional network for the classes of Galaxy10, from scratch.

    The project publishes what each variant adds and the 230,377 parameters of
    its final one. That number is odd, which no stack of even widths reaches
    with ten outputs: it had nine. Among the stacks of one to four convolutions
    and at most two dense layers that give exactly this number, the one here is
    the simplest of regular shape: a 5×5 and two 3×3 convolutions of 16, 48 and
    48 channels and two dense layers of 64. Dropout and L1/L2 add none; batch
    normalisation adds 448.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    head : Head or None
        None is the published one, nine classes.
    variant : str or Variant
        One of ``VARIANTS``.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output (N, head.width).

    Raises
    ------
    ConfigError
        The variant is unknown.
    """
    if isinstance(variant, str):
        if variant not in VARIANTS:
            raise ConfigError(
                f"unknown variant {variant!r} of scratch_cnn; known: {', '.join(VARIANTS)}"
            )
        variant = VARIANTS[variant]
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = layers.Rescaling(1 / 255, name="rescale")(pixels)
    for i, width in enumerate(variant.filters, start=1):
        kernel = 5 if i == 1 else 3
        x = layers.Conv2D(
            width,
            kernel,
            padding="same",
            kernel_regularizer=_regularizer(variant),
            name=f"conv{i}",
        )(x)
        if variant.batch_norm:
            x = layers.BatchNormalization(name=f"norm{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(x)
        x = layers.MaxPooling2D(name=f"pool{i}")(x)
        if variant.dropout:
            x = layers.Dropout(variant.dropout, name=f"dropout{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    for i, units in enumerate(variant.dense_units, start=1):
        x = layers.Dense(
            units, activation="relu", kernel_regularizer=_regularizer(variant), name=f"dense{i}"
        )(x)
        if variant.dropout:
            x = layers.Dropout(2 * variant.dropout, name=f"dense_dropout{i}")(x)
    return keras.Model(pixels, attach(x, head or softmax(9)), name="scratch_cnn")


def _regularizer(variant: Variant) -> keras.regularizers.Regularizer | None:
    if not variant.l1 and not variant.l2:
        return None
    return keras.regularizers.L1L2(variant.l1, variant.l2)
