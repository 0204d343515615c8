"""Prepared crops of a set: in memory, in a file read batch by batch, or made anew each time."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet
from classification.preparation import Preparation
from edge_runtime.errors import GalaxyEdgeError

_log = logging.getLogger(__name__)

MEMORY_LIMIT_BYTES = 1 << 30
"""Sets whose crops need more than this are not held in memory."""

_BLOCK_ROWS = 256
_VERSION = 1  # of the way crops are made; a change makes old files stale

Progress = Callable[[int, int], None]


class Crops(Protocol):
    """Prepared crops, read some at a time from any thread."""

    def __len__(self) -> int: ...

    def read(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Crops of some rows, shape (len(rows), S, S, 3), uint8."""
        ...


@dataclass(frozen=True, slots=True)
class CropsInMemory:
    """Crops of a set that fits in memory.

    Attributes
    ----------
    pixels : ndarray, shape (N, S, S, 3), uint8
    """

    pixels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """See ``Crops``."""
        return self.pixels[rows]


@dataclass(frozen=True, slots=True)
class CropsInFile:
    """Crops in a ``.npy`` file, mapped anew for each read.

    So no more than the rows of one batch count towards the memory of the
    process, and worker processes share nothing but the path.

    Attributes
    ----------
    path : Path
    count : int
    """

    path: Path
    count: int

    def __len__(self) -> int:
        return self.count

    def read(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """See ``Crops``."""
        return np.asarray(np.load(self.path, mmap_mode="r")[rows], dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class CropsOnDemand:
    """Crops that are decoded and prepared whenever they are read.

    Attributes
    ----------
    galaxies : GalaxySet
    preparation : Preparation
    """

    galaxies: GalaxySet
    preparation: Preparation

    def __len__(self) -> int:
        return len(self.galaxies)

    def read(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """See ``Crops``."""
        size = self.preparation.size_px
        crops = np.empty((len(rows), size, size, 3), np.uint8)
        for place, row in enumerate(rows):
            crops[place] = self.preparation.prepare(
                self.galaxies.pictures.read(int(row)), float(self.galaxies.frame_scale[row])
            )
        return crops


def prepare_crops(
    galaxies: GalaxySet,
    preparation: Preparation,
    *,
    cache: Path | None = None,
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
    progress: Progress | None = None,
) -> Crops:
    """Make the crops of a set ready to be read in any order.

    Parameters
    ----------
    galaxies : GalaxySet
    preparation : Preparation
    cache : Path or None
        Folder for the file of a set beyond the limit; None decodes its
        pictures anew whenever they are read.
    memory_limit_bytes : int
        Sets whose crops need no more are held in memory.
    progress : callable or None
        Told how many pictures of how many are prepared.

    Returns
    -------
    Crops
        In the order of the set.

    Raises
    ------
    GalaxyEdgeError
        A picture cannot be read, or the cache cannot be written.
    """
    on_demand = CropsOnDemand(galaxies, preparation)
    needed = len(galaxies) * _row_bytes(preparation)
    if needed <= memory_limit_bytes:
        pixels = np.empty((len(galaxies), preparation.size_px, preparation.size_px, 3), np.uint8)
        for rows, crops in _blocks(on_demand, 0, progress):
            pixels[rows] = crops
        return CropsInMemory(pixels)
    if cache is None:
        return on_demand
    try:
        return _crops_in_file(on_demand, cache, progress)
    except OSError as error:
        raise GalaxyEdgeError(
            f"{cache}: cannot keep {needed / 1e6:.0f} MB of prepared pictures ({error})"
        ) from error


def cache_key(galaxies: GalaxySet, preparation: Preparation) -> str:
    """Name of the prepared crops of a set: changes with its labels, rows and preparation."""
    digest = hashlib.sha256()
    record = [_VERSION, galaxies.data_hash, len(galaxies), asdict(preparation)]
    digest.update(json.dumps(record).encode())
    for row in range(len(galaxies)):
        digest.update(f"{galaxies.pictures.name(row)}\0{galaxies.frame_scale[row]}\n".encode())
    return digest.hexdigest()[:20]


def _crops_in_file(crops: CropsOnDemand, cache: Path, progress: Progress | None) -> CropsInFile:
    cache.mkdir(parents=True, exist_ok=True)
    key = cache_key(crops.galaxies, crops.preparation)
    path = cache / f"crops-{key}.npy"
    with _locked(cache / f"crops-{key}.lock"):
        if not path.exists():
            _fill(crops, path, progress)
    return CropsInFile(path, len(crops))


def _fill(crops: CropsOnDemand, path: Path, progress: Progress | None) -> None:
    """Write the file block by block; one that was broken off is gone on with."""
    partial = path.with_suffix(".partial")
    size = crops.preparation.size_px
    header = _npy_header((len(crops), size, size, 3))
    row_bytes = _row_bytes(crops.preparation)
    written = partial.stat().st_size if partial.exists() else 0
    # what lies beyond the last whole block may be torn
    blocks = max(0, written - len(header)) // (_BLOCK_ROWS * row_bytes)
    first = min(blocks * _BLOCK_ROWS, len(crops))
    if first:
        _log.info("%s: goes on at picture %d of %d", partial, first, len(crops))
    with partial.open("r+b" if partial.exists() else "w+b") as stream:
        stream.truncate(len(header) + first * row_bytes if first else 0)
        if not first:
            stream.write(header)
        stream.seek(0, os.SEEK_END)
        for _, block in _blocks(crops, first, progress):
            stream.write(block.tobytes())
            stream.flush()
            os.fsync(stream.fileno())
    partial.replace(path)


def _npy_header(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def _blocks(
    crops: CropsOnDemand, first: int, progress: Progress | None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Blocks of crops in order, each decoded by all cores."""
    workers = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        for start in range(first, len(crops), _BLOCK_ROWS):
            rows = np.arange(start, min(start + _BLOCK_ROWS, len(crops)))
            parts = pool.map(crops.read, np.array_split(rows, workers))
            yield rows, np.concatenate(list(parts))
            if progress is not None:
                progress(int(rows[-1]) + 1, len(crops))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the lock of a killed one is free."""
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("%s: another training prepares these pictures; waiting for it", path)
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _row_bytes(preparation: Preparation) -> int:
    return preparation.size_px * preparation.size_px * 3
