"""Mixed precision: 16-bit arithmetic where a graphics card is fast at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import tensorflow as tf
import tf_keras

from edge_runtime.errors import ConfigError

AUTO, OFF = "auto", "off"
CHOICES = (AUTO, OFF, "bfloat16", "float16")
# Compute capabilities from which NVIDIA's cards have fast units for a format.
_BFLOAT16_FROM = (8, 0)
_FLOAT16_FROM = (7, 0)


@dataclass(frozen=True, slots=True)
class Device:
    """What a training runs on.

    Attributes
    ----------
    name : str
    compute_capability : tuple of int or None
        None for processors.
    """

    name: str
    compute_capability: tuple[int, int] | None

    @property
    def is_gpu(self) -> bool:
        """Whether it is a graphics card."""
        return self.compute_capability is not None


def first_device() -> Device:
    """The first graphics card TensorFlow sees, else the processor."""
    cards = tf.config.list_physical_devices("GPU")
    if not cards:
        return Device("CPU", None)
    details = tf.config.experimental.get_device_details(cards[0])
    return Device(str(details.get("device_name", "GPU")), details.get("compute_capability", (0, 0)))


def precision_for(choice: str, device: Device) -> str:
    """Number format for a device: ``bfloat16``, ``float16`` or ``off``.

    Raises
    ------
    ConfigError
        The choice is unknown.
    """
    if choice not in CHOICES:
        raise ConfigError(f"--mixed-precision {choice}: use {', '.join(CHOICES)}")
    if choice != AUTO:
        return choice
    capability = device.compute_capability or (0, 0)
    if capability >= _BFLOAT16_FROM:
        return "bfloat16"
    return "float16" if capability >= _FLOAT16_FROM else OFF


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Make networks compute in a format; weights stay float32."""
    before = tf_keras.mixed_precision.global_policy()
    if precision != OFF:
        tf_keras.mixed_precision.set_global_policy(f"mixed_{precision}")
    try:
        yield
    finally:
        tf_keras.mixed_precision.set_global_policy(before)
