"""The labelled galaxies of a cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from annotations.galaxies.dataset import CLASS5, ELLIPTICAL, GalaxySet
from annotations.galaxies.registry import read_galaxies


def read_labelled(data: Path, targets: Sequence[str]) -> GalaxySet:
    """Read galaxies with the labels that networks learn.

    Parameters
    ----------
    data : Path
        Of any format.
    targets : sequence of str
        What is learnt. ``elliptical`` follows from ``class5`` in sets that do
        not have it.

    Raises
    ------
    GalaxyEdgeError
        The set cannot be read.
    """
    galaxies = read_galaxies(data)
    if ELLIPTICAL in targets and ELLIPTICAL not in galaxies.classes and CLASS5 in galaxies.classes:
        from classification.elliptical import derive_elliptical

        return derive_elliptical(galaxies)
    return galaxies
