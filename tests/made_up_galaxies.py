"""Galaxies made up in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotations.galaxies.dataset import CLASS5, ClassLabels, GalaxySet
from edge_runtime.decision_tree import VOTE_COLUMNS, votes_from_logits
from edge_runtime.sighting import CLASS5 as CLASS5_NAMES


@dataclass(frozen=True)
class Noise:
    """Pictures of noise."""

    count: int

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return f"noise {index}"

    def read(self, index: int) -> np.ndarray:
        rng = np.random.default_rng(index)
        return rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)


def galaxies(
    class_index: list[int] | np.ndarray, *, votes: np.ndarray | None = None, name: str = "made-up"
) -> GalaxySet:
    """A set with ``class5`` and, where given, votes."""
    n = len(class_index)
    return GalaxySet(
        name=name,
        pictures=Noise(n),
        ids=tuple(f"g{i}" for i in range(n)),
        votes=np.full((n, len(VOTE_COLUMNS)), np.nan, np.float32) if votes is None else votes,
        classes={CLASS5: ClassLabels(CLASS5_NAMES, np.array(class_index, np.int64))},
    )


def some_votes(n: int, seed: int = 0) -> np.ndarray:
    """Votes that obey the tree, (N, 37)."""
    return votes_from_logits(np.random.default_rng(seed).normal(0, 1.5, (n, len(VOTE_COLUMNS))))


def probabilities(true: np.ndarray, classes: int, *, right: float, seed: int = 0) -> np.ndarray:
    """Softmax of noise with a bonus for the true class, (N, K) float32."""
    logits = np.random.default_rng(seed).normal(0, 1, (len(true), classes))
    logits[np.arange(len(true)), true] += right
    weights = np.exp(logits)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
