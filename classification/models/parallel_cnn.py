"""Two paths with small and large kernels, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from classification.heads import SIGMOID_37, Head, attach


def build_parallel_cnn(
    input_size_px: int = 64,
    head: Head = SIGMOID_37,
    *,
    path_filters: int = 32,
    filters: Sequence[int] = (64, 64, 128),
    dense_units: int = 512,
    l2: float = 0.01,
) -> keras.Model:
    """Parallel convolutional network for vote fractions.

    One path sees 6×6 pixels at once and the other 3×3; what they find is
    concatenated and goes through three more convolutions and a dense layer with
    L2 regularisation. The report gives the layers and a total of about 1.2
    million parameters, but not each width; these widths give 1,220,165.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    head : Head
    path_filters : int
        Channels of each of the two paths.
    filters : sequence of int
        Channels of the convolutions after them; each halves the resolution.
    dense_units : int
        Width of the dense layer.
    l2 : float
        Factor of the squared weights of the dense layer in the loss.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output (N, head.width).
    """
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = layers.Rescaling(1 / 255, name="rescale")(pixels)
    paths = [
        layers.MaxPooling2D(name=f"path{kernel}_pool")(
            layers.Conv2D(
                path_filters, kernel, padding="same", activation="relu", name=f"path{kernel}_conv"
            )(x)
        )
        for kernel in (6, 3)
    ]
    x = layers.Concatenate(name="paths")(paths)
    for i, width in enumerate(filters, start=1):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv{i}")(x)
        x = layers.MaxPooling2D(name=f"pool{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(
        dense_units,
        activation="relu",
        kernel_regularizer=keras.regularizers.L2(l2),
        name="dense",
    )(x)
    return keras.Model(pixels, attach(x, head), name="parallel_cnn")
