"""Sensor noise fast enough for video rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class NoiseBank:
    """Standard normal noise, drawn once and read from random places.

    A frame of two million pixels takes longer to draw afresh than to expose, so
    each row of an exposure is a stretch of the bank that starts at a random place:
    single pixels are independent from frame to frame, and no pattern stays.

    Parameters
    ----------
    seed : int
        Seed of the bank.
    size : int
        Number of values; must exceed the longest row. Default 2^21 (8 MB).
    """

    def __init__(self, seed: int, size: int = 2**21) -> None:
        self._values = np.random.default_rng([seed, 0x4E01]).standard_normal(size, np.float32)

    def rows(self, rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
        """Return noise of unit variance, shape (height, width), float32."""
        starts = rng.integers(0, self._values.size - width, height)
        out = np.empty((height, width), dtype=np.float32)
        for row, start in enumerate(starts):
            out[row] = self._values[start : start + width]
        return out
