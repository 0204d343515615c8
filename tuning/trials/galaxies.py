"""Galaxies that the classifiers of a search train on and are scored on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import CLASS5, GalaxySet
from annotations.galaxies.registry import read_galaxies
from classification.picture_cache import Crops, prepare_crops
from classification.preparation import Preparation
from edge_runtime.errors import GalaxyEdgeError


def read_parts(data: Path) -> GalaxySet:
    """Labelled galaxies of the splits ``train`` and ``val``; those of ``test`` stay away.

    Parameters
    ----------
    data : Path
        For example ``labels.csv``; any format of ``annotations.galaxies``.

    Raises
    ------
    GalaxyEdgeError
        The file cannot be read, or one of the splits has no galaxy with votes
        or a class.
    """
    galaxies = read_galaxies(data)
    known = galaxies.has_votes
    if CLASS5 in galaxies.classes:
        known = known | galaxies.classes[CLASS5].known
    chosen = galaxies.rows(known & np.isin(np.array(galaxies.split, np.str_), ("train", "val")))
    for split in ("train", "val"):
        if split not in chosen.split:
            raise GalaxyEdgeError(
                f"{data}: no galaxy with votes or a class is in the split {split!r}"
            )
    return chosen


def shared_crops(galaxies: GalaxySet, preparation: Preparation, cache: Path | None) -> Crops:
    """Prepared pictures, in a file that other trials find again where there is a folder for it."""
    if cache is None:
        return prepare_crops(galaxies, preparation)
    return prepare_crops(galaxies, preparation, cache=cache, memory_limit_bytes=0)


def all_crops(crops: Crops) -> NDArray[np.uint8]:
    """All of them at once, shape (N, S, S, 3), uint8."""
    return crops.read(np.arange(len(crops)))
