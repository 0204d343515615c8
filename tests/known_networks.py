"""Networks of which it is known what every explanation must say."""

from __future__ import annotations

from functools import lru_cache

import keras
import numpy as np
from keras import layers

from classification.explain.networks import KerasNetwork
from classification.heads import edge_outputs

SIZE_PX = 16
CORNER = (slice(0, SIZE_PX // 2), slice(0, SIZE_PX // 2))
"""The only part of a crop that ``corner_network`` sees."""


def bright_crop(size_px: int = SIZE_PX, seed: int = 0) -> np.ndarray:
    """Noise that is bright everywhere but at the border, which is sky."""
    rng = np.random.default_rng(seed)
    crop = rng.integers(12, 19, (size_px, size_px, 3))
    inner = slice(2, size_px - 2)
    crop[inner, inner] = rng.integers(90, 250, (size_px - 4, size_px - 4, 3))
    return crop.astype(np.uint8)


def linear_weights(seed: int = 3) -> np.ndarray:
    """A weight for each pixel and colour, of both signs, so small that answers stay in 0 to 1."""
    weights = np.random.default_rng(seed).normal(0, 1, (SIZE_PX, SIZE_PX, 3))
    return (weights / (255 * 3 * SIZE_PX * 3)).astype(np.float32)


def linear_network(
    activation: str | None = None, scale: float = 1.0, middle: np.ndarray | float = 0.0
) -> KerasNetwork:
    """``0.5 + weights · pixels``, or the sigmoid of ``scale weights · (pixels - middle)``."""
    pixels = keras.Input((SIZE_PX, SIZE_PX, 3))
    dense = layers.Dense(1, activation=activation)
    network = keras.Model(pixels, dense(layers.Flatten()(pixels)), name="linear")
    bias = 0.5 if activation is None else -scale * float((linear_weights() * middle).sum())
    dense.set_weights([scale * linear_weights().reshape(-1, 1), np.array([bias], np.float32)])
    return KerasNetwork(network)


def corner_network() -> KerasNetwork:
    """Convolutions that see one corner of the crop and rise with its light."""
    half = SIZE_PX // 2
    pixels = keras.Input((SIZE_PX, SIZE_PX, 3))
    x = layers.Cropping2D(((0, half), (0, half)))(pixels)
    x = layers.ZeroPadding2D(((0, half), (0, half)))(x)
    convolution = layers.Conv2D(
        2, 2, strides=2, use_bias=False, activation="relu", name="convolution"
    )
    x = layers.GlobalAveragePooling2D()(convolution(x))
    dense = layers.Dense(1, activation="sigmoid")
    network = keras.Model(pixels, dense(x), name="corner")
    convolution.set_weights([np.full((2, 2, 3, 2), 1 / (255 * 12), np.float32)])
    dense.set_weights([np.full((2, 1), 8.0, np.float32), np.array([-1.0], np.float32)])
    return KerasNetwork(network)


@lru_cache(maxsize=1)
def small_edge_model(size_px: int = 32) -> keras.Model:
    """The bundle's three outputs behind a convolution, a residual block and a pooling."""
    keras.utils.set_random_seed(5)
    pixels = keras.Input((size_px, size_px, 3), name="crop")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(pixels)
    x = layers.Conv2D(6, 3, strides=2, padding="same", name="stem")(x)
    x = layers.BatchNormalization(name="stem_norm")(x)
    x = layers.ReLU(6.0, name="stem_relu")(x)
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    y = layers.Conv2D(6, 1, name="project")(y)
    x = layers.Add(name="add")([x, y])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    model = keras.Model(pixels, edge_outputs(x), name="small_edge")
    rng = np.random.default_rng(6)
    for name in ("votes", "class5", "galaxy"):
        kernel, bias = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([3 * kernel, rng.normal(0, 0.5, bias.shape)])
    return model
