"""Networks with the three outputs of the bundle's classifier."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras
from keras import layers

from classification.models.compact import build_compact as build_residual
from classification.models.efficientnet_lite import efficientnet_lite0, imagenet_path
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.sighting import CLASS5

BLOCKS = 9
FROZEN_BLOCKS = 2
DROPOUT = 0.3


def build_compact(input_size_px: int) -> keras.Model:
    """First nine blocks of EfficientNet-Lite0 from ImageNet weights; 375,483 parameters.

    The earliest blocks, which see edges and colours in full resolution and take
    half of the time of a training, stay as they are.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.

    Raises
    ------
    GalaxyEdgeError
        The package with the weights is not installed.
    """
    backbone = efficientnet_lite0(input_size_px, imagenet_path(), blocks=BLOCKS)
    frozen = ("stem", *(f"block{i}_" for i in range(FROZEN_BLOCKS)))
    for layer in backbone.layers:
        if layer.name.startswith(frozen):
            layer.trainable = False
    return _with_outputs(backbone, "compact")


def build_teacher(input_size_px: int) -> keras.Model:
    """EfficientNet-Lite0 from ImageNet weights, too large for the edge, with the same outputs.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.

    Raises
    ------
    GalaxyEdgeError
        The package with the weights is not installed.
    """
    backbone = efficientnet_lite0(input_size_px, imagenet_path())
    return _with_outputs(backbone, "teacher")


def _with_outputs(backbone: keras.Model, name: str) -> keras.Model:
    x = layers.Dropout(DROPOUT, name="dropout")(backbone.output)
    widths = {"votes": len(VOTE_COLUMNS), "class5": len(CLASS5), "galaxy": 1}
    outputs = {name: layers.Dense(n, dtype="float32", name=name)(x) for name, n in widths.items()}
    return keras.Model(backbone.input, outputs, name=name)


_BUILDERS: dict[str, Callable[[int], keras.Model]] = {
    "compact": build_compact,
    "residual": build_residual,
    "residual_fast": partial(build_residual, stem_strides=2),
    "efficientnet_lite0": build_teacher,
}
NETWORKS = tuple(_BUILDERS)
"""Names that ``create_network`` knows."""


def create_network(name: str, input_size_px: int) -> keras.Model:
    """Build an untrained network.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output: a dict of logits,
        ``votes`` (N, 37), ``class5`` (N, 5) and ``galaxy`` (N, 1), float32.

    Raises
    ------
    GalaxyEdgeError
        There is no network of this name.
    """
    if name not in _BUILDERS:
        raise GalaxyEdgeError(f"no network is called {name!r}; there are {', '.join(NETWORKS)}")
    return _BUILDERS[name](input_size_px)
