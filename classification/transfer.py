"""Weights from elsewhere, and which of them a training may change."""

from __future__ import annotations

import logging
from pathlib import Path

import keras
from keras import layers

import classification.models  # noqa: F401  registers the layers that saved networks hold
from classification.keras_files import read_keras
from classification.models.backbones import first_layer
from classification.network import NETWORK_FILE
from edge_runtime.errors import ConfigError, GalaxyEdgeError

_log = logging.getLogger(__name__)


def start_from(network: keras.Model, path: Path) -> tuple[str, ...]:
    """Take over the weights of a trained network, layer by layer.

    Layers of the same name whose weights have the same shapes are taken; the
    others keep their own, such as a head for other classes.

    Parameters
    ----------
    network : keras.Model
        Changed in place.
    path : Path
        ``.keras`` file, or folder of a training.

    Returns
    -------
    tuple of str
        Layers with weights that were not taken over.

    Raises
    ------
    GalaxyEdgeError
        The file cannot be read, or no layer fits.
    """
    if path.is_dir():
        path = path / NETWORK_FILE
    source = read_keras(path)
    found = {layer.name: layer for layer in _leaves(source)}
    left, taken = [], 0
    for layer in _leaves(network):
        if not layer.weights:
            continue
        weights = found[layer.name].get_weights() if layer.name in found else []
        if [w.shape for w in weights] == [tuple(w.shape) for w in layer.weights]:
            layer.set_weights(weights)
            taken += 1
        else:
            left.append(layer.name)
    if not taken:
        raise GalaxyEdgeError(f"{path}: no layer fits those of {network.name}")
    _log.info(
        "%s: %d layers taken over%s",
        path,
        taken,
        f"; not {', '.join(left)}" if left else "",
    )
    return tuple(left)


def freeze_backbone(network: keras.Model) -> None:
    """Let only the layers after the backbone learn.

    Raises
    ------
    ConfigError
        The network has no backbone.
    """
    network.trainable = True
    for layer in backbone(network).layers:
        layer.trainable = False


def unfreeze_from(network: keras.Model, name: str) -> None:
    """Let the backbone learn from one of its layers on, batch normalisation excepted.

    Parameters
    ----------
    network : keras.Model
    name : str
        Layer or block of the backbone.

    Raises
    ------
    ConfigError
        The network has no backbone, or that no such layer.
    """
    inner = backbone(network)
    first = first_layer(inner, name)
    network.trainable = True
    learns = False
    for layer in inner.layers:
        learns = learns or layer.name == first
        layer.trainable = learns and not isinstance(layer, layers.BatchNormalization)


def backbone(network: keras.Model) -> keras.Model:
    """The network inside the network.

    Raises
    ------
    ConfigError
        There is none.
    """
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            return layer
    raise ConfigError(f"{network.name} has no backbone to freeze")


def _leaves(network: keras.Model) -> list[layers.Layer]:
    found: list[layers.Layer] = []
    for layer in network.layers:
        found.extend(_leaves(layer) if isinstance(layer, keras.Model) else [layer])
    return found
