"""Width of the numbers a network is trained with, and the device that trains it."""

from __future__ import annotations

import logging
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from edge_runtime.errors import ConfigError

_log = logging.getLogger(__name__)

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")

_BFLOAT16_CAPABILITY = 8.0
"""NVIDIA GPUs from this on (Ampere) compute with bfloat16."""


def choose_precision(wanted: str) -> str:
    """Name of the Keras dtype policy to train with.

    Parameters
    ----------
    wanted : str
        One of ``PRECISIONS``. ``auto`` is mixed precision where the backend
        has a GPU and float32 elsewhere.

    Raises
    ------
    ConfigError
        The name is unknown.
    """
    if wanted not in PRECISIONS:
        raise ConfigError(f"unknown precision {wanted!r}; known: {', '.join(PRECISIONS)}")
    if wanted != "auto":
        return wanted
    if has_gpu():
        return precision_of_gpu(_gpu_capabilities())
    if processor_has_bfloat16():
        _log.info("this processor computes in bfloat16: --mixed-precision mixed_bfloat16 is faster")
    return "float32"


def fastest_precision(*, plain_convolutions: bool = True) -> str:
    """Name of the Keras dtype policy that trains fastest here.

    Parameters
    ----------
    plain_convolutions : bool
        Depthwise ones are slower in bfloat16 than in float32 on processors.
    """
    if has_gpu():
        return precision_of_gpu(_gpu_capabilities())
    if plain_convolutions and processor_has_bfloat16():
        return "mixed_bfloat16"
    return "float32"


def processor_has_bfloat16() -> bool:
    """Whether TensorFlow computes ordinary convolutions faster in bfloat16 on this processor."""
    return keras.backend.backend() == "tensorflow" and "avx512_bf16" in _processor_flags()


def precision_of_gpu(capabilities: list[float]) -> str:
    """Mixed precision that suits all GPUs, given their compute capabilities.

    Where they are not known, float16, which all of them have.
    """
    if capabilities and min(capabilities) >= _BFLOAT16_CAPABILITY:
        return "mixed_bfloat16"
    return "mixed_float16"


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build layers with a dtype policy, and put the one before back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def has_gpu() -> bool:
    """Whether the backend computes on a GPU."""
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        return bool(torch.cuda.is_available())
    if backend == "jax":
        import jax

        return bool(jax.default_backend() == "gpu")
    return bool(keras.distribution.list_devices("gpu"))


def device_name() -> str:
    """Name of the GPU or processor that trains."""
    if has_gpu():
        names = _nvidia_query("name")
        return f"{len(names)} × {names[0]}" if len(names) > 1 else (names or ["GPU"])[0]
    return _processor_name()


def _gpu_capabilities() -> list[float]:
    return [float(value) for value in _nvidia_query("compute_cap")]


def _nvidia_query(field: str) -> list[str]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    done = subprocess.run(
        [tool, f"--query-gpu={field}", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _processor_flags() -> set[str]:
    return set(_processor_field("flags").split())


def _processor_name() -> str:
    return _processor_field("model name") or platform.processor() or platform.machine()


def _processor_field(name: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
