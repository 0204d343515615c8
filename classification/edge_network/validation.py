"""The fixed crops a classifier is validated on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotations.galaxy_zoo import GalaxyTable, read_crops
from classification.edge_network import negatives
from classification.edge_network.augmentation import expose
from classification.edge_network.data import (
    SOURCES,
    BatchPlan,
    CropBatches,
    GalaxyCache,
    cache_galaxies,
)
from classification.edge_network.evaluation import VetoSet
from classification.edge_network.negatives import EmptyFrame
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.sighting import CLASS5


@dataclass(frozen=True, slots=True)
class ValidationSet:
    """What every epoch is scored on.

    Attributes
    ----------
    crops : ndarray, shape (N, S, S, 3), uint8, RGB
        Labelled galaxies as cut out.
    table : GalaxyTable
        Their labels, row by row.
    veto : VetoSet
        Degraded galaxies and crops without one.
    """

    crops: NDArray[np.uint8]
    table: GalaxyTable
    veto: VetoSet


def validation_set(table: GalaxyTable, frames: Sequence[EmptyFrame], size_px: int) -> ValidationSet:
    """Crops and labels of the validation split, and a fixed set for the veto.

    Parameters
    ----------
    table : GalaxyTable
        All labels; only the validation split is used.
    frames : sequence of EmptyFrame
        Validation frames without a galaxy.
    size_px : int
        Side of a crop.

    Raises
    ------
    GalaxyEdgeError
        If no picture of the validation split has a label.
    """
    rows = table.where("val", SOURCES)
    rows = rows.rows(rows.has_class | rows.has_votes)
    if not len(rows):
        raise GalaxyEdgeError(f"{table.directory}: no labelled picture in the split 'val'")
    cache = cache_galaxies(rows, (1.0,) * 5, 1.0, size_px)
    veto = VetoSet(
        degraded_galaxies(cache.pictures[::2], size_px, frames, seed=1),
        empty_crops(frames, size_px, per_frame=8, seed=2),
    )
    return ValidationSet(read_crops(rows, size_px), rows, veto)


def degraded_galaxies(
    pictures: NDArray[np.uint8], size_px: int, frames: Sequence[EmptyFrame], seed: int
) -> NDArray[np.float32]:
    """Each cached picture once in the telescope look, for validating the veto."""
    n = len(pictures)
    empty = np.empty((0, size_px, size_px, 3), np.uint8)
    unknown = GalaxyCache(
        pictures,
        np.full((n, len(VOTE_COLUMNS)), np.nan, np.float32),
        np.full((n, len(CLASS5)), np.nan, np.float32),
        np.ones(n),
    )
    batches = CropBatches(
        unknown,
        frames,
        empty,
        empty,
        BatchPlan(galaxies=1, negatives=0, telescope=1.0),
        size_px,
        1,
        (seed,),
    )
    rng = np.random.default_rng(seed)
    crops = np.stack([batches.galaxy(i, True, rng) for i in range(n)])
    return expose(crops, np.ones(n, bool), rng)


def empty_crops(
    frames: Sequence[EmptyFrame], size_px: int, per_frame: int, seed: int
) -> NDArray[np.float32]:
    """Fixed crops without a galaxy, half of them at bright places, for validation."""
    rng = np.random.default_rng(seed)
    crops = [
        (negatives.bright_place if i % 2 else negatives.random_place)(frame, size_px, rng)
        for frame in frames
        for i in range(per_frame)
    ]
    return np.array(crops, np.float32).reshape(-1, size_px, size_px, 3)
