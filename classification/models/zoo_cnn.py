"""Six convolutions and global max pooling."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from classification.heads import SIGMOID_37, Head, attach


def build_zoo_cnn(
    input_size_px: int = 64,
    head: Head = SIGMOID_37,
    *,
    filters: Sequence[int] = (64, 64, 128, 128, 128, 128),
    dense_units: Sequence[int] = (128, 128),
    dropout: float = 0.25,
) -> keras.Model:
    """Convolutional network of a Galaxy Zoo challenge report, 593,125 parameters.

    The published total fixes every kernel at 3×3 and leaves no room for batch
    normalisation. Global max pooling makes it independent of the input size;
    pooling by 2 after each pair of convolutions and dropout around the dense
    layers have no parameters, and are as usual for such networks.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    head : Head
    filters : sequence of int
        Channels of the convolutions; the resolution halves after every second.
    dense_units : sequence of int
        Widths of the dense layers.
    dropout : float
        Rate before each dense layer.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output (N, head.width).
    """
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = layers.Rescaling(1 / 255, name="rescale")(pixels)
    for i, width in enumerate(filters, start=1):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv{i}")(x)
        if i % 2 == 0 and i < len(filters):
            x = layers.MaxPooling2D(name=f"pool{i // 2}")(x)
    x = layers.GlobalMaxPooling2D(name="global_pool")(x)
    for i, units in enumerate(dense_units, start=1):
        x = layers.Dropout(dropout, name=f"dropout{i}")(x)
        x = layers.Dense(units, activation="relu", name=f"dense{i}")(x)
    return keras.Model(pixels, attach(x, head), name="zoo_cnn")
