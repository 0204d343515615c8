"""The network of the wide search: its size, its blocks and where its weights begin are choices."""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from classification.heads import Head, attach, edge_outputs
from classification.models.compact import IMAGENET, build_compact
from classification.models.efficientnet_lite import STAGES
from edge_runtime.errors import ConfigError

RANDOM = "random"
STARTS = (IMAGENET, RANDOM)

MOST_BLOCKS = sum(stage.blocks for stage in STAGES)

_SMALLEST_PX = 6  # of the side that is halved no more
_CHANNELS = 32  # of the first convolution where the width is 1
_MOST_DOUBLINGS = 2  # of the channels
_SQUEEZE = 4


def build_searched(
    input_size_px: int = 64,
    head: Head | None = None,
    *,
    start: str = RANDOM,
    blocks: int = 6,
    width: float = 1.0,
    separable: bool = True,
    squeeze_excite: bool = False,
    dropout: float = 0.3,
    weights: str | Path | None = IMAGENET,
) -> keras.Model:
    """The first blocks of EfficientNet-Lite0, or residual blocks of chosen sizes.

    With ``start`` of ``random`` a convolution halves the picture; every second
    block halves it again, while a side is at least 6 pixels, and doubles the
    channels, twice at most. A block is a convolution of 3 x 3 with batch
    normalisation and ReLU6, and the picture it got is added where shapes
    allow. All of it has an int8 form: squeeze-and-excitation has a hard sigmoid.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    head : Head or None
        None gives the three outputs of the bundle's classifier.
    start : str
        ``imagenet``: blocks of EfficientNet-Lite0 with what ImageNet taught
        them, as in ``compact``. ``random``: own blocks with random weights.
    blocks : int
        How many, 1 to 16.
    width : float
        Channels of every convolution, as a multiple of 32 in the first one, to
        the next 4; only where ``start`` is ``random``, as the two that follow.
    separable : bool
        Convolve each channel by itself and then mix them, instead of all at once.
    squeeze_excite : bool
        Weigh the channels of each block by their means (Hu et al. 2018,
        arXiv:1709.01507).
    dropout : float
        Rate before the heads.
    weights : {"imagenet"}, path or None
        Of ``start`` ``imagenet``; None leaves them random.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output: a dict of logits,
        ``votes`` (N, 37), ``class5`` (N, 5) and ``galaxy`` (N, 1); with a head,
        its activated answer (N, head.width).

    Raises
    ------
    ConfigError
        A choice is out of its range.
    GalaxyEdgeError
        The ImageNet weights are not installed.
    """
    if start not in STARTS:
        raise ConfigError(f"start {start!r} is none of: {', '.join(STARTS)}")
    if not 1 <= blocks <= MOST_BLOCKS:
        raise ConfigError(f"blocks is 1 to {MOST_BLOCKS}, not {blocks}")
    if not 0 <= dropout < 1:
        raise ConfigError(f"dropout is from 0 to less than 1, not {dropout}")
    if start == IMAGENET:
        return build_compact(
            input_size_px, weights=weights, blocks=blocks, dropout=dropout, head=head
        )
    if not 0.125 <= width <= 8:
        raise ConfigError(f"width is 0.125 to 8, not {width}")
    first = 4 * round(width * _CHANNELS / 4)
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = layers.Rescaling(1 / 128, offset=-1.0, name="rescale")(pixels)
    x = layers.Conv2D(first, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="stem_norm")(x)
    x = layers.ReLU(6.0, name="stem_relu")(x)
    for number in range(blocks):
        halves = number % 2 == 0 and x.shape[1] >= 2 * _SMALLEST_PX
        channels = first * 2 ** min(number // 2, _MOST_DOUBLINGS)
        x = _block(x, channels, 2 if halves else 1, separable, squeeze_excite, f"block{number}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    answers = edge_outputs(x) if head is None else attach(x, head)
    return keras.Model(pixels, answers, name="searched")


def _block(
    x: keras.KerasTensor,
    channels: int,
    stride: int,
    separable: bool,
    squeeze_excite: bool,
    name: str,
) -> keras.KerasTensor:
    shortcut = x
    if separable:
        x = layers.DepthwiseConv2D(
            3, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise"
        )(x)
        x = layers.BatchNormalization(name=f"{name}_depthwise_norm")(x)
        x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
        x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_mix")(x)
    else:
        x = layers.Conv2D(
            channels, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_convolution"
        )(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    if squeeze_excite:
        x = _weighed(x, f"{name}_squeeze")
    if x.shape == shortcut.shape:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def _weighed(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Squeeze-and-excitation with convolutions, which keep the shape the product needs."""
    channels = x.shape[-1]
    weight = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    weight = layers.Conv2D(channels // _SQUEEZE, 1, activation="relu", name=f"{name}_narrow")(
        weight
    )
    # relu6(x + 3) / 6, the hard sigmoid of MobileNetV3; its 3 is the first bias
    weight = layers.Conv2D(
        channels, 1, bias_initializer=keras.initializers.Constant(3.0), name=f"{name}_widen"
    )(weight)
    weight = layers.ReLU(6.0, name=f"{name}_limit")(weight)
    weight = layers.Rescaling(1 / 6, name=f"{name}_share")(weight)
    return layers.Multiply(name=f"{name}_weigh")([x, weight])
