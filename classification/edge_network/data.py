"""Batches for training the classifier: galaxies, crops without one, their labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from annotations.galaxy_zoo import GalaxyTable, read_crops
from classification.edge_network import negatives
from classification.edge_network.augmentation import (
    LOOKS,
    cross_edge,
    degrade,
    expose,
    jpeg,
    warp,
)
from classification.edge_network.mined_crops import MinedCrops
from classification.edge_network.negatives import EmptyFrame
from edge_runtime.crops import CROP_SIDE_R90
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.sighting import CLASS5

SOURCES = ("kaggle", "kaggle_extra", "gz2")
"""Sources whose pictures have a known scale."""

CACHE_SIDE_R90 = 5.28
CACHE_PIXELS = 1.5
"""Pictures are kept a little wider than a crop, so that shifts and turns have pixels, and of
so many pixels for each of the crop's."""

Targets = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class GalaxyCache:
    """Training pictures in memory with their targets.

    Attributes
    ----------
    pictures : ndarray, shape (N, P, P, 3), uint8, RGB
        ``CACHE_SIDE_R90`` wide.
    votes : ndarray, shape (N, 37), float32
        Vote fractions; rows of NaN where unknown.
    class5 : ndarray, shape (N, 5), float32
        Class probabilities; rows of NaN where unknown.
    draw_weight : ndarray, shape (N,), float64
        How often a picture is drawn, relative to the others.
    """

    pictures: NDArray[np.uint8]
    votes: NDArray[np.float32]
    class5: NDArray[np.float32]
    draw_weight: NDArray[np.float64]


