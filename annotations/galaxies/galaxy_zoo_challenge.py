"""The Galaxy Zoo challenge (Kaggle, 2013): 61,578 SDSS galaxies with 37 votes each."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.checks import StrictProblems, check_sums
from annotations.galaxies.dataset import GalaxySet
from annotations.galaxies.derived_classes import classes_from_votes
from annotations.galaxies.places import find_pictures
from annotations.galaxies.rows import keep_present
from annotations.galaxies.tables import Table, TablePath, header_of, table_in_zip
from annotations.galaxies.vote_cells import vote_fractions
from annotations.galaxies.whole_frames import scale_of_first
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.evaluation.galaxy_labels import LabelError

SOLUTIONS = "training_solutions_rev1.csv"
PICTURES = "images_training_rev1"
ID_COLUMN = "GalaxyID"


def read_galaxy_zoo_challenge(
    path: Path, problems: ProblemList | None = None, *, skip_missing: bool = False
) -> GalaxySet:
    """Read the training part of the challenge.

    Parameters
    ----------
    path : Path
        Folder with ``training_solutions_rev1.csv`` and
        ``images_training_rev1/<GalaxyID>.jpg``, where either may still be in its
        zip file; or the solutions alone, with the pictures beside them.
    problems : ProblemList, optional
        Takes what is wrong; rows with an error are left out. Without it the
        first error raises.
    skip_missing : bool
        Rows whose picture is missing are left out with one warning.

    Returns
    -------
    GalaxySet
        Identities are ``kaggle/GalaxyID``. Classes follow from the votes.

    Raises
    ------
    AnnotationError
        The solutions or the pictures cannot be found or read.
    """
    found = StrictProblems() if problems is None else problems
    where = find_solutions(path)
    if where is None:
        raise AnnotationError(f"{path}: holds no {SOLUTIONS}, nor a zip file with it")
    file = Path(str(where))
    ids: list[int] = []
    lines = array("q")
    votes = array("f")
    with Table(where) as table:
        for line, cells in table.rows((ID_COLUMN, *VOTE_COLUMNS), found):
            try:
                values = vote_fractions(cells[1:], VOTE_COLUMNS)
                if not cells[0].isdigit():
                    raise LabelError(f"{ID_COLUMN} is {cells[0]!r}, not a whole number")
            except LabelError as error:
                found.error(file, f"line {line}", str(error))
                continue
            ids.append(int(cells[0]))
            lines.append(line)
            votes.extend(values)
        digest = table.digest
    array_of_votes = np.frombuffer(votes, np.float32).reshape(len(ids), len(VOTE_COLUMNS))
    places = [f"line {line}" for line in lines]
    check_sums(array_of_votes, file, places, found)
    pictures, missing = find_pictures(
        where.path.parent, PICTURES, [f"{number}.jpg" for number in ids]
    )
    galaxies = GalaxySet(
        name="Galaxy Zoo challenge",
        pictures=pictures,
        ids=tuple(f"kaggle/{number}" for number in ids),
        votes=array_of_votes,
        classes=classes_from_votes(array_of_votes),
        source=("kaggle",) * len(ids),
        frame_scale=scale_of_first(pictures, missing, file, found),
        data_hash=digest,
    )
    keep = np.ones(len(ids), dtype=bool)
    return keep_present(galaxies, keep, missing, file, places, found, skip_missing=skip_missing)


def find_solutions(path: Path) -> TablePath | None:
    """Find the table of votes in a folder or zip file, or tell that a file is it."""
    if path.is_file():
        if path.suffix.lower() == ".zip":
            return table_in_zip(path, SOLUTIONS)
        return TablePath(path) if is_solutions(path) else None
    stem = SOLUTIONS.removesuffix(".csv")
    for table in (path / SOLUTIONS, path / stem / SOLUTIONS):
        if table.is_file():
            return TablePath(table)
    zipped = path / f"{stem}.zip"
    return table_in_zip(zipped, SOLUTIONS) if zipped.is_file() else None


def is_solutions(path: Path) -> bool:
    """Tell the table by its columns."""
    return header_of(path)[:2] == (ID_COLUMN, VOTE_COLUMNS[0])
