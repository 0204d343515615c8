"""Round and long galaxies drawn in memory, and small networks that learn to tell them apart."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from looking_networks import galaxy_crop, small_network

from annotations.galaxies.dataset import ClassLabels, GalaxySet
from classification.explain.networks import KerasNetwork
from edge_runtime.decision_tree import VOTE_COLUMNS

SIZE_PX = 32
NAMES = ("smooth_round", "spiral")
"""Round and long ones; named after classes that the pages know."""


@dataclass(frozen=True)
class ShapePictures:
    """Every second galaxy is long; a star stands beside every third."""

    count: int
    first: int = 0

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return f"shape {self.first + index}"

    def read(self, index: int) -> np.ndarray:
        number = self.first + index
        rng = np.random.default_rng(number)
        return galaxy_crop(
            SIZE_PX,
            semi_major=rng.uniform(7.5, 9.5) if number % 2 else rng.uniform(5.5, 6.5),
            ratio=0.35 if number % 2 else 0.9,
            angle_rad=rng.uniform(0, np.pi),
            star=(11.0, -11.0) if number % 3 == 0 else None,
            seed=number,
        )


def shapes(count: int, first: int = 0, split: str = "test") -> GalaxySet:
    """Galaxies with their class and no votes."""
    return GalaxySet(
        name="drawn shapes",
        pictures=ShapePictures(count, first),
        ids=tuple(f"drawn/{first + i}" for i in range(count)),
        votes=np.full((count, len(VOTE_COLUMNS)), np.nan, np.float32),
        classes={"class5": ClassLabels(NAMES, (first + np.arange(count)) % 2)},
        split=(split,) * count,
        data_hash="drawn",
    )


def taught_network(*, shuffled: bool = False, epochs: int = 12, seed: int = 0) -> KerasNetwork:
    """A small network after a few seconds of training, on its labels or on shuffled ones."""
    network = small_network(len(NAMES), SIZE_PX, seed)
    galaxies = shapes(256, first=1000, split="train")
    crops = np.stack([galaxies.pictures.read(row) for row in range(len(galaxies))])
    labels = galaxies.classes["class5"].index.copy()
    if shuffled:
        np.random.default_rng(seed).shuffle(labels)
    # turned views, so that shuffled labels cannot be learnt by heart
    views = np.concatenate([np.rot90(crops, k, axes=(1, 2)) for k in range(4)])
    network.source.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    network.source.fit(
        views.astype(np.float32), np.tile(labels, 4), 64, epochs, verbose=0, shuffle=True
    )
    network.name = "taught on shuffled labels" if shuffled else "taught"
    return network
