"""Detections of many frames in one table: what score, right or wrong, in which frame.

Detections are assigned to galaxies greedily by score, so those above a
threshold are assigned the same whether or not the lesser ones are there. One
assignment at the lowest score therefore serves every threshold, and resampling
frames is a matter of weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.evaluation.matching import ScoredPicture, match


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Detections of all frames, best score first; those on difficult galaxies left out.

    Attributes
    ----------
    scores : ndarray, shape (D,), float32
    right : ndarray, shape (D,), bool
        Whether the detection hits a galaxy.
    frames : ndarray, shape (D,), int64
        Frame of the detection, 0 to F - 1.
    galaxies : ndarray, shape (F,), int64
        Galaxies of each frame that count.
    """

    scores: NDArray[np.float32]
    right: NDArray[np.bool_]
    frames: NDArray[np.int64]
    galaxies: NDArray[np.int64]

    def hits(self, thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
        """Galaxies found in each frame at each threshold, shape (F, T)."""
        return self._counts(thresholds, self.right)

    def mistakes(self, thresholds: NDArray[np.float64]) -> NDArray[np.int64]:
        """Detections of each frame that hit nothing at each threshold, shape (F, T)."""
        return self._counts(thresholds, ~self.right)

    def _counts(
        self, thresholds: NDArray[np.float64], chosen: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        counts = np.zeros((len(self.galaxies), len(thresholds)), dtype=np.int64)
        least = np.asarray(thresholds, dtype=np.float32)  # as scores are compared elsewhere
        for frame in np.unique(self.frames[chosen]):
            ascending = self.scores[chosen & (self.frames == frame)][::-1]
            counts[frame] = len(ascending) - np.searchsorted(ascending, least, side="left")
        return counts


def outcomes(pictures: Sequence[ScoredPicture], least_iou: float) -> Outcomes:
    """Assign the detections of all pictures at one overlap."""
    scores, right, frames = [], [], []
    for number, picture in enumerate(pictures):
        matches = match(picture, least_iou)
        judged = ~matches.ignored
        scores.append(picture.scores[judged])
        right.append(matches.hit[judged])
        frames.append(np.full(int(judged.sum()), number, dtype=np.int64))
    all_scores = np.concatenate([np.zeros(0, dtype=np.float32), *scores])
    order = np.argsort(-all_scores, kind="stable")
    return Outcomes(
        scores=all_scores[order],
        right=np.concatenate([np.zeros(0, dtype=bool), *right])[order],
        frames=np.concatenate([np.zeros(0, dtype=np.int64), *frames])[order],
        galaxies=np.array([int((~p.difficult).sum()) for p in pictures], dtype=np.int64),
    )


def weighted_average_precision(table: Outcomes, weights: NDArray[np.int64]) -> float:
    """Average precision when frame i occurs ``weights[i]`` times.

    Equal to ``edge_runtime.evaluation.matching.average_precision`` of the
    frames so repeated.

    Parameters
    ----------
    table : Outcomes
    weights : ndarray, shape (F,), int64
    """
    total = int(weights @ table.galaxies)
    times = weights[table.frames]
    if not total or not times.any():
        return 0.0
    hits = np.cumsum(times * table.right)
    precisions = hits / np.maximum(np.cumsum(times), 1)
    envelope = np.append(np.maximum.accumulate(precisions[::-1])[::-1], 0.0)
    at = np.searchsorted(hits / total, np.linspace(0.0, 1.0, 101), side="left")
    return float(envelope[at].mean())


def resampled_weights(frames: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each frame is drawn in each bootstrap resample, shape (R, F)."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(frames, np.full(frames, 1.0 / frames), size=resamples).astype(
        np.int64
    )
