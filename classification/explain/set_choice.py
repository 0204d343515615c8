"""Which galaxies of a set are explained, and which are looked through for similar ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from annotations.galaxies.dataset import GalaxySet
from annotations.galaxies.registry import read_galaxies
from classification.explain.subjects import ExplainedSubject, class_answers
from edge_runtime.errors import GalaxyEdgeError

_log = logging.getLogger(__name__)

_TRAIN = "train"


def chosen_galaxies(
    galaxies: GalaxySet, subjects: Sequence[ExplainedSubject], count: int, seed: int
) -> GalaxySet:
    """Galaxies to explain, drawn at random, in the order of the set.

    Those whose class is known come first, since only they tell right from wrong; where
    any picture has a scale, those without one are left out.

    Parameters
    ----------
    galaxies : GalaxySet
    subjects : sequence of ExplainedSubject
    count : int
        At most so many.
    seed : int

    Raises
    ------
    GalaxyEdgeError
        There is none.
    """
    usable = scaled_rows(galaxies)
    if not len(usable):
        raise GalaxyEdgeError(f"{galaxies.name}: holds no galaxy")
    first = subjects[0].network
    classes = class_answers(first, np.zeros((1, len(first.outputs)), np.float32))
    labels = None if classes is None else galaxies.classes.get(classes.scheme)
    known = np.zeros(len(galaxies), bool) if labels is None else labels.known
    order = np.random.default_rng(seed).permutation(usable)
    order = np.concatenate([order[known[order]], order[~known[order]]])
    return galaxies.rows(np.sort(order[:count]))


def training_galaxies(
    data: Path, explained: GalaxySet | None, count: int, seed: int
) -> GalaxySet | None:
    """Training pictures to look for similar ones among, drawn at random.

    Parameters
    ----------
    data : Path
        The set, of which the split ``train`` is taken; all of it where it has no splits.
    explained : GalaxySet, optional
        Galaxies that are left out.
    count : int
        At most so many; 0 for none.
    seed : int

    Returns
    -------
    GalaxySet or None
        None where there is none.
    """
    if not count:
        return None
    galaxies = read_galaxies(data)
    held = galaxies.where(_TRAIN) if _TRAIN in galaxies.split else galaxies
    left_out = set() if explained is None else set(explained.ids)
    rows = np.array([row for row in scaled_rows(held) if held.ids[row] not in left_out], np.int64)
    if not len(rows):
        return None
    return held.rows(np.sort(np.random.default_rng(seed).permutation(rows)[:count]))


def scaled_rows(galaxies: GalaxySet) -> np.ndarray:
    """Rows whose pictures have a known scale; all rows where none has."""
    scaled = np.isfinite(galaxies.frame_scale)
    if not scaled.any():
        if len(galaxies):
            _log.warning(
                "%s: the scale of its pictures is not known; crops are their largest squares",
                galaxies.name,
            )
        return np.arange(len(galaxies))
    return np.flatnonzero(scaled)
