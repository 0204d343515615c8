"""Lists of cumulative Galaxy Zoo 2 votes beside pictures: ``gz2_votes.csv``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.checks import StrictProblems, check_sums
from annotations.galaxies.dataset import CLASS5, UNKNOWN_CLASS, ClassLabels, GalaxySet
from annotations.galaxies.derived_classes import classes_from_votes
from annotations.galaxies.pictures import FolderPictures
from annotations.galaxies.rows import keep_present
from annotations.galaxies.schemes import SCHEMES
from annotations.galaxies.tables import Table, TablePath
from annotations.galaxies.vote_cells import vote_fractions
from annotations.galaxies.whole_frames import scale_of
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.evaluation.galaxy_labels import LabelError

TABLE = "gz2_votes.csv"
COLUMNS = ("id", CLASS5, *VOTE_COLUMNS)
_FOLDERS = ("images/gz2", "images_gz2/images", "images_gz2", "images")


def read_gz2_votes(
    path: Path, problems: ProblemList | None = None, *, skip_missing: bool = True
) -> GalaxySet:
    """Read a list of cumulative votes with whole Galaxy Zoo frames.

    Parameters
    ----------
    path : Path
        CSV with columns ``id``, ``class5`` and the 37 votes, or the folder that
        holds ``gz2_votes.csv``. The pictures are ``images/gz2/<id>.jpg`` or
        ``images/<id>.jpg`` beside it.
    problems : ProblemList, optional
        Takes what is wrong; rows with an error are left out. Without it the
        first error raises.
    skip_missing : bool
        Rows without a picture are left out with one warning.

    Returns
    -------
    GalaxySet
        Identities are ``gz2/id``. The scale follows from the width of the
        pictures, which are whole frames.

    Raises
    ------
    AnnotationError
        The table or the pictures cannot be found or read.
    """
    found = StrictProblems() if problems is None else problems
    path = path / TABLE if path.is_dir() else path
    ids: list[str] = []
    classes: list[int] = []
    rows: list[list[float]] = []
    places: list[str] = []
    with Table(TablePath(path)) as table:
        for line, cells in table.rows(COLUMNS, found):
            try:
                class5 = SCHEMES[CLASS5].index(cells[1]) if cells[1] else UNKNOWN_CLASS
                votes = vote_fractions(cells[2:], VOTE_COLUMNS)
                if not cells[0].isalnum():
                    raise LabelError(f"id is {cells[0]!r}, not a number")
            except (LabelError, ValueError) as error:
                found.error(path, f"line {line}", str(error))
                continue
            ids.append(cells[0])
            classes.append(class5)
            rows.append(votes)
            places.append(f"line {line}")
        digest = table.digest
    votes_array = np.array(rows, np.float32).reshape(len(ids), len(VOTE_COLUMNS))
    check_sums(votes_array, path, places, found)
    folder = next((path.parent / name for name in _FOLDERS if (path.parent / name).is_dir()), None)
    if folder is None:
        raise AnnotationError(f"{path.parent}: has no folder of pictures {_FOLDERS[0]}")
    pictures = FolderPictures(folder, tuple(f"{number}.jpg" for number in ids))
    missing = np.array([not (folder / file).is_file() for file in pictures.files], dtype=bool)
    named = ClassLabels(SCHEMES[CLASS5].names, np.array(classes, np.int64))
    galaxies = GalaxySet(
        name=f"{path.parent.name}/{path.name}",
        pictures=pictures,
        ids=tuple(f"gz2/{number}" for number in ids),
        votes=votes_array,
        classes=classes_from_votes(votes_array) | {CLASS5: named},
        source=("gz2",) * len(ids),
        frame_scale=np.array(
            [np.nan if gone else scale_of(pictures, i) for i, gone in enumerate(missing)],
            np.float32,
        ),
        data_hash=digest,
    )
    keep = np.ones(len(ids), dtype=bool)
    return keep_present(galaxies, keep, missing, path, places, found, skip_missing=skip_missing)
