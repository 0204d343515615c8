"""What one row's process is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotations.galaxies.dataset import CLASS5, GalaxySet
from annotations.galaxies.registry import read_galaxies
from classification.elliptical import derive_elliptical
from classification.reproduction.plans import Budget

SOURCES = ("kaggle", "kaggle_extra", "gz2")
"""Sources of known scale; the third has votes of another catalogue of the same project."""


@dataclass(frozen=True, slots=True)
class RowSettings:
    """One row for one seed.

    Attributes
    ----------
    row : str
    data : Path
        Folder with ``galaxies/labels.csv`` and ``frames/``.
    folder : Path
        Of the row's files.
    budget : Budget
    seed : int
    training_s : float or None
        Most seconds of training, over all of the row's trainings; None is
        without end.
    weights : Path or None
        Folder of ImageNet weights, ``vgg16.h5`` and so on; None downloads them.
    """

    row: str
    data: Path
    folder: Path
    budget: Budget
    seed: int
    training_s: float | None = None
    weights: Path | None = None


def labels_path(data: Path) -> Path:
    """The table of labels in a folder of data."""
    return data / "galaxies" / "labels.csv"


def labelled_galaxies(data: Path) -> GalaxySet:
    """All galaxies of known scale that have any label, with all schemes.

    Raises
    ------
    GalaxyEdgeError
        The labels cannot be read.
    """
    galaxies = read_galaxies(labels_path(data)).where(sources=SOURCES)
    galaxies = derive_elliptical(galaxies)
    known = galaxies.has_votes | galaxies.labels(CLASS5).known
    return galaxies.rows(np.asarray(known))
