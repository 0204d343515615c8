"""Galaxies of the GAMA survey, elliptical or other: ``2class_list.csv`` and ``DATA``.

Column ``TARGET`` is 0 for ellipticals and 1 for the others, as in the reports of
the classifiers trained on this set.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.checks import StrictProblems
from annotations.galaxies.dataset import ELLIPTICAL, ClassLabels, GalaxySet
from annotations.galaxies.pictures import FolderPictures, ZipPictures
from annotations.galaxies.places import find_pictures, pictures_in_zip
from annotations.galaxies.rows import keep_present
from annotations.galaxies.schemes import ELLIPTICAL_NAMES
from annotations.galaxies.tables import Table, TablePath, table_in_zip
from edge_runtime.decision_tree import VOTE_COLUMNS

TABLE = "2class_list.csv"
PICTURES = "DATA"
COLUMNS = ("CATAID", "TARGET")
PICTURE_END = "_giH.png"
ELLIPTICAL_TARGET = 0


def read_gama(
    path: Path,
    problems: ProblemList | None = None,
    *,
    skip_missing: bool = False,
    elliptical_target: int = ELLIPTICAL_TARGET,
) -> GalaxySet:
    """Read the set.

    Parameters
    ----------
    path : Path
        Folder with ``2class_list.csv`` and ``DATA/<CATAID>_giH.png``, also in a
        folder below it (``GALAXIES``); the table; or a zip file of all of it.
    problems : ProblemList, optional
        Takes what is wrong; rows with an error are left out. Without it the
        first error raises.
    skip_missing : bool
        Rows whose picture is missing are left out with one warning.
    elliptical_target : int
        ``TARGET`` of ellipticals, 0 or 1.

    Returns
    -------
    GalaxySet
        Identities are ``gama/CATAID``; scheme ``elliptical``. There are no votes.

    Raises
    ------
    AnnotationError
        The table or the pictures cannot be found or read.
    """
    found = StrictProblems() if problems is None else problems
    if elliptical_target not in (0, 1):
        raise AnnotationError(f"elliptical_target must be 0 or 1, not {elliptical_target}")
    where = find_table(path)
    if where is None:
        raise AnnotationError(f"{path}: holds no {TABLE}")
    file = Path(str(where))
    ids: list[str] = []
    classes: list[int] = []
    places: list[str] = []
    with Table(where) as table:
        for line, (number, target) in table.rows(COLUMNS, found):
            if not number.isdigit():
                found.error(file, f"line {line}", f"CATAID is {number!r}, not a whole number")
            elif target not in ("0", "1", "0.0", "1.0"):
                found.error(file, f"line {line}", f"TARGET is {target!r}; it must be 0 or 1")
            else:
                ids.append(number)
                elliptical = int(float(target)) == elliptical_target
                classes.append(ELLIPTICAL_NAMES.index(ELLIPTICAL if elliptical else "other"))
                places.append(f"line {line}")
        digest = table.digest
    files = [number + PICTURE_END for number in ids]
    pictures: FolderPictures | ZipPictures
    if where.member:
        pictures, missing = pictures_in_zip(where.path, files, PICTURES)
    else:
        pictures, missing = find_pictures(where.path.parent, PICTURES, files)
    galaxies = GalaxySet(
        name="GAMA ellipticals",
        pictures=pictures,
        ids=tuple(f"gama/{number}" for number in ids),
        votes=np.full((len(ids), len(VOTE_COLUMNS)), np.nan, np.float32),
        classes={ELLIPTICAL: ClassLabels(ELLIPTICAL_NAMES, np.array(classes, np.int64))},
        source=("gama",) * len(ids),
        data_hash=digest,
    )
    keep = np.ones(len(ids), dtype=bool)
    return keep_present(galaxies, keep, missing, file, places, found, skip_missing=skip_missing)


def find_table(path: Path) -> TablePath | None:
    """Find the table in a folder, one below it, or a zip file; None where there is none."""
    if path.is_file():
        if path.suffix.lower() == ".zip":
            return table_in_zip(path, TABLE)
        return TablePath(path) if path.name == TABLE else None
    tables = [path / TABLE, *sorted(path.glob(f"*/{TABLE}"))]
    held = next((table for table in tables if table.is_file()), None)
    if held is not None:
        return TablePath(held)
    zipped = path / "GALAXIES.zip"
    return table_in_zip(zipped, TABLE) if zipped.is_file() else None
