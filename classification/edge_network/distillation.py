"""Labels from trained models for pictures whose labels are not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
from numpy.typing import NDArray

from annotations.galaxy_zoo import GalaxyTable, read_crops
from classification.edge_network.data import GalaxyCache
from classification.edge_network.evaluation import keras_predictor
from classification.soft_labels import blended
from edge_runtime.decision_tree import votes_from_logits


@dataclass(frozen=True, slots=True)
class TeacherTargets:
    """What the teachers see in each picture.

    Attributes
    ----------
    votes : ndarray, shape (N, 37), float32
    class5 : ndarray, shape (N, 5), float32
    """

    votes: NDArray[np.float32]
    class5: NDArray[np.float32]


def teacher_targets(teachers: Sequence[keras.Model], table: GalaxyTable) -> TeacherTargets:
    """Mean prediction of the teachers over the eight turned and mirrored views.

    Parameters
    ----------
    teachers : sequence of keras.Model
        Each sees the pictures at the size of its own input.
    table : GalaxyTable
        Pictures to look at.
    """
    votes, class5 = [], []
    for teacher in teachers:
        predict = keras_predictor(teacher)
        crops = read_crops(table, int(teacher.input_shape[1]))
        for turns in range(4):
            for mirror in (1, -1):
                logits = predict(np.rot90(crops, turns, axes=(1, 2))[:, :, ::mirror])
                votes.append(votes_from_logits(logits["votes"]))
                class5.append(_softmax(logits["class5"]))
    return TeacherTargets(
        np.mean(votes, axis=0, dtype=np.float32), np.mean(class5, axis=0, dtype=np.float32)
    )


def mix_teacher(cache: GalaxyCache, teacher: TeacherTargets, share: float) -> GalaxyCache:
    """Fill unknown labels with the teachers' and blend the known ones.

    Parameters
    ----------
    cache : GalaxyCache
    teacher : TeacherTargets
        One row for each picture of the cache.
    share : float
        Part of a known label that is replaced, 0 to 1.

    Returns
    -------
    GalaxyCache
        With every vote known. The class of a picture whose votes were known but
        allow none of the five stays unknown.
    """
    has_votes = ~np.isnan(cache.votes[:, :1])
    has_class = ~np.isnan(cache.class5[:, :1])
    class5 = np.where(has_class, blended(cache.class5, teacher.class5, share), np.nan)
    unknown = ~(has_votes | has_class)[:, 0]
    weight = np.where(unknown, 1.0, cache.draw_weight)
    return replace(
        cache,
        votes=blended(cache.votes, teacher.votes, share),
        class5=class5.astype(np.float32),
        draw_weight=weight,
    )


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
