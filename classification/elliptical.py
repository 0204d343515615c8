"""Elliptical or not, from the five classes, where a source does not say it itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import CLASS5, ELLIPTICAL, UNKNOWN_CLASS, ClassLabels, GalaxySet
from annotations.galaxies.schemes import ELLIPTICAL_NAMES
from classification.predictions import Predictions
from edge_runtime.sighting import CLASS5 as CLASS5_NAMES

_ELLIPTICAL = ("smooth_round", "smooth_inbetween")
_UNCLEAR = "smooth_cigar"


def derive_elliptical(galaxies: GalaxySet, *, cigars: bool = False) -> GalaxySet:
    """Add the scheme ``elliptical`` to a set that has the five classes.

    Round and in-between smooth galaxies are elliptical; edge-on discs and
    spirals are not.

    Parameters
    ----------
    galaxies : GalaxySet
        With ``class5``.
    cigars : bool
        Count cigar-shaped smooth galaxies as elliptical. Otherwise their class
        is unknown: no elliptical is flatter than E7, and many of them are
        lenticulars seen edge-on.

    Raises
    ------
    GalaxyEdgeError
        The set has no ``class5``.
    """
    five = galaxies.labels(CLASS5)
    kinds = [_kind(name, cigars) for name in five.names]
    index = np.array([UNKNOWN_CLASS if k is None else ELLIPTICAL_NAMES.index(k) for k in kinds])
    derived = np.where(five.known, index[five.index], UNKNOWN_CLASS)
    labels = ClassLabels(ELLIPTICAL_NAMES, derived.astype(np.int64))
    return replace(galaxies, classes={**galaxies.classes, ELLIPTICAL: labels})


def elliptical_from_class5(
    probabilities: NDArray[np.floating], names: tuple[str, ...]
) -> NDArray[np.float32]:
    """Probabilities of ``ELLIPTICAL_NAMES`` from those of the five classes.

    Parameters
    ----------
    probabilities : ndarray, shape (N, 5)
    names : tuple of str
        Their classes.

    Returns
    -------
    ndarray, shape (N, 2), float32
        Given that the galaxy is no cigar; even where nothing else is left.
    """
    kinds = [_kind(name, cigars=False) for name in names]
    parts = np.stack(
        [
            probabilities[:, [kind == each for kind in kinds]].sum(axis=1, dtype=np.float64)
            for each in ELLIPTICAL_NAMES
        ],
        axis=1,
    )
    total = parts.sum(axis=1, keepdims=True)
    shares = np.divide(parts, total, out=np.full_like(parts, 0.5), where=total > 0)
    return shares.astype(np.float32)


def with_elliptical(predictions: Predictions, names: tuple[str, ...] = CLASS5_NAMES) -> Predictions:
    """The same with ``elliptical``, where it is not there and the five classes are.

    Parameters
    ----------
    predictions : Predictions
    names : tuple of str
        Of the five classes, in the order of their probabilities.
    """
    if ELLIPTICAL in predictions.classes or CLASS5 not in predictions.classes:
        return predictions
    derived = elliptical_from_class5(predictions.classes[CLASS5], names)
    return replace(predictions, classes={**predictions.classes, ELLIPTICAL: derived})


def _kind(name: str, cigars: bool) -> str | None:
    if name == _UNCLEAR:
        return "elliptical" if cigars else None
    return "elliptical" if name in _ELLIPTICAL else "other"
