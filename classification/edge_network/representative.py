"""Training crops that set the ranges of an int8 network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotations.galaxy_zoo import GalaxyTable, read_crops
from classification.edge_network.data import BatchPlan, CropBatches, cache_galaxies
from classification.edge_network.negatives import EmptyFrame
from edge_runtime.sighting import CLASS5


def representative_crops(
    table: GalaxyTable, frames: Sequence[EmptyFrame], size_px: int, count: int, seed: int
) -> NDArray[np.uint8]:
    """Training crops of every look, for setting the ranges of an int8 network.

    Parameters
    ----------
    table : GalaxyTable
        Labels; only rows of the training split are used.
    frames : sequence of EmptyFrame
        Training frames without a galaxy.
    size_px, count, seed : int
        Side and number of the crops, and seed of their draw.

    Returns
    -------
    ndarray, shape (count, size_px, size_px, 3), uint8
        Half of them as cut out, half augmented galaxies and crops without one.
    """
    rng = np.random.default_rng(seed)
    rows = table.where("train", ("kaggle", "gz2"))
    keep = np.zeros(len(rows), bool)
    keep[rng.choice(len(rows), size=min(len(rows), count), replace=False)] = True
    rows = rows.rows(keep)
    plain = read_crops(rows, size_px)[: count // 2]
    cache = cache_galaxies(rows, (1.0,) * len(CLASS5), 1.0, size_px)
    none = np.empty((0, size_px, size_px, 3), np.uint8)
    plan = BatchPlan()
    batches = CropBatches(
        cache, frames, none, none, plan, size_px, max(1, count // plan.galaxies), (seed,)
    )
    augmented = np.concatenate([batches[i][0] for i in range(len(batches))])
    missing = count - len(plain)
    return np.concatenate([plain, augmented[:missing].astype(np.uint8)])
