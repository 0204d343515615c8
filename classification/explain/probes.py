"""A network's layers by name, and networks that show and vary what a layer gives."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from edge_runtime.errors import GalaxyEdgeError

_PICTURE_RANK = 4  # (N, h, w, C)
_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)


def layer_names(model: keras.Model, *, pictures: bool = False) -> tuple[str, ...]:
    """Names of a network's layers in the order they compute.

    Parameters
    ----------
    model : keras.Model
    pictures : bool
        Only those that give channels of pictures, one set a crop.
    """
    return tuple(
        layer.name
        for layer in model.layers
        if not isinstance(layer, layers.InputLayer)
        and (not pictures or picture_shape(layer) is not None)
    )


def picture_shape(layer: keras.Layer) -> tuple[int, int, int] | None:
    """Height, width and channels of what a layer gives, where it gives pictures."""
    shape = getattr(_output(layer), "shape", ())
    if len(shape) != _PICTURE_RANK or None in shape[1:] or 1 in shape[1:3]:
        return None
    return int(shape[1]), int(shape[2]), int(shape[3])


def picture_layer(model: keras.Model, name: str) -> keras.Layer:
    """A layer that gives pictures.

    Raises
    ------
    GalaxyEdgeError
        There is no such layer, or it gives no pictures; the message lists those that do.
    """
    found = find_layer(model, name)
    if picture_shape(found) is None:
        raise GalaxyEdgeError(
            f"{model.name}: the layer {name!r} gives no pictures; these do: "
            f"{', '.join(layer_names(model, pictures=True)) or 'none'}"
        )
    return found


def find_layer(model: keras.Model, name: str) -> keras.Layer:
    """A layer by its name.

    Raises
    ------
    GalaxyEdgeError
        There is none of this name; the message lists all.
    """
    for layer in model.layers:
        if layer.name == name and not isinstance(layer, layers.InputLayer):
            return layer
    raise GalaxyEdgeError(
        f"no layer is called {name!r}; there are: {', '.join(layer_names(model))}"
    )


def last_convolution(model: keras.Model) -> str:
    """The layer behind the last convolution, with its normalisation and activation.

    The last layer that still gives pictures, unless pooling or something else that is no
    part of a convolution made them: those are passed over.

    Raises
    ------
    GalaxyEdgeError
        The network has no convolution that gives pictures.
    """
    names = layer_names(model, pictures=True)
    convolutions = [name for name in names if isinstance(model.get_layer(name), _CONVOLUTIONS)]
    if not convolutions:
        raise GalaxyEdgeError(
            f"{model.name}: has no convolution that gives pictures; Grad-CAM needs one. "
            f"Its layers: {', '.join(layer_names(model))}"
        )
    last = convolutions[-1]
    shape = picture_shape(model.get_layer(last))
    behind = names[names.index(last) :]
    same = [
        name
        for name in behind
        if picture_shape(model.get_layer(name)) == shape
        and not isinstance(model.get_layer(name), layers.Dropout | layers.SpatialDropout2D)
    ]
    return same[-1]


def probed(model: keras.Model, name: str) -> keras.Model:
    """A network with a second input that is added to what a layer gives.

    The gradient with respect to the probe, where it is 0, is the gradient with respect to
    the layer, also where other paths lead around the layer.

    Parameters
    ----------
    model : keras.Model
        Crops to answers; its layers and their weights are shared, not copied.
    name : str
        Layer that gives pictures.

    Returns
    -------
    keras.Model
        Inputs: crops, and the probe in the shape of the layer's output. Outputs: the
        answers, and what the layer gives.

    Raises
    ------
    GalaxyEdgeError
        There is no such layer, it gives no pictures, or it is used several times.
    """
    layer = picture_layer(model, name)
    crops = keras.Input(model.input_shape[1:], name="crops")
    probe = keras.Input(_output(layer).shape[1:], name="probe")
    seen: list[keras.KerasTensor] = []

    def call(operation: Any, *inputs: Any, **options: Any) -> Any:
        output = operation(*inputs, **options)
        if operation is layer:
            seen.append(output)
            return layers.Add(name="probed")([output, probe])
        return output

    clone = keras.models.clone_model(
        keras.Model([model.input, keras.Input(probe.shape[1:])], model.output),
        input_tensors=[crops, probe],
        clone_function=lambda operation: operation,
        call_function=call,
    )
    return keras.Model([crops, probe], [clone.output, seen[0]], name=f"{model.name}_probed")


def _output(layer: keras.Layer) -> Any:
    """What a layer gives; None where it is used several times, or never."""
    try:
        return layer.output
    except (AttributeError, ValueError):
        return None
