"""What chosen layers of a network see in a crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from classification.explain.crops import check_crops
from classification.explain.networks import Crops, KerasNetwork
from classification.explain.probes import layer_names, picture_layer

LAYERS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class LayerActivation:
    """What one layer gives for one crop.

    Attributes
    ----------
    layer : str
    values : ndarray, shape (h, w, C), float32
    """

    layer: str
    values: NDArray[np.float32]

    def strongest(self, count: int) -> tuple[int, ...]:
        """The channels that vary most over the crop, the most telling first."""
        spread = self.values.std(axis=(0, 1))
        return tuple(int(channel) for channel in np.argsort(spread)[::-1][:count])

    def pictures(self, channels: Sequence[int]) -> NDArray[np.uint8]:
        """Channels as grey pictures, each from its smallest value to its largest.

        Returns
        -------
        ndarray, shape (len(channels), h, w), uint8
        """
        chosen = np.moveaxis(self.values[..., list(channels)], -1, 0).astype(np.float64)
        low = chosen.min(axis=(1, 2), keepdims=True)
        span = np.maximum(chosen.max(axis=(1, 2), keepdims=True) - low, 1e-12)
        return np.rint(255 * (chosen - low) / span).astype(np.uint8)


def activations(
    network: KerasNetwork, crop: Crops, layers: Sequence[str] | None = None
) -> tuple[LayerActivation, ...]:
    """What layers give for a crop.

    Parameters
    ----------
    network : KerasNetwork
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255
    layers : sequence of str, optional
        Names of layers that give pictures; default is ``telling_layers``.

    Raises
    ------
    GalaxyEdgeError
        There is no such layer, or it gives no pictures; the message lists those that do.
    """
    crop = np.asarray(crop)
    check_crops(crop[None], network.input_size_px, network.name)
    names = telling_layers(network) if layers is None else tuple(layers)
    outputs = [picture_layer(network.model, name).output for name in names]
    shown = keras.Model(network.model.input, outputs, name="shown")
    given = shown(crop[None].astype(np.float32), training=False)
    listed = given if isinstance(given, list | tuple) else [given]
    return tuple(
        LayerActivation(name, np.asarray(ops.convert_to_numpy(values)[0], np.float32))
        for name, values in zip(names, listed, strict=True)
    )


def telling_layers(network: KerasNetwork, count: int = LAYERS_SHOWN) -> tuple[str, ...]:
    """The last layer of each size of picture, from fine to coarse; at most ``count`` of them."""
    last: dict[tuple[int, ...], str] = {}
    for name in layer_names(network.model, pictures=True):
        shape = network.model.get_layer(name).output.shape
        if tuple(shape[1:3]) != (network.input_size_px, network.input_size_px) or shape[3] > 3:
            last[tuple(shape[1:3])] = name
    names = tuple(last.values())
    if len(names) <= count:
        return names
    return tuple(names[i] for i in np.rint(np.linspace(0, len(names) - 1, count)).astype(int))