def cache_galaxies(
    table: GalaxyTable,
    class_draw_weights: Sequence[float],
    unlabelled_weight: float,
    size_px: int = 64,
) -> GalaxyCache:
    """Read the pictures of a table into memory.

    Parameters
    ----------
    table : GalaxyTable
        Rows with a known ``frame_scale``.
    class_draw_weights : sequence of float, length 5
        How often pictures of each class are drawn; those with votes and no class
        are drawn with weight 1.
    unlabelled_weight : float
        Weight of pictures with neither votes nor a class.
    size_px : int
        Side of the crops that will be cut from them.
    """
    class5 = np.full((len(table), len(CLASS5)), np.nan, np.float32)
    class5[table.has_class] = np.eye(len(CLASS5), dtype=np.float32)[table.class5[table.has_class]]
    weight = np.where(table.has_votes, 1.0, unlabelled_weight)
    weight[table.has_class] = np.asarray(class_draw_weights)[table.class5[table.has_class]]
    pictures = read_crops(table, round(CACHE_PIXELS * size_px), side_r90=CACHE_SIDE_R90)
    return GalaxyCache(pictures, table.votes.copy(), class5, weight)


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What a batch holds.

    Attributes
    ----------
    galaxies, negatives : int
        Galaxies and crops without one in a batch.
    telescope : float
        Part of the galaxies that get the telescope look.
    rescaled : float
        Part of the others that keep the survey's look and are zoomed as far.
    composite : float
        Part of those that are laid over a real star field.
    mined, mined_galaxies : float
        Part of the negatives taken from archives of mistakes, and of the
        galaxies from archives of detected galaxies, where there are any.
    strength : float
        Of the augmentation; see ``Look.scaled``.
    """

    galaxies: int = 64
    negatives: int = 24
    telescope: float = 0.4
    rescaled: float = 0.0
    composite: float = 0.4
    mined: float = 0.3
    mined_galaxies: float = 0.15
    strength: float = 1.0


class CropBatches(keras.utils.PyDataset):
    """One epoch of augmented batches.

    Parameters
    ----------
    galaxies : GalaxyCache
    frames : sequence of EmptyFrame
        Real frames without a galaxy; may be empty.
    mined_negatives, mined_galaxies : MinedCrops
        From the detector; may be empty.
    plan : BatchPlan
    size_px : int
        Side of a crop.
    batches : int
        Batches in the epoch.
    seed : sequence of int
        Every batch is drawn from this seed and its own number.
    """

    def __init__(
        self,
        galaxies: GalaxyCache,
        frames: Sequence[EmptyFrame],
        mined_negatives: MinedCrops,
        mined_galaxies: MinedCrops,
        plan: BatchPlan,
        size_px: int,
        batches: int,
        seed: Sequence[int],
    ) -> None:
        super().__init__(workers=1, max_queue_size=8)
        self._galaxies = galaxies
        self._frames = frames
        self._mined_negatives = mined_negatives
        self._mined_galaxies = mined_galaxies
        self._plan = plan
        self._looks = LOOKS.scaled(plan.strength)
        self._size_px = size_px
        self._batches = batches
        self._seed = tuple(seed)
        weight = galaxies.draw_weight
        self._order = np.random.default_rng(self._seed).choice(
            len(weight), size=batches * plan.galaxies, p=weight / weight.sum()
        )

    def __len__(self) -> int:
        return self._batches

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], Targets]:
        plan, size = self._plan, self._size_px
        rng = np.random.default_rng((*self._seed, index))
        rows = self._order[index * plan.galaxies : (index + 1) * plan.galaxies]
        n = plan.galaxies + plan.negatives
        crops = np.empty((n, size, size, 3), np.float32)
        votes = np.full((n, len(VOTE_COLUMNS)), np.nan, np.float32)
        class5 = np.full((n, len(CLASS5)), np.nan, np.float32)
        telescope = rng.random(n) < plan.telescope
        telescope[plan.galaxies :] = rng.random(plan.negatives) < 0.6
        for i, row in enumerate(rows):
            if len(self._mined_galaxies) and rng.random() < plan.mined_galaxies:
                mined = self._mined_galaxies[rng.integers(len(self._mined_galaxies))]
                crops[i] = _turned(mined.astype(np.float32), rng)
                continue
            crops[i] = self.galaxy(row, bool(telescope[i]), rng)
            votes[i] = self._galaxies.votes[row]
            class5[i] = self._galaxies.class5[row]
        for i in range(plan.galaxies, n):
            crop = _turned(self._negative(rng), rng)
            crops[i] = degrade(crop, self._looks.telescope, rng) if telescope[i] else crop
        crops = expose(crops, telescope, rng, self._looks)
        for i in range(n):
            look = self._looks.telescope if telescope[i] else self._looks.survey
            if rng.random() < look.edge:
                cross_edge(crops[i], negatives.FILL, rng)
            if rng.random() < look.jpeg:
                crops[i] = jpeg(crops[i], rng)
        galaxy = np.zeros((n, 1), np.float32)
        galaxy[: plan.galaxies] = 1
        return crops, {"votes": votes, "class5": class5, "galaxy": galaxy}

    def galaxy(self, row: int, telescope: bool, rng: np.random.Generator) -> NDArray[np.float32]:
        """One augmented galaxy before exposure, (S, S, 3) float32, 0 to 255."""
        looks = self._looks
        look = looks.telescope if telescope else looks.survey
        if not telescope and rng.random() < self._plan.rescaled:
            look = looks.rescaled
        picture = self._galaxies.pictures[row]
        side_px = len(picture) * CROP_SIDE_R90 / CACHE_SIDE_R90
        crop = warp(picture, side_px, self._size_px, look, rng)
        if telescope and self._frames and rng.random() < self._plan.composite:
            frame = self._frames[rng.integers(len(self._frames))]
            ground = negatives.random_place(frame, self._size_px, rng)
            crop = lay_over(crop, _turned(ground.astype(np.float32), rng), rng)
        return degrade(crop, look, rng)

    def _negative(self, rng: np.random.Generator) -> NDArray[np.float32]:
        if len(self._mined_negatives) and rng.random() < self._plan.mined:
            mined = self._mined_negatives[rng.integers(len(self._mined_negatives))]
            return mined.astype(np.float32)
        kind = rng.random()
        if not self._frames or kind < 0.2:
            return negatives.drawn(self._size_px, rng)
        frame = self._frames[rng.integers(len(self._frames))]
        place = negatives.random_place if kind < 0.45 else negatives.bright_place
        return place(frame, self._size_px, rng).astype(np.float32)


def lay_over(
    galaxy: NDArray[np.float32], ground: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Add a galaxy's light, without its own sky, to a star field.

    Parameters
    ----------
    galaxy, ground : ndarray, shape (S, S, 3), float32, 0 to 255
    rng : Generator
        Draws how bright the galaxy is.

    Returns
    -------
    ndarray, shape (S, S, 3), float32
        The light of both; above 255 where both are bright.
    """
    size = galaxy.shape[0]
    sky = np.median(galaxy[::4, ::4], axis=(0, 1)) + 3.0
    light = np.clip(galaxy - sky, 0, None)
    axis = (np.arange(size, dtype=np.float32) - (size - 1) / 2) / (size / 2)
    distance = np.hypot(axis[None, :], axis[:, None])
    feather = np.clip((1.05 - distance) / 0.3, 0, 1)[:, :, None]
    # A star field brighter than the galaxy would hide it and make the label false.
    dimming = min(1.0, 60.0 / (float(np.median(ground[::4, ::4, 1])) + 1e-3))
    return ground * dimming + light * feather * rng.uniform(0.7, 1.6)


def _turned(crop: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    turned = np.rot90(crop, rng.integers(4))
    return np.ascontiguousarray(turned[:, ::-1] if rng.random() < 0.5 else turned)


def batches_per_epoch(galaxies: GalaxyCache, plan: BatchPlan) -> int:
    """Batches that draw about as many galaxies as there are effective pictures."""
    return max(1, math.ceil(len(galaxies.pictures) / plan.galaxies))
