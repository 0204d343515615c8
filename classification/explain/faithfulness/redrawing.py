"""Networks whose weights are redrawn from the answers downwards, a group of layers at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from classification.explain.networks import Crops, KerasNetwork
from edge_runtime.errors import GalaxyEdgeError

STAGES = 4


def redrawn_networks(
    network: KerasNetwork, crops: Crops, *, stages: int = STAGES, seed: int = 0
) -> Iterator[tuple[str, KerasNetwork]]:
    """The network with more and more of its weights redrawn.

    The last layers lose their weights first, then more of them, the ones next to the
    pixels last (Adebayo et al. 2018, "cascading randomisation"). Kernels are drawn
    from a normal distribution as wide as the trained kernel, offsets are zero, scales
    one, and the statistics of batch normalisation are those of the redrawn network on
    ``crops``: otherwise its activations would saturate, and its maps, constant, would
    differ from the trained ones for that reason alone.

    Parameters
    ----------
    network : KerasNetwork
        Keeps its weights.
    crops : ndarray, shape (N, S, S, 3), 0 to 255
        Set the statistics.
    stages : int
        Groups of layers; the first is the last layer, or all layers that give answers.
    seed : int
        Of the weights.

    Yields
    ------
    label : str
        First and last layer redrawn so far, and their number.
    network : KerasNetwork
        The same object at every stage, changed.

    Raises
    ------
    GalaxyEdgeError
        The network has no weights, or cannot be copied.
    """
    try:
        copy = keras.models.clone_model(network.model)
        copy.set_weights(network.model.get_weights())
    except (TypeError, ValueError, NotImplementedError) as error:
        raise GalaxyEdgeError(f"{network.name}: cannot be copied ({error})") from error
    weighted = _weighted(copy)
    copied = KerasNetwork(copy, f"{network.name}, redrawn", network.outputs)
    for layer in _leaves(copy):
        if isinstance(layer, layers.Dropout):
            layer.rate = 0.0
    rng = np.random.default_rng(seed)
    batch = np.asarray(crops, np.float32)
    done: list[layers.Layer] = []
    for group in _groups(weighted, copy, stages):
        for layer in group:
            _redraw(layer, rng)
        done += group
        _set_statistics(copy, done, batch)
        names = done[0].name if len(done) == 1 else f"{done[0].name} to {done[-1].name}"
        yield f"{names} ({len(done)} of {len(weighted)})", copied


def _leaves(model: keras.Model) -> list[layers.Layer]:
    """Layers in their order, those of models inside it too."""
    found: list[layers.Layer] = []
    for layer in model.layers:
        found += _leaves(layer) if isinstance(layer, keras.Model) else [layer]
    return found


def _weighted(model: keras.Model) -> list[layers.Layer]:
    weighted = [layer for layer in _leaves(model) if _floating(layer)]
    if not weighted:
        raise GalaxyEdgeError(f"{model.name}: has no weights to redraw")
    return weighted


def _floating(layer: layers.Layer) -> list[keras.Variable]:
    return [v for v in layer.weights if keras.backend.is_float_dtype(v.dtype)]


def _groups(
    weighted: Sequence[layers.Layer], model: keras.Model, stages: int
) -> list[list[layers.Layer]]:
    """The layers that give answers, then the rest in equal parts, from the top down."""
    heads = answering_layers(model)
    rest = [layer for layer in reversed(weighted) if layer not in heads]
    parts = max(1, min(stages - 1, len(rest)))
    bounds = np.linspace(0, len(rest), parts + 1).round().astype(int)
    groups = [rest[a:b] for a, b in pairwise(bounds)]
    return [heads, *(group for group in groups if group)]


def answering_layers(model: keras.Model) -> list[layers.Layer]:
    """Layers with weights behind which none has any, the last in the model first.

    Raises
    ------
    GalaxyEdgeError
        The model has no weights.
    """
    weighted = _weighted(model)
    held = {id(layer) for layer in weighted}
    found: list[layers.Layer] = []
    waiting = [output._keras_history.operation for output in keras.tree.flatten(model.outputs)]
    seen: set[int] = set()
    while waiting:
        operation = waiting.pop()
        if id(operation) in seen:
            continue
        seen.add(id(operation))
        if isinstance(operation, keras.Model):
            found += [layer for layer in reversed(_leaves(operation)) if id(layer) in held][:1]
        elif id(operation) in held:
            found.append(operation)
        else:
            for node in operation._inbound_nodes:
                waiting += [parent.operation for parent in node.parent_nodes]
    order = {id(layer): place for place, layer in enumerate(weighted)}
    found = found or [weighted[-1]]
    return sorted(found, key=lambda layer: -order[id(layer)])


def _redraw(layer: layers.Layer, rng: np.random.Generator) -> None:
    for variable in _floating(layer):
        trained = ops.convert_to_numpy(variable)
        if trained.ndim > 1:
            fresh = rng.normal(0.0, float(trained.std()), trained.shape)
        elif "gamma" in variable.name or "variance" in variable.name:
            fresh = np.ones(trained.shape)
        else:
            fresh = np.zeros(trained.shape)
        variable.assign(fresh.astype(np.float32))


def _set_statistics(
    model: keras.Model, redrawn: Sequence[layers.Layer], batch: NDArray[np.float32]
) -> None:
    """Give the batch normalisation of redrawn layers the statistics of a batch."""
    changed = {id(layer) for layer in redrawn}
    normalising = [
        layer for layer in _leaves(model) if isinstance(layer, layers.BatchNormalization)
    ]
    if not any(id(layer) in changed for layer in normalising):
        return
    for layer in normalising:
        layer.trainable = id(layer) in changed
        layer.momentum = 0.0
    model(batch, training=True)
