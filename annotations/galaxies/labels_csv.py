"""Galaxy Zoo cut-outs in a table of this project's own: ``labels.csv``."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from annotations.formats.problems import ProblemList, name_fault
from annotations.galaxies.checks import StrictProblems, check_sums
from annotations.galaxies.dataset import CLASS5, GALAXY10, UNKNOWN_CLASS, ClassLabels, GalaxySet
from annotations.galaxies.pictures import FolderPictures
from annotations.galaxies.rows import keep_present
from annotations.galaxies.schemes import EMLE_CLASS4, GZ1_CLASS, SCHEMES
from edge_runtime.evaluation.galaxy_labels import GalaxyTable, read_labels

FILE_NAME = "labels.csv"
_FURTHER_SCHEMES = (GALAXY10, GZ1_CLASS, EMLE_CLASS4)
_SHARED_NUMBERS = {"kaggle_extra": "kaggle"}
"""Sources that count their galaxies together with another."""


def read_labels_csv(
    path: Path, problems: ProblemList | None = None, *, skip_missing: bool = False
) -> GalaxySet:
    """Read a table of labelled cut-outs.

    Parameters
    ----------
    path : Path
        CSV in the format of ``galaxies/labels.csv``, or the folder that holds
        one of that name.
    problems : ProblemList, optional
        Takes what is wrong; rows with an error are left out. Without it the
        first error raises.
    skip_missing : bool
        Rows whose picture is missing are left out with one warning.

    Returns
    -------
    GalaxySet
        Identities are ``source/id``, for example ``kaggle/994402``. Schemes:
        ``class5``, and ``galaxy10``, ``gz1_class`` and ``emle_class4`` where the
        table has their columns.

    Raises
    ------
    LabelError, AnnotationError
        The table cannot be used; the message names file, line and column.
    """
    path = path / FILE_NAME if path.is_dir() else path
    found = StrictProblems() if problems is None else problems
    table = read_labels(
        path,
        sum_tolerance=math.inf,  # sums are checked below
        faults=lambda line, fault: found.error(path, f"line {line}", fault),
    )
    keep = np.ones(len(table), dtype=bool)
    classes = {CLASS5: ClassLabels(SCHEMES[CLASS5].names, table.class5)}
    for name in _FURTHER_SCHEMES:
        if name in table.further:
            classes[name] = _classes(table, name, path, found, keep)
    for row, file in enumerate(table.files):
        fault = name_fault(file)
        if fault is not None:
            found.error(path, f"line {table.lines[row]}", fault)
            keep[row] = False
    places = [f"line {line}" for line in table.lines]
    check_sums(table.votes, path, places, found)
    galaxies = GalaxySet(
        name=f"{path.parent.name}/{path.name}",
        pictures=FolderPictures(path.parent, table.files),
        ids=_ids(table),
        votes=table.votes,
        classes=classes,
        split=table.split,
        source=table.source,
        frame_scale=table.frame_scale,
        data_hash=table.data_hash,
    )
    missing = [not (path.parent / file).is_file() for file in table.files]
    return keep_present(
        galaxies, keep, np.array(missing, bool), path, places, found, skip_missing=skip_missing
    )


def _classes(
    table: GalaxyTable, name: str, path: Path, problems: ProblemList, keep: np.ndarray
) -> ClassLabels:
    scheme = SCHEMES[name]
    index = np.full(len(table), UNKNOWN_CLASS, np.int64)
    for row, cell in enumerate(table.further[name]):
        if not cell:
            continue
        try:
            index[row] = scheme.index(cell)
        except ValueError as error:
            problems.error(path, f"line {table.lines[row]}", str(error))
            keep[row] = False
    return ClassLabels(scheme.names, index)


def _ids(table: GalaxyTable) -> tuple[str, ...]:
    numbers = table.further.get("id", table.files)
    return tuple(
        f"{_SHARED_NUMBERS.get(source, source)}/{number or file}"
        for source, number, file in zip(table.source, numbers, table.files, strict=True)
    )
