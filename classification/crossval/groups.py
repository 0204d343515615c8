"""Which rows of a set show the same galaxy.

A galaxy may be there twice: in two catalogues with numbers of their own, cut or
encoded differently. Trained on one copy and judged on the other, a network
would look better than it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet
from classification.picture_cache import Progress, prepare_crops
from classification.preparation import Preparation

SIGNATURE = Preparation(crop_frame_px=205.0, size_px=16, interpolation="area")
"""Middle of each picture, the field that all sources have, at the size of a stamp."""

LEAST_CORRELATION = 0.995
"""Of two stamps of one galaxy.

Among 5,008 galaxies of Galaxy Zoo, copies correlate by 1.000, copies that were
shrunk by 0.7 and encoded anew by 0.997 or more, and the most alike of the
others by 0.992.
"""

_MEAN_TOLERANCE = 2.0  # grey values by which the means of two copies may differ
_BLOCK = 512


def galaxy_groups(galaxies: GalaxySet, progress: Progress | None = None) -> tuple[str, ...]:
    """Name of the group of each row: rows of one id, or with one picture, share theirs.

    Turned or mirrored copies are not recognised.

    Parameters
    ----------
    galaxies : GalaxySet
    progress : callable, optional
        Told how many pictures of how many are read.

    Returns
    -------
    tuple of str
        The first id of the group in the order of the alphabet, so that a
        galaxy without copies has its own.

    Raises
    ------
    GalaxyEdgeError
        A picture cannot be read.
    """
    crops = prepare_crops(galaxies, SIGNATURE, progress=progress)
    pairs = same_pictures(crops.read(np.arange(len(galaxies))))
    first_of: dict[str, int] = {}
    parent = list(range(len(galaxies)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for row, identity in enumerate(galaxies.ids):
        parent[root(row)] = root(first_of.setdefault(identity, row))
    for a, b in pairs:
        parent[root(int(a))] = root(int(b))
    names: dict[int, str] = {}
    for row, identity in enumerate(galaxies.ids):
        top = root(row)
        names[top] = min(names.get(top, identity), identity)
    return tuple(names[root(row)] for row in range(len(galaxies)))


def same_pictures(stamps: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pairs of stamps that show the same.

    Parameters
    ----------
    stamps : ndarray, shape (N, S, S, 3), uint8

    Returns
    -------
    ndarray, shape (P, 2), int64
        Rows, each pair once. A picture of one colour is like no other.
    """
    values = stamps.reshape(len(stamps), -1).astype(np.float32)
    means = values.mean(axis=1)
    order = np.argsort(means, kind="stable")
    values, means = values[order] - means[order, None], means[order]
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    found = []
    for start in range(0, len(values), _BLOCK):
        stop = min(start + _BLOCK, len(values))
        # sorted by their means, so copies lie close to one another
        end = int(np.searchsorted(means, means[stop - 1] + _MEAN_TOLERANCE, side="right"))
        alike = values[start:stop] @ values[start:end].T >= LEAST_CORRELATION
        a, b = np.nonzero(np.triu(alike, k=1))
        found.append(np.stack([order[start + a], order[start + b]], axis=1))
    return np.concatenate([np.empty((0, 2), np.int64), *found])
