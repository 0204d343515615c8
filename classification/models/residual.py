"""A small residual network that begins with random weights."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from classification.heads import Head, attach, edge_outputs


def build_residual(
    input_size_px: int = 64,
    *,
    stem_filters: int = 16,
    stem_strides: int = 1,
    stage_filters: Sequence[int] = (32, 64, 96),
    dropout: float = 0.3,
    head: Head | None = None,
) -> keras.Model:
    """Small residual network with three heads, or one.

    Only plain convolutions, batch normalisation and ReLU, so that the graph
    folds and quantises to int8 without loss. One strided convolution and one
    residual block a stage; 343,355 parameters as it stands.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    stem_filters : int
        Channels of the first convolution.
    stem_strides : int
        Its stride. 2 saves three quarters of the arithmetic at the cost of the
        finest detail.
    stage_filters : sequence of int
        Channels of each stage; each halves the resolution.
    dropout : float
        Rate before the heads.
    head : Head or None
        None gives the three outputs of the bundle's classifier.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output: a dict of logits,
        ``votes`` (N, 37), ``class5`` (N, 5) and ``galaxy`` (N, 1); with a head,
        its activated answer (N, head.width).
    """
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(pixels)
    x = _convolution(x, stem_filters, "stem", strides=stem_strides)
    for i, filters in enumerate(stage_filters, start=1):
        x = _convolution(x, filters, f"stage{i}_down", strides=2)
        shortcut = x
        x = _convolution(x, filters, f"stage{i}_a")
        x = _convolution(x, filters, f"stage{i}_b", activate=False)
        x = layers.Add(name=f"stage{i}_add")([shortcut, x])
        x = layers.ReLU(name=f"stage{i}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    answers = edge_outputs(x) if head is None else attach(x, head)
    return keras.Model(pixels, answers, name="residual")


def _convolution(
    x: keras.KerasTensor, filters: int, name: str, *, strides: int = 1, activate: bool = True
) -> keras.KerasTensor:
    x = layers.Conv2D(
        filters,
        3,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if activate else x
