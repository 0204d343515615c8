"""Whether a batch fits into memory, asked before the machine runs out of it.

A graphics card refuses what does not fit. A Linux machine grants it, and when
the pages are used kills a process without a word; so the size of the
activations, which all have to be kept for the backward pass, is added up first.
"""

from __future__ import annotations

import math
from pathlib import Path

import tensorflow as tf
import tf_keras

from edge_runtime.errors import GalaxyEdgeError

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
# Twice what any family of this package has; below that there is nothing to add up.
_MOST_BYTES_PER_PIXEL = 4000
# Operations whose results a backward pass needs.
_KEPT = frozenset(
    {"Conv2D", "DepthwiseConv2dNative", "FusedBatchNormV3", "Relu6", "Relu", "AddV2", "Mul"}
)


def activation_bytes(network: tf_keras.Model) -> int:
    """Least memory that training on one picture needs, in bytes.

    Parameters
    ----------
    network : tf_keras.Model
        RetinaNet of the Model Garden.
    """
    shape = [1, *network.backbone.input_shape[1:]]

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])  # type: ignore[untyped-decorator]
    def forward(picture: tf.Tensor) -> dict[str, tf.Tensor]:
        return network(picture, training=True)["cls_outputs"]  # type: ignore[no-any-return]

    total = 0
    for operation in forward.get_concrete_function().graph.get_operations():
        if operation.type in _KEPT and operation.outputs:
            result = operation.outputs[0]
            if result.shape.rank == 4 and result.shape.is_fully_defined():
                total += math.prod(result.shape.as_list()) * result.dtype.size
    return total


def free_memory_bytes() -> int | None:
    """Memory this process could still take, in bytes; None where it cannot be told."""
    limits = []
    try:
        values = dict(line.split(":") for line in _MEMINFO.read_text().splitlines())
        limits.append(int(values["MemAvailable"].split()[0]) * 1024)
        most = (_CGROUP / "memory.max").read_text().strip()
        if most != "max":
            used = int((_CGROUP / "memory.current").read_text())
            limits.append(int(most) - used)
    except (OSError, ValueError, KeyError):
        pass  # no Linux, or no group with a limit
    return min(limits) if limits else None


def require_memory(network: tf_keras.Model, batch: int, free: int | None = None) -> None:
    """Refuse a batch whose activations alone do not fit into the machine's memory.

    Parameters
    ----------
    network : tf_keras.Model
        RetinaNet of the Model Garden.
    batch : int
    free : int, optional
        Bytes there are; by default what the system says.

    Raises
    ------
    GalaxyEdgeError
        The batch is too large; the message has one that may fit.
    """
    size_px = int(network.backbone.input_shape[1])
    free = free_memory_bytes() if free is None else free
    if free is None or batch * size_px**2 * _MOST_BYTES_PER_PIXEL <= free:
        return
    needed = activation_bytes(network)
    if needed * batch <= free:
        return
    fits = free // (2 * needed)
    raise GalaxyEdgeError(
        f"a batch of {batch} pictures of {size_px} px needs at least {needed * batch / 1e9:.1f} GB "
        f"of memory, {free / 1e9:.1f} GB are free; " + smaller_batch(batch, fits)
    )


def out_of_memory(batch: int, size_px: int) -> GalaxyEdgeError:
    """The error for a batch that turned out too large."""
    return GalaxyEdgeError(
        f"out of memory with a batch of {batch} pictures of {size_px} px; "
        + smaller_batch(batch, batch // 2)
    )


def smaller_batch(batch: int, fits: int) -> str:
    """Advice to lower the batch, or the input where it is 1 already."""
    if batch == 1 or fits < 1:
        return "lower --input-size, or close other programs"
    return f"lower --batch, for example to {min(fits, batch // 2)}"
