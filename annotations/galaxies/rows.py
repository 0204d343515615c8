"""Which rows of a set can be used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.formats.problems import ProblemList
from annotations.galaxies.checks import LISTED
from annotations.galaxies.dataset import GalaxySet


def keep_present(
    galaxies: GalaxySet,
    keep: NDArray[np.bool_],
    missing: NDArray[np.bool_],
    path: Path,
    places: Sequence[str],
    problems: ProblemList,
    *,
    skip_missing: bool = False,
) -> GalaxySet:
    """Leave out rows that cannot be used: without a picture, or of a galaxy named before.

    Parameters
    ----------
    galaxies : GalaxySet
    keep : ndarray, shape (N,), bool
        False where a row is already known to be unusable.
    missing : ndarray, shape (N,), bool
        Where the picture is not there.
    path : Path
        Table that names the pictures.
    places : sequence of str
        Place of each row in it.
    problems : ProblemList
        Takes an error for each galaxy named twice and each missing picture, or one
        warning for all missing pictures.
    skip_missing : bool
        Missing pictures are expected.
    """
    absent = [int(row) for row in np.flatnonzero(keep & missing)]
    if skip_missing and absent:
        problems.warning(
            path,
            places[absent[0]],
            f"{len(absent)} of {len(keep)} rows are left out, because their pictures are "
            f"missing; the first is {galaxies.pictures.name(absent[0])}",
        )
    elif absent:
        for row in absent[:LISTED]:
            problems.error(
                path, places[row], f"its picture {galaxies.pictures.name(row)} is missing"
            )
        if len(absent) > LISTED:
            problems.error(path, "", f"{len(absent) - LISTED} more pictures are missing")
    usable = keep & ~missing
    first: dict[str, int] = {}
    for row in (int(row) for row in np.flatnonzero(usable)):
        other = first.setdefault(galaxies.ids[row], row)
        if other != row:
            problems.error(
                path, places[row], f"galaxy {galaxies.ids[row]} is also in {places[other]}"
            )
            usable[row] = False
    return galaxies if usable.all() else galaxies.rows(usable)
