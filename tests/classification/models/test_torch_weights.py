import io
import os
import pickle
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from classification.models.torch_weights import read_torch_weights
from edge_runtime.errors import GalaxyEdgeError

MAGIC = 0x1950A86A20F9469CFC6C


class FloatStorage:
    """Stands for the class of that name in a file."""


class Storage:
    def __init__(self, key: str) -> None:
        self.key = key


class Tensor:
    """Pickles as PyTorch's tensors do."""

    def __init__(self, storage: Storage, offset: int, shape: tuple, strides: tuple) -> None:
        self.parts = (storage, offset, shape, strides, False, None)

    def __reduce__(self) -> tuple:
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.parts


@pytest.fixture
def torch_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names that a file refers to, so that they can be written."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def rebuild(*parts: object) -> object:
        return parts

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = rebuild
    FloatStorage.__module__, FloatStorage.__qualname__ = "torch", "FloatStorage"
    torch.FloatStorage = FloatStorage
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def write(path: Path, content: object, values: dict[str, np.ndarray]) -> Path:
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: object) -> object:
            if isinstance(obj, Storage):
                return ("storage", FloatStorage, obj.key, "cpu", len(values[obj.key]), None)
            return None

    stream = io.BytesIO()
    for part in (MAGIC, 1001, {"little_endian": True, "type_sizes": {}}):
        pickle.dump(part, stream, protocol=2)
    Pickler(stream, protocol=2).dump(content)
    pickle.dump(list(values), stream, protocol=2)
    for numbers in values.values():
        stream.write(struct.pack("<q", len(numbers)) + numbers.astype("<f4").tobytes())
    path.write_bytes(stream.getvalue())
    return path


def test_tensors_come_with_their_shapes_and_strides(torch_names: None, tmp_path: Path) -> None:
    storage = Storage("7")
    content = {
        "plain": Tensor(storage, 0, (2, 3), (3, 1)),
        "turned": Tensor(storage, 0, (3, 2), (1, 3)),
        "last": Tensor(storage, 5, (1,), (1,)),
    }
    path = write(tmp_path / "w.pth", content, {"7": np.arange(6.0)})
    weights = read_torch_weights(path)
    np.testing.assert_array_equal(weights["plain"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(weights["turned"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(weights["last"], [5])
    assert {w.dtype for w in weights.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(0, (3, 3), (3, 1)), (6, (1,), (1,)), (0, (2,), (-1,)), (0, (0,), (1,))],
)
def test_a_tensor_beyond_its_numbers_is_refused(
    torch_names: None, tmp_path: Path, offset: int, shape: tuple, strides: tuple
) -> None:
    content = {"w": Tensor(Storage("0"), offset, shape, strides)}
    path = write(tmp_path / "w.pth", content, {"0": np.arange(6.0)})
    with pytest.raises(GalaxyEdgeError, match=r"w\.pth.*beyond"):
        read_torch_weights(path)


def test_nothing_in_a_file_is_executed(torch_names: None, tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "made"),)

    path = write(tmp_path / "w.pth", {"w": Attack()}, {})
    with pytest.raises(GalaxyEdgeError, match="mkdir is not allowed"):
        read_torch_weights(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04zip", b"\x80\x02K\x01."])
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    with pytest.raises(GalaxyEdgeError, match=r"other\.pth: is not a state dictionary"):
        read_torch_weights(path)


def test_a_file_that_ends_early_is_refused(torch_names: None, tmp_path: Path) -> None:
    content = {"w": Tensor(Storage("0"), 0, (6,), (1,))}
    path = write(tmp_path / "w.pth", content, {"0": np.arange(6.0)})
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(GalaxyEdgeError):
        read_torch_weights(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GalaxyEdgeError, match=r"none\.pth: cannot be read"):
        read_torch_weights(tmp_path / "none.pth")
