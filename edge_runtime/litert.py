"""One TensorFlow Lite model, called with pictures and answering in real numbers.

Uses ``ai-edge-litert`` and, where it has no wheel, ``tflite-runtime``; both
offer the same interpreter.
"""

from __future__ import annotations

import logging
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.child_environment import child_environment
from edge_runtime.errors import BundleError

logger = logging.getLogger(__name__)

RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
FILE_IDENTIFIER = b"TFL3"
MAX_MODEL_BYTES = 256 * 1024 * 1024
MAX_TENSOR_BYTES = 512 * 1024 * 1024

_QUANTISED = (np.dtype(np.int8), np.dtype(np.uint8))
# What the interpreter raises for files that are damaged or need other software.
# UnicodeDecodeError (a damaged tensor name) is a ValueError.
_MODEL_ERRORS = (ValueError, RuntimeError, TypeError, MemoryError, OverflowError)

_PROBE = """
import resource, sys
import numpy as np
from edge_runtime.errors import BundleError
from edge_runtime.litert import LiteRtModel
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
try:
    model = LiteRtModel(sys.stdin.buffer.read(), threads=1)
    model.run(np.zeros(model.input.shape, np.uint8))
except (BundleError, MemoryError, ValueError) as error:
    sys.stdout.write(f"galaxy-edge: {error or type(error).__name__}")
    sys.exit(3)
"""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and number format of one input or output.

    Attributes
    ----------
    name : str
        Name of the tensor in the file; converters make it up.
    key : str
        Name the author gave it (its key in the file's only signature), empty
        where the file has no signature. Exporters shuffle the order of
        outputs, so this is the one to go by.
    shape : tuple of int
        Batch first; the batch is 1.
    dtype : dtype
        float32, int8 or uint8 (detection counts and classes are float32).
    scale, zero_point : float, int
        ``real = scale * (stored - zero_point)``; 0.0 and 0 where the tensor is
        not quantised.
    """

    name: str
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int

    @property
    def quantised(self) -> bool:
        """Whether stored values are integers with a scale."""
        return self.dtype in _QUANTISED and self.scale > 0.0

    def dequantise(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Turn stored values, of any shape, into real ones (float32)."""
        if not self.quantised:
            return stored.astype(np.float32, copy=False)
        real = stored.astype(np.float32)
        real -= self.zero_point
        real *= self.scale
        return real

    def stored_threshold(self, real: float) -> float:
        """Smallest stored value that stands for at least ``real``.

        Lets a decoder compare int8 scores without converting them first. May
        lie outside the stored type's range: then nothing, or everything, passes.
        """
        if not self.quantised:
            return real
        return float(np.ceil(real / self.scale + self.zero_point - 1e-6))


@dataclass(frozen=True, slots=True)
class RawOutput:
    """One output as the model stored it.

    Attributes
    ----------
    values : ndarray, shape and dtype as in ``spec``
        A copy: it stays valid after the next call.
    spec : TensorSpec
        Scale and zero point of the values.
    """

    values: NDArray[Any]
    spec: TensorSpec

    def real(self) -> NDArray[np.float32]:
        """All values as float32 in real units."""
        return self.spec.dequantise(self.values)


def interpreter_class() -> Any:
    """Return the TensorFlow Lite interpreter class that is installed.

    Raises
    ------
    BundleError
        No runtime is installed; the message names the package to install.
    """
    for name in RUNTIMES:
        try:
            return import_module(name).Interpreter
        except ImportError as error:
            logger.debug("runtime %s is not usable: %s", name, error)
    raise BundleError(
        "no TensorFlow Lite runtime is installed; run `pip install ai-edge-litert` "
        "(or `pip install tflite-runtime` where LiteRT has no wheel)"
    )


class LiteRtModel:
    """A model file, ready to be called with one picture at a time.

    One instance belongs to one thread: the interpreter keeps its tensors
    between setting the input and reading the outputs. Several instances of
    the same bytes in several threads are fine and can run at the same time: the
    call into the interpreter releases the global interpreter lock.

    The runtime is native code: some damaged or hostile files crash it before
    any check can. Show it only files whose hash is that of a bundle you trust,
    or that ``probe_model`` has let through.

    Parameters
    ----------
    model : Path, str or bytes
        A ``.tflite`` file or its content. Prefer the bytes whose hash was
        checked, so that nobody can exchange the file in between.
    threads : int
        Threads the interpreter may use for one call.
    input_mean, input_std : sequence of float, optional
        Per channel, in the units of the input (0..255): the model is given
        ``(x - mean) / std``. Default: the values as they are.
    name : str, optional
        What error messages call the model; default is the file name.

    Raises
    ------
    BundleError
        The file is missing, is no TensorFlow Lite model, is damaged, needs
        operations this runtime lacks, or has inputs of a kind not supported.
    """

    def __init__(
        self,
        model: Path | str | bytes,
        threads: int = 1,
        *,
        input_mean: Sequence[float] | None = None,
        input_std: Sequence[float] | None = None,
        name: str | None = None,
    ) -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        if isinstance(model, bytes):
            content, self.name = model, name or "model"
        else:
            content, self.name = _read_model(Path(model)), name or str(model)
        self.threads = threads
        self.calls = 0
        check_model_header(content, self.name)
        interpreter_type = interpreter_class()
        try:
            self._interpreter = interpreter_type(model_content=content, num_threads=threads)
            _check_tensor_sizes(self._interpreter, self.name)
            self._interpreter.allocate_tensors()
            inputs = self._interpreter.get_input_details()
            outputs = self._interpreter.get_output_details()
            keys = _signature_keys(self._interpreter)
        except _MODEL_ERRORS as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise BundleError(
                f"{self.name}: the TensorFlow Lite runtime refuses this model ({reason}); "
                "the file is damaged or needs a newer runtime"
            ) from error
        if len(inputs) != 1 or not outputs:
            raise BundleError(
                f"{self.name}: the model has {len(inputs)} inputs and {len(outputs)} outputs; "
                "expected one input and at least one output"
            )
        self.input = _tensor_spec(inputs[0], keys, self.name)
        self.outputs = tuple(_tensor_spec(details, keys, self.name) for details in outputs)
        if self.input.dtype not in (*_QUANTISED, np.dtype(np.float32)):
            raise BundleError(
                f"{self.name}: the input is {self.input.dtype}; expected float32, int8 or uint8"
            )
        if len(self.input.shape) < 2 or self.input.shape[0] != 1:
            raise BundleError(
                f"{self.name}: the input has shape {self.input.shape}; expected a batch of one"
            )
        self._input_index = int(inputs[0]["index"])
        self._output_indices = tuple(int(details["index"]) for details in outputs)
        channels = self.input.shape[-1]
        self._mean = _per_channel(input_mean, channels, 0.0, f"{self.name}: input_mean")
        self._std = _per_channel(input_std, channels, 1.0, f"{self.name}: input_std")
        if not (self._std > 0).all():
            raise BundleError(f"{self.name}: input_std must be above 0, got {input_std}")
        # Normalisation and quantisation of 8-bit pixels: one table look-up.
        self._table = self._stored(np.tile(np.arange(256, dtype=np.float32)[:, None], channels))

    def run(self, x: NDArray[np.uint8] | NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Call the model and return every output in real units.

        Parameters
        ----------
        x : ndarray, uint8 or float32, shape of the input with or without the batch
            Pixels, 0..255, before the normalisation given to the constructor.
            uint8 is fastest. Values beyond what a quantised input can hold
            saturate; NaN counts as the mean.

        Returns
        -------
        list of ndarray, float32
            One per output, in the order of ``outputs``; copies.

        Raises
        ------
        ValueError
            ``x`` has another shape than the model's input.
        BundleError
            The runtime fails on the model.
        """
        return [output.real() for output in self.run_raw(x)]

    def run_raw(self, x: NDArray[np.uint8] | NDArray[np.float32]) -> list[RawOutput]:
        """Call the model and return its outputs as stored, with their scales.

        For decoders that drop most values before converting any. Arguments,
        order and errors are those of ``run``; the arrays are copies.
        """
        self._interpreter.set_tensor(self._input_index, self._prepare(x))
        self.invoke()
        return [
            RawOutput(self._interpreter.get_tensor(index), spec)
            for index, spec in zip(self._output_indices, self.outputs, strict=True)
        ]

    def invoke(self) -> None:
        """Run the model on the input of the last call: the bare cost of the runtime.

        ``calls`` counts these runs.
        """
        self.calls += 1
        try:
            self._interpreter.invoke()
        except _MODEL_ERRORS as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise BundleError(f"{self.name}: the model fails when called ({reason})") from error

    def output_index(self, key: int | str) -> int:
        """Return the position of an output given by position, signature key or tensor name.

        Raises
        ------
        BundleError
            There is no such output; the message lists those there are.
        """
        if isinstance(key, int):
            if 0 <= key < len(self.outputs):
                return key
        else:
            for names in ([o.key for o in self.outputs], [o.name for o in self.outputs]):
                if names.count(key) == 1:
                    return names.index(key)
        known = ", ".join(
            f"{i}: {spec.key or spec.name} {spec.shape}" for i, spec in enumerate(self.outputs)
        )
        raise BundleError(f"{self.name}: there is no output {key!r}; outputs are {known}")

    def _prepare(self, x: NDArray[Any]) -> NDArray[Any]:
        shape = self.input.shape
        if x.shape != shape:
            if x.shape != shape[1:]:
                raise ValueError(f"{self.name}: input has shape {x.shape}, expected {shape}")
            x = x[None]
        if x.dtype != np.uint8:
            return self._stored(np.asarray(x, dtype=np.float32))
        channels = shape[-1]
        if channels in (1, 3, 4) and len(shape) == 4:
            import cv2

            pixels = np.ascontiguousarray(x[0])
            table = self._table.reshape(256, 1, channels)
            return np.asarray(cv2.LUT(pixels, table)).reshape(shape)
        return np.asarray(self._table[x, np.arange(channels)])

    def _stored(self, x: NDArray[np.float32]) -> NDArray[Any]:
        """Normalise real values and convert them to the input's number format."""
        real = (x - self._mean) / self._std
        real = np.nan_to_num(real, copy=False, nan=0.0, posinf=1e30, neginf=-1e30)
        dtype = self.input.dtype
        if dtype == np.float32:
            return np.asarray(real, dtype=np.float32)
        scale, zero_point = (
            (self.input.scale, self.input.zero_point) if self.input.scale else (1, 0)
        )
        limits = np.iinfo(dtype)
        stored = np.rint(real / np.float32(scale)) + np.float32(zero_point)
        return np.asarray(np.clip(stored, limits.min, limits.max), dtype=dtype)


def check_model_header(content: bytes, name: str) -> None:
    """Refuse what cannot be a TensorFlow Lite file, before native code sees it.

    Raises
    ------
    BundleError
        Empty, too large, without the file identifier, or with a root table
        outside the file.
    """
    if len(content) < 16 or content[4:8] != FILE_IDENTIFIER:
        raise BundleError(
            f"{name}: not a TensorFlow Lite model ({len(content)} bytes, no "
            f"{FILE_IDENTIFIER.decode()} identifier); export it again"
        )
    if len(content) > MAX_MODEL_BYTES:
        raise BundleError(
            f"{name}: the model has {len(content)} bytes, more than the {MAX_MODEL_BYTES} allowed"
        )
    root = int.from_bytes(content[:4], "little")
    if not 8 <= root <= len(content) - 4:
        raise BundleError(f"{name}: the model file is damaged (root table outside the file)")


def probe_model(
    content: bytes,
    name: str = "model",
    *,
    timeout_s: float = 30.0,
    memory_bytes: int = 4 * 1024**3,
) -> None:
    """Load and call a model from an unknown hand in a child process first.

    A hostile file that crashes or blocks the native runtime, or asks for more
    memory than allowed, then takes the child down instead of the daemon.

    Raises
    ------
    BundleError
        The child refused the model, crashed, or ran out of time or memory.
    """
    check_model_header(content, name)
    try:
        child = subprocess.run(
            [sys.executable, "-c", _PROBE, str(memory_bytes)],
            input=content,
            capture_output=True,
            timeout=timeout_s,
            env=child_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"{name}: one call of the model takes more than {timeout_s} s") from error
    if child.returncode == 0:
        return
    said = child.stdout.decode("utf-8", "replace")
    if child.returncode == 3 and said.startswith("galaxy-edge: "):
        raise BundleError(f"{name}: {said.removeprefix('galaxy-edge: ').removeprefix('model: ')}")
    if child.returncode < 0:
        raise BundleError(
            f"{name}: the model crashes the TensorFlow Lite runtime (signal {-child.returncode})"
        )
    last = child.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    raise BundleError(f"{name}: the model cannot be tried out ({' '.join(last)[:300]})")


def _read_model(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise BundleError(f"{path}: the model is larger than {MAX_MODEL_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot read the model ({error.strerror})") from error


def _check_tensor_sizes(interpreter: Any, model_name: str) -> None:
    """Refuse a model that asks for absurd amounts of memory, before it gets them."""
    for details in interpreter.get_tensor_details():
        size = math.prod(int(side) for side in details["shape"])
        if size * np.dtype(details["dtype"]).itemsize > MAX_TENSOR_BYTES:
            raise BundleError(
                f"{model_name}: tensor {str(details['name'])[:80]} has the shape "
                f"{tuple(int(side) for side in details['shape'])}; the file is damaged or hostile"
            )


def _signature_keys(interpreter: Any) -> dict[int, str]:
    """Names of inputs and outputs by tensor index, where the file has one signature."""
    signatures = interpreter.get_signature_list()
    if len(signatures) != 1:
        return {}
    runner = interpreter.get_signature_runner(next(iter(signatures)))
    details = {**runner.get_input_details(), **runner.get_output_details()}
    return {int(item["index"]): str(key) for key, item in details.items()}


def _tensor_spec(details: Any, keys: dict[int, str], model_name: str) -> TensorSpec:
    quantisation = details["quantization_parameters"]
    if len(quantisation["scales"]) > 1:
        raise BundleError(
            f"{model_name}: tensor {details['name']} is quantised per channel; "
            "inputs and outputs must have one scale"
        )
    scale, zero_point = details["quantization"]
    return TensorSpec(
        name=str(details["name"]),
        key=keys.get(int(details["index"]), ""),
        shape=tuple(int(size) for size in details["shape"]),
        dtype=np.dtype(details["dtype"]),
        scale=float(scale),
        zero_point=int(zero_point),
    )


def _per_channel(
    values: Sequence[float] | None, channels: int, default: float, name: str
) -> NDArray[np.float32]:
    array = np.asarray([default] * channels if values is None else values, dtype=np.float32)
    if array.size not in (1, channels) or not np.isfinite(array).all():
        raise BundleError(f"{name} must be {channels} finite numbers, got {values}")
    return np.broadcast_to(array.reshape(-1), (channels,)).copy()
