"""Crops that a detector was right or wrong about, of several archives, as one sequence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import GalaxyEdgeError

MOST_REPEATS = 8
"""Of the crops of a small archive."""


class MinedCrops:
    """Crops of all archives, those of each about as often as those of the largest one.

    Repeated crops are in memory once.

    Parameters
    ----------
    archives : sequence of ndarray, shape (N, S, S, 3), uint8
        Each with at least one crop; there may be none.
    """

    def __init__(self, archives: Sequence[NDArray[np.uint8]] = ()) -> None:
        self._archives = tuple(archives)
        most = max((len(crops) for crops in archives), default=0)
        self._ends = np.cumsum(
            [len(crops) * min(MOST_REPEATS, round(most / len(crops))) for crops in archives],
            dtype=np.int64,
        )

    @classmethod
    def read(cls, paths: Sequence[Path], size_px: int) -> MinedCrops:
        """Crops of ``.npz`` archives, scaled to ``size_px``.

        Raises
        ------
        GalaxyEdgeError
            A file is missing, damaged, or holds something else.
        """
        return cls([read_crop_archive(path, size_px) for path in paths])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        if not 0 <= row < len(self):
            raise IndexError(row)
        place = int(np.searchsorted(self._ends, row, side="right"))
        start = int(self._ends[place - 1]) if place else 0
        crops = self._archives[place]
        return crops[(row - start) % len(crops)]


def read_crop_archive(path: Path | str, size_px: int) -> NDArray[np.uint8]:
    """Read crops saved by a detector run.

    Parameters
    ----------
    path : path
        An ``.npz`` with ``crops``, shape (N, S, S, 3), uint8, RGB.
    size_px : int
        Side the crops are scaled to.

    Raises
    ------
    GalaxyEdgeError
        If the file is missing, damaged, or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "crops" not in archive:
                raise GalaxyEdgeError(f"{path}: has no array named 'crops'")
            crops = archive["crops"]
    except (OSError, ValueError) as error:
        raise GalaxyEdgeError(f"{path}: cannot be read as an .npz archive ({error})") from error
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[3] != 3 or not len(crops):
        raise GalaxyEdgeError(
            f"{path}: crops are {crops.dtype} {crops.shape}; expected uint8 (N, S, S, 3)"
        )
    if crops.shape[1:3] == (size_px, size_px):
        return crops
    return np.stack(
        [cv2.resize(c, (size_px, size_px), interpolation=cv2.INTER_AREA) for c in crops]
    )
