"""Elliptical or not, from the five classes, where a source does not say it itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import CLASS5, ELLIPTICAL, UNKNOWN_CLASS, ClassLabels, GalaxySet

ELLIPTICAL_NAMES = ("other", "elliptical")
"""Classes of the scheme; the second is what a network with one output gives."""

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
    chosen = np.array([name in _ELLIPTICAL for name in five.names])
    index = np.where(chosen, 1, 0).astype(np.int64)
    index[five.names.index(_UNCLEAR)] = 1 if cigars else UNKNOWN_CLASS
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
    chosen = np.array([name in _ELLIPTICAL for name in names])
    unclear = np.array([name == _UNCLEAR for name in names])
    elliptical = probabilities[:, chosen].sum(axis=1, dtype=np.float64)
    other = probabilities[:, ~chosen & ~unclear].sum(axis=1, dtype=np.float64)
    total = elliptical + other
    share = np.where(total > 0, elliptical / np.where(total > 0, total, 1.0), 0.5)
    return np.stack([1.0 - share, share], axis=1).astype(np.float32)
