"""Networks that already know everyday pictures, with a new head for galaxies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
from keras import layers, ops

from classification.heads import SIGMOID_37, Head, attach
from classification.models.efficientnet_lite import efficientnet_lite0, imagenet_path
from edge_runtime.errors import ConfigError, GalaxyEdgeError

IMAGENET = "imagenet"

ALL_LAYERS = "all"
NO_LAYER = "none"
"""Values of ``trainable_from`` beside the names of layers and blocks."""


@keras.saving.register_keras_serializable(package="galaxy_edge")
class CaffePixels(layers.Layer):
    """Pixels 0 to 255 as VGG and ResNet were trained: blue first, less the mean of ImageNet."""

    _MEAN_BGR = (103.939, 116.779, 123.68)

    def call(self, pixels: keras.KerasTensor) -> keras.KerasTensor:
        """Shifted pixels, shape as the input's."""
        channels = [
            pixels[..., 2 - i : 3 - i] - ops.cast(mean, pixels.dtype)
            for i, mean in enumerate(self._MEAN_BGR)
        ]
        return ops.concatenate(channels, axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Same as the input's."""
        return input_shape


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network without its head.

    Attributes
    ----------
    builder : callable
        ``keras.applications`` function.
    pixels : callable
        Makes the layer that turns pixels 0 to 255 into what it was trained on.
    smallest_px : int
        Smallest input.
    flatten : bool
        Whether the dense layer sees each place, or the mean over all.
    dense_units : int
        Width of the dense layer before the head.
    """

    builder: Callable[..., keras.Model]
    pixels: Callable[[], layers.Layer]
    smallest_px: int
    flatten: bool
    dense_units: int


BACKBONES = {
    "vgg16": Backbone(keras.applications.VGG16, partial(CaffePixels, name="pixels"), 32, True, 256),
    "resnet50": Backbone(
        keras.applications.ResNet50, partial(CaffePixels, name="pixels"), 32, False, 256
    ),
    "inception_v3": Backbone(
        keras.applications.InceptionV3,
        partial(layers.Rescaling, 1 / 127.5, offset=-1.0, name="pixels"),
        75,
        False,
        256,
    ),
}
"""Those of ``keras.applications``, by name."""


def build_backbone(
    input_size_px: int,
    head: Head = SIGMOID_37,
    *,
    name: str,
    weights: str | Path | None = None,
    trainable_from: str | None = None,
    dense_units: int | None = None,
    dropout: float = 0.5,
) -> keras.Model:
    """Backbone of ``keras.applications``, one dense layer and a head.

    As in the reports, VGG16 is flattened and the others are averaged over the
    picture; the dense layer's width, which they do not give, is 256.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    head : Head
    name : str
        One of ``BACKBONES``.
    weights : str, path or None
        ``"imagenet"`` downloads them once, a path reads a ``.h5`` file of
        weights without top or a ``.keras`` network that has or is this
        backbone, None starts at random.
    trainable_from : str or None
        First layer or block of the backbone that learns, for example
        ``block5``, ``conv5_block1`` or ``mixed9``; ``"all"`` or ``"none"``.
        None is ``"all"`` where it starts at random and ``"none"``, feature
        extraction, where not. Batch normalisation does not learn and stays in
        inference mode unless all layers learn.
    dense_units : int or None
        Width of the dense layer; None is the backbone's own.
    dropout : float
        Rate before the head.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output (N, head.width). The
        backbone is a layer of its own, named as the architecture.

    Raises
    ------
    ConfigError
        The input is too small, or the backbone has no such layer.
    GalaxyEdgeError
        The weights cannot be downloaded or read.
    """
    kind = BACKBONES[name]
    if input_size_px < kind.smallest_px:
        raise ConfigError(f"{name} needs at least {kind.smallest_px} px; got {input_size_px}")
    backbone = kind.builder(
        include_top=False, weights=None, input_shape=(input_size_px, input_size_px, 3), name=name
    )
    if weights == IMAGENET:
        _download(backbone, kind, input_size_px)
    elif weights is not None:
        _read(backbone, Path(weights))
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = backbone(kind.pixels()(pixels))
    if kind.flatten:
        x = layers.Flatten(name="flatten")(x)
    else:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(dense_units or kind.dense_units, activation="relu", name="dense")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    network = keras.Model(pixels, attach(x, head), name=name)
    return _let_learn(network, backbone, trainable_from, weights)


def build_efficientnet_lite0(
    input_size_px: int = 128,
    head: Head = SIGMOID_37,
    *,
    weights: str | Path | None = None,
    trainable_from: str | None = None,
    dropout: float = 0.3,
) -> keras.Model:
    """EfficientNet-Lite0 and a head.

    Parameters
    ----------
    input_size_px : int
        Side of the square RGB crop; pixel values are 0 to 255.
    head : Head
    weights : str, path or None
        ``"imagenet"`` for the installed weights, or their file; None starts at
        random.
    trainable_from : str or None
        As in ``build_backbone``, for example ``block12``.
    dropout : float
        Rate before the head.

    Returns
    -------
    keras.Model
        Input (N, size, size, 3) float32, 0 to 255. Output (N, head.width).

    Raises
    ------
    ConfigError
        The backbone has no such layer.
    GalaxyEdgeError
        The weights are not installed or cannot be read.
    """
    file = imagenet_path() if weights == IMAGENET else weights
    backbone = efficientnet_lite0(input_size_px, file)
    pixels = keras.Input((input_size_px, input_size_px, 3), name="crop")
    x = layers.Dropout(dropout, name="dropout")(backbone(pixels))
    network = keras.Model(pixels, attach(x, head), name="efficientnet_lite0_classifier")
    return _let_learn(network, backbone, trainable_from, weights)


def first_layer(backbone: keras.Model, name: str) -> str:
    """Name of a layer, or of the first layer of a block.

    Raises
    ------
    ConfigError
        The backbone has none of that name.
    """
    names = [layer.name for layer in backbone.layers]
    matching = [n for n in names if n == name or n.startswith(f"{name}_")]
    if not matching:
        blocks = dict.fromkeys(n.split("_")[0] for n in names)
        raise ConfigError(
            f"{backbone.name} has no layer or block {name!r}; it has: {', '.join(blocks)}"
        )
    return matching[0]


def _let_learn(
    network: keras.Model,
    backbone: keras.Model,
    trainable_from: str | None,
    weights: str | Path | None,
) -> keras.Model:
    if trainable_from is None:
        trainable_from = ALL_LAYERS if weights is None else NO_LAYER
    if trainable_from == ALL_LAYERS:
        return network
    names = [layer.name for layer in backbone.layers]
    first = (
        len(names)
        if trainable_from == NO_LAYER
        else names.index(first_layer(backbone, trainable_from))
    )
    for place, layer in enumerate(backbone.layers):
        layer.trainable = place >= first and not isinstance(layer, layers.BatchNormalization)
    return network


def _download(backbone: keras.Model, kind: Backbone, input_size_px: int) -> None:
    options: dict[str, Any] = {
        "include_top": False,
        "input_shape": (input_size_px, input_size_px, 3),
    }
    try:
        known = kind.builder(weights=IMAGENET, **options)
    except Exception as error:  # Keras raises a bare one where a download fails
        raise GalaxyEdgeError(
            f"the ImageNet weights of {backbone.name} could not be downloaded ({error}); "
            "fetch the file elsewhere and give its path as weights"
        ) from error
    backbone.set_weights(known.get_weights())


def _read(backbone: keras.Model, path: Path) -> None:
    if not path.is_file():
        raise GalaxyEdgeError(
            f"{path}: there is no such file of weights for {backbone.name}; "
            f"give {IMAGENET!r} to download them"
        )
    try:
        if path.suffix == ".keras":
            backbone.set_weights(_inner(backbone, keras.models.load_model(path, compile=False)))
        else:
            backbone.load_weights(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GalaxyEdgeError(
            f"{path}: has no weights that fit {backbone.name} without its top ({error})"
        ) from error


def _inner(backbone: keras.Model, network: keras.Model) -> list[Any]:
    for layer in network.layers:
        if isinstance(layer, keras.Model) and layer.name == backbone.name:
            return layer.get_weights()
    return network.get_weights()
