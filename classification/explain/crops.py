"""Crops as networks take them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import GalaxyEdgeError

Crops = NDArray[np.uint8] | NDArray[np.float32]
"""(N, S, S, 3) or, of one, (S, S, 3); RGB, 0 to 255."""

Progress = Callable[[int, int], None]
"""Called with what is done and all there is to do."""

BATCH = 64
"""Crops that go through a network at a time."""


def check_crops(crops: Crops, size_px: int, name: str) -> None:
    """Refuse what a network cannot have been trained on.

    Parameters
    ----------
    crops : ndarray
        Should be (N, size_px, size_px, 3), uint8 or floating point, 0 to 255.
    size_px : int
    name : str
        Of the network, for the message.

    Raises
    ------
    GalaxyEdgeError
    """
    if crops.ndim != 4 or crops.shape[1:] != (size_px, size_px, 3):
        raise GalaxyEdgeError(
            f"{name}: takes crops of shape (N, {size_px}, {size_px}, 3), not {crops.shape}; "
            "prepare the picture as the network was trained"
        )
    if crops.dtype == np.uint8 or not crops.size:
        return
    if not np.issubdtype(crops.dtype, np.floating):
        raise GalaxyEdgeError(f"{name}: takes crops of uint8 or float32, not {crops.dtype}")
    low, high = float(crops.min()), float(crops.max())
    if not (low >= 0.0 and high <= 255.0):  # also where one of them is NaN
        raise GalaxyEdgeError(f"{name}: pixels are 0 to 255; these are {low:g} to {high:g}")
