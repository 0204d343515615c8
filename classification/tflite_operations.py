"""The operations a TFLite file is made of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.litert import interpreter_class

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a network.

    Attributes
    ----------
    name : str
        As the format calls it, for example ``CONV_2D``.
    input_shapes, output_shapes : tuple of tuple of int
        Batch first; empty where an input is left out.
    output_dtypes : tuple of dtype
    """

    name: str
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    output_dtypes: tuple[np.dtype[Any], ...]

    @property
    def multiply_adds(self) -> int:
        """Multiplications of convolutions, dense layers and products of matrices."""
        if self.name not in _MULTIPLYING:
            return 0
        results = int(np.prod(self.output_shapes[0], dtype=np.int64))
        first, second = self.input_shapes[:2]
        if self.name == "CONV_2D":  # weights: filters, height, width, channels
            return results * int(np.prod(second[1:], dtype=np.int64))
        if self.name == "DEPTHWISE_CONV_2D":  # weights: 1, height, width, channels
            return results * int(np.prod(second[1:3], dtype=np.int64))
        return results * first[-1]


_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_MULTIPLYING = (*_WEIGHTED, "BATCH_MATMUL")


def operations_of(path: Path | str | os.PathLike[str]) -> tuple[Operation, ...]:
    """Operations of a TFLite file in their order; empty where the runtime lists none."""
    interpreter = interpreter_class()(model_path=str(path), num_threads=1)
    # Not public, and absent from some runtimes; nothing else names the operations.
    listed = getattr(interpreter, "_get_ops_details", None)
    if listed is None:
        return ()
    interpreter.allocate_tensors()
    tensors = {int(tensor["index"]): tensor for tensor in interpreter.get_tensor_details()}

    def shapes(places: Any) -> tuple[Shape, ...]:
        known = [tensors.get(int(place)) for place in places]
        return tuple(() if t is None else tuple(int(n) for n in t["shape"]) for t in known)

    return tuple(
        Operation(
            operation["op_name"],
            shapes(operation["inputs"]),
            shapes(operation["outputs"]),
            tuple(
                np.dtype(tensors[int(place)]["dtype"])
                for place in operation["outputs"]
                if int(place) in tensors
            ),
        )
        for operation in listed()
    )


def multiply_adds(path: Path | str | os.PathLike[str]) -> int | None:
    """Multiplications of one call of a TFLite file.

    Returns
    -------
    int or None
        None where the installed runtime cannot list operations.
    """
    operations = operations_of(path)
    return sum(operation.multiply_adds for operation in operations) if operations else None


def constant_count(path: Path | str | os.PathLike[str]) -> int | None:
    """Weights and biases of the multiplying operations of a TFLite file.

    Fewer than a network's parameters where the converter has folded some.

    Returns
    -------
    int or None
        None where the installed runtime cannot list operations.
    """
    layers = [each for each in operations_of(path) if each.name in _WEIGHTED]
    if not layers:
        return None
    return sum(int(np.prod(shape)) for each in layers for shape in each.input_shapes[1:] if shape)
