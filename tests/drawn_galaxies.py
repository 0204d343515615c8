"""Sets of drawn galaxies that need no files, and a network small enough to train in a test."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from annotations.galaxies.dataset import ClassLabels, GalaxySet
from edge_runtime.decision_tree import votes_from_logits

SIDE_PX = 40


@dataclass(frozen=True)
class DrawnPictures:
    """Round to flat blobs on a noisy sky, drawn when they are read."""

    count: int
    side_px: int = SIDE_PX

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return f"drawn galaxy {index}"

    def read(self, index: int) -> np.ndarray:
        rng = np.random.default_rng(index)
        axis = np.arange(self.side_px) - self.side_px / 2
        ratio = 1.0 - 0.18 * (index % 5)
        blob = 180 * np.exp(-0.5 * (axis[None] ** 2 + (axis[:, None] / ratio) ** 2) / 25)
        noise = rng.normal(15, 3, (self.side_px, self.side_px, 3))
        return np.clip(blob[..., None] + noise, 0, 255).astype(np.uint8)


def drawn_galaxies(count: int = 40, validating: int = 8, side_px: int = SIDE_PX) -> GalaxySet:
    """Galaxies of five shapes with votes, counts and classes; the last ones validate."""
    kind = np.arange(count) % 5
    votes = votes_from_logits(3.0 * np.eye(37)[kind])
    return GalaxySet(
        name="drawn",
        pictures=DrawnPictures(count, side_px),
        ids=tuple(f"galaxy-{i}" for i in range(count)),
        votes=votes,
        classes={
            "class5": ClassLabels(("a", "b", "c", "d", "e"), kind.astype(np.int64)),
            "elliptical": ClassLabels(("other", "elliptical"), (kind < 1).astype(np.int64)),
        },
        counts=np.round(votes * 40).astype(np.float32),
        split=("train",) * (count - validating) + ("val",) * validating,
        data_hash="drawn",
    )


def tiny_network(width: int = 37, activation: str = "sigmoid", size_px: int = 16) -> keras.Model:
    """One convolution, normalised, with dropout, so that all kinds of state are there."""
    keras.utils.set_random_seed(1)
    pixels = keras.Input((size_px, size_px, 3), name="crop")
    x = layers.Rescaling(1 / 255)(pixels)
    x = layers.Conv2D(4, 3, strides=2, activation="relu", name="convolution")(x)
    x = layers.BatchNormalization(name="normalisation")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    x = layers.Dense(width, activation=activation, name="head", dtype="float32")(x)
    return keras.Model(pixels, x, name="tiny")
