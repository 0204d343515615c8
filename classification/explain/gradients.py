"""Values and gradients of networks, through whichever backend Keras runs on.

The one place that knows TensorFlow, JAX and PyTorch apart. All three run networks as in
use, not as in training: dropout off, normalisation by the moving averages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_runtime.errors import GalaxyEdgeError

_Floats = NDArray[np.float32]
_MODELS_KEPT = 8  # compiled by JAX


def value_and_gradient(
    model: keras.Model, crops: NDArray[np.floating], index: ArrayLike
) -> tuple[_Floats, _Floats]:
    """One output for each crop, and its gradient with respect to the pixels.

    Parameters
    ----------
    model : keras.Model
        Input (N, S, S, 3), output (N, K).
    crops : ndarray, shape (N, S, S, 3), 0 to 255
        May go beyond 0 to 255.
    index : int or array_like of int, shape (N,)
        Column of the output: the same for all crops, or one for each.

    Returns
    -------
    ndarray, shape (N,), float32
    ndarray, shape (N, S, S, 3), float32
        Change of the output per step of a pixel by 1 of 255.

    Raises
    ------
    GalaxyEdgeError
        Keras runs on a backend without gradients.
    """
    outputs, gradient = output_and_gradient(model, [crops], index, respect_to=0)
    picked = outputs[0][np.arange(len(crops)), np.broadcast_to(index, len(crops))]
    return picked, gradient


def output_and_gradient(
    model: keras.Model,
    inputs: Sequence[NDArray[np.floating]],
    index: ArrayLike,
    *,
    respect_to: int,
) -> tuple[list[_Floats], _Floats]:
    """All outputs, and the gradient of a column of the first of them.

    Parameters
    ----------
    model : keras.Model
        One or several inputs, and one or a list of outputs; the first is (N, K).
    inputs : sequence of ndarray
        Each with N rows.
    index : int or array_like of int, shape (N,)
        Column of the first output.
    respect_to : int
        Which input the gradient is of.

    Returns
    -------
    list of ndarray, float32
        The outputs.
    ndarray, shape as that input, float32

    Raises
    ------
    GalaxyEdgeError
        Keras runs on a backend without gradients.
    """
    backend = keras.backend.backend()
    if backend not in _BACKENDS:
        raise GalaxyEdgeError(
            f"the backend {backend} gives no gradients; set KERAS_BACKEND to one of: "
            f"{', '.join(_BACKENDS)}"
        )
    arrays = [np.asarray(values, np.float32) for values in inputs]
    width = (model.output if not isinstance(model.output, list) else model.output[0]).shape[-1]
    columns = np.broadcast_to(np.asarray(index), len(arrays[0]))
    chosen = np.eye(width, dtype=np.float32)[columns]
    outputs, gradient = _BACKENDS[backend](model, arrays, chosen, respect_to)
    return [np.asarray(o, np.float32) for o in outputs], np.asarray(gradient, np.float32)


def _call(model: keras.Model, inputs: list[Any]) -> list[Any]:
    outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _tensorflow(
    model: keras.Model, inputs: list[_Floats], chosen: _Floats, respect_to: int
) -> tuple[list[Any], Any]:
    import tensorflow as tf

    tensors = [tf.convert_to_tensor(values) for values in inputs]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tensors[respect_to])
        outputs = _call(model, tensors)
        total = tf.reduce_sum(outputs[0] * chosen)
    gradient = tape.gradient(
        total, tensors[respect_to], unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    return [output.numpy() for output in outputs], gradient.numpy()


def _torch(
    model: keras.Model, inputs: list[_Floats], chosen: _Floats, respect_to: int
) -> tuple[list[Any], Any]:
    import torch

    tensors = [keras.ops.convert_to_tensor(values) for values in inputs]
    watched = tensors[respect_to].detach().requires_grad_(True)
    tensors[respect_to] = watched
    with torch.enable_grad():
        outputs = _call(model, tensors)
        total = (outputs[0] * keras.ops.convert_to_tensor(chosen)).sum()
        (gradient,) = torch.autograd.grad(total, watched, allow_unused=True)
    if gradient is None:
        gradient = torch.zeros_like(watched)
    return [keras.ops.convert_to_numpy(o) for o in outputs], keras.ops.convert_to_numpy(gradient)


def _jax(
    model: keras.Model, inputs: list[_Floats], chosen: _Floats, respect_to: int
) -> tuple[list[Any], Any]:
    import jax

    differentiated = _compiled(model, respect_to)
    weights = (
        [variable.value for variable in model.trainable_variables],
        [variable.value for variable in model.non_trainable_variables],
    )

    def part(rows: slice) -> tuple[list[Any], Any]:
        others = [values[rows] for i, values in enumerate(inputs) if i != respect_to]
        (_, outputs), gradient = differentiated(
            inputs[respect_to][rows], others, chosen[rows], *weights
        )
        return outputs, gradient

    if jax.default_backend() != "cpu":
        return part(slice(None))
    # XLA takes many times longer for a batch on a processor than for its crops one by one
    parts = [part(slice(i, i + 1)) for i in range(len(chosen))]
    outputs = [np.concatenate(values) for values in zip(*(p[0] for p in parts), strict=True)]
    return outputs, np.concatenate([gradient for _, gradient in parts])


@lru_cache(maxsize=_MODELS_KEPT)
def _compiled(model: keras.Model, respect_to: int) -> Callable[..., Any]:
    """Compiled once; the weights are arguments, so that they may change."""
    import jax

    def total(
        watched: Any, others: list[Any], chosen: Any, trainable: list[Any], fixed: list[Any]
    ) -> Any:
        tensors = [*others[:respect_to], watched, *others[respect_to:]]
        given = tensors if len(tensors) > 1 else tensors[0]
        outputs, _ = model.stateless_call(trainable, fixed, given, training=False)
        listed = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
        return (listed[0] * chosen).sum(), listed

    return jax.jit(jax.value_and_grad(total, has_aux=True))


_BACKENDS: dict[str, Callable[..., tuple[list[Any], Any]]] = {
    "tensorflow": _tensorflow,
    "jax": _jax,
    "torch": _torch,
}
