"""Weights out of PyTorch's files, without PyTorch."""

from __future__ import annotations

import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import GalaxyEdgeError

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {"FloatStorage": np.float32, "LongStorage": np.int64}


def read_torch_weights(path: Path | str) -> dict[str, NDArray[np.generic]]:
    """Read a state dictionary that ``torch.save`` wrote before PyTorch 1.6.

    Only tensors of 32-bit floats and 64-bit integers are read; nothing in the
    file is executed.

    Parameters
    ----------
    path : path
        A ``.pth`` file in the format that is not a zip archive.

    Returns
    -------
    dict of str to ndarray
        In the order of the file.

    Raises
    ------
    GalaxyEdgeError
        The file is missing, damaged, or of another format.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            return _read(stream)
    except OSError as error:
        raise GalaxyEdgeError(f"{path}: cannot be read ({error.strerror})") from error
    except (pickle.UnpicklingError, ValueError, EOFError, KeyError, TypeError) as error:
        raise GalaxyEdgeError(
            f"{path}: is not a state dictionary in PyTorch's format before 1.6 ({error})"
        ) from error


def _read(stream: BinaryIO) -> dict[str, NDArray[np.generic]]:
    if _Unpickler(stream).load() != _MAGIC:
        raise ValueError("wrong magic number")
    _Unpickler(stream).load()  # protocol version
    if not _Unpickler(stream).load()["little_endian"] or sys.byteorder != "little":
        raise ValueError("written with another byte order")
    reader = _Unpickler(stream)
    tensors: dict[str, _Tensor] = dict(reader.load())
    for key in _Unpickler(stream).load():
        storage = reader.storages[key]
        count = int.from_bytes(stream.read(8), "little")
        content = stream.read(count * storage.dtype.itemsize)
        storage.values = np.frombuffer(content, storage.dtype, count)
    return {name: tensor.array() for name, tensor in tensors.items()}


class _Storage:
    """Numbers that tensors share; filled after the tensors are known."""

    def __init__(self, kind: str) -> None:
        self.dtype = np.dtype(_DTYPES[kind])
        self.values: NDArray[np.generic] = np.empty(0, self.dtype)


class _Tensor:
    """A view of a storage."""

    def __init__(
        self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
    ) -> None:
        self._storage, self._offset = storage, offset
        self._shape, self._strides = shape, strides

    def array(self) -> NDArray[np.generic]:
        """A copy of the tensor's numbers."""
        values = self._storage.values[self._offset :]
        reach = sum((n - 1) * s for n, s in zip(self._shape, self._strides, strict=True))
        if reach >= len(values) or min((*self._shape, 1)) < 1 or min((*self._strides, 0)) < 0:
            raise ValueError("a tensor reaches beyond its numbers")
        steps = [s * values.itemsize for s in self._strides]
        return np.lib.stride_tricks.as_strided(values, self._shape, steps).copy()


class _Unpickler(pickle.Unpickler):
    """Knows the few names such a file needs and refuses all others."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of a name in the file."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _Tensor(
                storage, offset, shape, strides
            )
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a file of weights")

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage a tensor refers to."""
        _, kind, key, *_ = pid
        return self.storages.setdefault(key, _Storage(kind))
