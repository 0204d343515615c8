"""Which fold each galaxy is held out in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet
from annotations.splits import fold_of, place_of
from classification.batches import COUNTS, VOTES
from edge_runtime.errors import GalaxyEdgeError

VALIDATION_SHARE = 0.1
"""Of the training part of a fold; decides when to stop, so it is no part of what is judged."""

_OPEN_SPLITS = ("train", "val", "")


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows of one fold.

    Attributes
    ----------
    number : int
        From 1.
    training, validation, held_out : ndarray of int64
        Rows of the set; all copies of a galaxy are in one of the three.
    """

    number: int
    training: NDArray[np.int64]
    validation: NDArray[np.int64]
    held_out: NDArray[np.int64]


def open_rows(galaxies: GalaxySet, targets: Sequence[str], everything: bool) -> NDArray[np.int64]:
    """Rows of a set to cross-validate on.

    Parameters
    ----------
    galaxies : GalaxySet
    targets : sequence of str
        ``votes``, ``counts`` or schemes of classes; rows that have none of them
        are left out.
    everything : bool
        Also rows of the split ``test``, which otherwise stays untouched.

    Raises
    ------
    GalaxyEdgeError
        No row is left.
    """
    keep = np.zeros(len(galaxies), dtype=bool)
    for target in targets:
        keep |= has_target(galaxies, target)
    if not everything:
        keep &= np.isin(np.array(galaxies.split), _OPEN_SPLITS)
    if not keep.any():
        raise GalaxyEdgeError(
            f"{galaxies.name}: no galaxy outside the test split has {' or '.join(targets)}"
        )
    return np.flatnonzero(keep)


def has_target(galaxies: GalaxySet, target: str) -> NDArray[np.bool_]:
    """Which galaxies a network for this target learns from, shape (N,).

    Raises
    ------
    GalaxyEdgeError
        The set has no such scheme of classes.
    """
    if target == VOTES:
        return galaxies.has_votes
    if target == COUNTS:
        if galaxies.counts is None:
            return np.zeros(len(galaxies), dtype=bool)
        return np.asarray(~np.isnan(galaxies.counts).any(axis=1))
    return galaxies.labels(target).known


def make_folds(groups: Sequence[str], folds: int, seed: int) -> tuple[Fold, ...]:
    """Divide rows by the hash of their group.

    A group keeps its fold when other galaxies are added or removed.

    Parameters
    ----------
    groups : sequence of str
        Of each row, see ``galaxy_groups``.
    folds : int
        At least 2.
    seed : int

    Raises
    ------
    GalaxyEdgeError
        A fold would be empty in one of its parts.
    """
    held_out_in = np.array([fold_of(f"{seed}/{group}", folds) for group in groups], np.int64)
    validating = np.array(
        [place_of(f"validation/{seed}/{group}") < VALIDATION_SHARE for group in groups], bool
    )
    parts = []
    for fold in range(folds):
        held_out = held_out_in == fold
        made = Fold(
            fold + 1,
            np.flatnonzero(~held_out & ~validating),
            np.flatnonzero(~held_out & validating),
            np.flatnonzero(held_out),
        )
        if not (len(made.training) and len(made.validation) and len(made.held_out)):
            raise GalaxyEdgeError(
                f"{len(groups)} galaxies do not fill {folds} folds: fold {fold + 1} would train on "
                f"{len(made.training)}, validate on {len(made.validation)} and hold out "
                f"{len(made.held_out)}; take fewer --folds or more galaxies"
            )
        parts.append(made)
    return tuple(parts)


def class_counts(
    galaxies: GalaxySet, folds: Sequence[Fold]
) -> Mapping[str, tuple[Mapping[str, int], ...]]:
    """Held-out galaxies of each class: by scheme, for each fold.

    Schemes without a known class are left out.
    """
    return {
        scheme: tuple(galaxies.rows(fold.held_out).classes[scheme].counts() for fold in folds)
        for scheme, labels in galaxies.classes.items()
        if labels.known.any()
    }
