"""Networks with the three outputs of the bundle's classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
from keras import layers

from classification.heads import edge_outputs
from classification.models.compact import IMAGENET, build_compact
from classification.models.efficientnet_lite import efficientnet_lite0, imagenet_path
from classification.models.residual import build_residual
from classification.models.searched import build_searched
from classification.models.tuned_small import SmallHyperparameters, build_tuned_small
from edge_runtime.errors import GalaxyEdgeError

TEACHER_DROPOUT = 0.3


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
    x = layers.Dropout(TEACHER_DROPOUT, name="dropout")(backbone.output)
    return keras.Model(backbone.input, edge_outputs(x), name="teacher")


def build_small(input_size_px: int, **sizes: float) -> keras.Model:
    """The two convolutions of ``tuned_small`` with the same outputs.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    **sizes
        Of ``SmallHyperparameters``.

    Raises
    ------
    ConfigError
        A size is out of its published range.
    """
    hyperparameters = SmallHyperparameters(**sizes)  # type: ignore[arg-type]
    published = build_tuned_small(input_size_px, hyperparameters=hyperparameters)
    answers = edge_outputs(published.get_layer("dropout").output)
    return keras.Model(published.input, answers, name="tuned_small")


_BUILDERS: dict[str, Callable[..., keras.Model]] = {
    "compact": partial(build_compact, weights=IMAGENET),
    "residual": build_residual,
    "residual_fast": partial(build_residual, stem_strides=2),
    "efficientnet_lite0": build_teacher,
    "searched": build_searched,
    "tuned_small": build_small,
}
NETWORKS = tuple(_BUILDERS)
"""Names that ``create_network`` knows."""


def create_network(
    name: str, input_size_px: int, options: Mapping[str, Any] | None = None
) -> keras.Model:
    """Build an untrained network.

    Parameters
    ----------
    name : str
        One of ``NETWORKS``.
    input_size_px : int
        Side of the square RGB crop.
    options : mapping of str to value, optional
        Of the network, for example ``blocks`` and ``dropout`` of ``compact``.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output: a dict of logits,
        ``votes`` (N, 37), ``class5`` (N, 5) and ``galaxy`` (N, 1), float32.

    Raises
    ------
    GalaxyEdgeError
        There is no network of this name, it has no such option, or its first
        weights are not installed.
    """
    if name not in _BUILDERS:
        raise GalaxyEdgeError(f"no network is called {name!r}; there are {', '.join(NETWORKS)}")
    try:
        return _BUILDERS[name](input_size_px, **(options or {}))
    except TypeError as error:
        if not options:
            raise
        raise GalaxyEdgeError(f"{name} cannot be built with {dict(options)} ({error})") from error
