"""Three convolutions for elliptical or other."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from classification.heads import BINARY, Head, attach

LAST_CONVOLUTION = "last_conv"
"""Name of the layer whose activations show where the network looked."""


def build_gama_cnn(
    input_size_px: int = 128,
    head: Head = BINARY,
    *,
    filters: Sequence[int] = (32, 64, 128),
    dense_units: int = 512,
    dropout: float = 0.25,
    dense_dropout: float = 0.5,
) -> keras.Model:
    """Network of the course project on elliptical galaxies of GAMA.

    Each 3×3 convolution is followed by batch normalisation, pooling by 2 and
    dropout. The published layers are these; the rates of dropout and padding
    (none) are not published.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    head : Head
    filters : sequence of int
        Channels of the convolutions.
    dense_units : int
        Width of the dense layer.
    dropout, dense_dropout : float
        Rates after each convolution and after the dense layer.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output (N, head.width).
    """
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = layers.Rescaling(1 / 255, name="rescale")(pixels)
    for i, width in enumerate(filters, start=1):
        name = LAST_CONVOLUTION if i == len(filters) else f"conv{i}"
        x = layers.Conv2D(width, 3, activation="relu", name=name)(x)
        x = layers.BatchNormalization(name=f"norm{i}")(x)
        x = layers.MaxPooling2D(name=f"pool{i}")(x)
        x = layers.Dropout(dropout, name=f"dropout{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(dense_units, activation="relu", name="dense")(x)
    x = layers.Dropout(dense_dropout, name="dense_dropout")(x)
    return keras.Model(pixels, attach(x, head), name="gama_cnn")
