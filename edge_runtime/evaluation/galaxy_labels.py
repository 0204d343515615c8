"""Reader of Galaxy Zoo cut-outs and their labels.

The label file is a CSV with one row per picture: ``file``, ``source``,
``frame_scale``, ``split``, ``class5`` and the 37 vote fractions
``Class1.1`` to ``Class11.6``; empty cells are unknown labels.

Geometry: Galaxy Zoo drew each 424-pixel frame 8.48 Petrosian R90 wide, so R90 is
50 frame pixels and the crop the classifier sees is ``CROP_SIDE_R90`` times that.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.crops import CROP_SIDE_R90
from edge_runtime.decision_tree import VOTE_COLUMNS, constraint_violation
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.sighting import CLASS5

_log = logging.getLogger(__name__)

R90_FRAME_PX = 50.0
"""Petrosian R90 in pixels of the original 424-pixel Galaxy Zoo frame."""

SPLITS = ("train", "val", "test")
REQUIRED_COLUMNS = ("file", "source", "frame_scale", "split", "class5", *VOTE_COLUMNS)
UNKNOWN_CLASS = -1


class LabelError(GalaxyEdgeError):
    """A label file or a picture it names cannot be used."""


@dataclass(frozen=True, slots=True)
class GalaxyTable:
    """Labelled galaxy cut-outs, one row per picture.

    Attributes
    ----------
    directory : Path
        Folder the file names are relative to.
    files : tuple of str
        Pictures, relative to ``directory``.
    source : tuple of str
        Where each picture comes from: ``kaggle``, ``kaggle_extra``, ``gz2``, ``gz1``.
    split : tuple of str
        ``train``, ``val`` or ``test``.
    frame_scale : ndarray, shape (N,), float32
        Pixels of the file per pixel of the Galaxy Zoo frame; NaN where unknown.
    class5 : ndarray, shape (N,), int64
        Index into ``CLASS5``; -1 where unknown.
    votes : ndarray, shape (N, 37), float32
        Cumulative vote fractions; a row of NaN where unknown.
    data_hash : str
        SHA-256 of the label file the rows were read from.
    lines : ndarray, shape (N,), int64
        Line of each row in the label file, the header being 1.
    further : mapping of str to tuple of str
        Cells of the columns that are not read here, by column.
    """

    directory: Path
    files: tuple[str, ...]
    source: tuple[str, ...]
    split: tuple[str, ...]
    frame_scale: NDArray[np.float32]
    class5: NDArray[np.int64]
    votes: NDArray[np.float32]
    data_hash: str
    lines: NDArray[np.int64]
    further: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def has_votes(self) -> NDArray[np.bool_]:
        """Which rows have the 37 votes, shape (N,)."""
        return np.asarray(~np.isnan(self.votes[:, 0]), dtype=np.bool_)

    @property
    def has_class(self) -> NDArray[np.bool_]:
        """Which rows have one of ``CLASS5``, shape (N,)."""
        return np.asarray(self.class5 != UNKNOWN_CLASS, dtype=np.bool_)

    def rows(self, keep: NDArray[np.bool_]) -> GalaxyTable:
        """The rows where ``keep`` (shape (N,), bool) is true."""
        index = np.flatnonzero(keep)
        return GalaxyTable(
            directory=self.directory,
            files=tuple(self.files[i] for i in index),
            source=tuple(self.source[i] for i in index),
            split=tuple(self.split[i] for i in index),
            frame_scale=self.frame_scale[index],
            class5=self.class5[index],
            votes=self.votes[index],
            data_hash=self.data_hash,
            lines=self.lines[index],
            further={name: tuple(cells[i] for i in index) for name, cells in self.further.items()},
        )

    def where(self, split: str | None = None, sources: Iterable[str] | None = None) -> GalaxyTable:
        """Rows of one split and of the named sources; None keeps all of them."""
        wanted = None if sources is None else set(sources)
        keep = [
            (split is None or s == split) and (wanted is None or source in wanted)
            for s, source in zip(self.split, self.source, strict=True)
        ]
        return self.rows(np.array(keep, dtype=bool))


def read_labels(
    path: Path | str,
    *,
    sum_tolerance: float = 0.02,
    strict: bool = False,
    faults: Callable[[int, str], None] | None = None,
) -> GalaxyTable:
    """Read a label file.

    Parameters
    ----------
    path : path
        A CSV in the format of ``galaxies/labels.csv``; pictures are looked up
        relative to its folder, and are not opened here.
    sum_tolerance : float
        How far the votes of one question may be from their parent's fraction.
    strict : bool
        Refuse a row whose votes break a sum. By default such rows are kept and
        counted in a warning, because the published votes hold a few.
    faults : callable, optional
        Takes the line and the fault of each row that cannot be used; such rows
        are left out. Without it the first of them raises.

    Returns
    -------
    GalaxyTable
        One row per line, in file order.

    Raises
    ------
    LabelError
        If the file cannot be read, lacks a column, or a cell is not what its
        column needs; the message names file, line and column.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise LabelError(f"{path}: is not UTF-8 text; save it as UTF-8 CSV") from error
    reader = csv.DictReader(text.splitlines(), restkey=None)
    header = reader.fieldnames or ()
    missing = [c for c in REQUIRED_COLUMNS if c not in header]
    if missing:
        raise LabelError(
            f"{path}: line 1: missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        )
    rows: list[_Row] = []
    for cells in reader:
        try:
            rows.append(_row(cells, reader.line_num))
        except LabelError as error:
            if faults is None:
                raise LabelError(f"{path}: line {reader.line_num}: {error}") from error
            faults(reader.line_num, str(error))
    table = GalaxyTable(
        directory=path.parent,
        files=tuple(row.cells["file"] for row in rows),
        source=tuple(row.cells["source"] for row in rows),
        split=tuple(row.cells["split"] for row in rows),
        frame_scale=np.array([row.frame_scale for row in rows], dtype=np.float32),
        class5=np.array([row.class5 for row in rows], dtype=np.int64),
        votes=np.array([row.votes for row in rows], dtype=np.float32).reshape(
            len(rows), len(VOTE_COLUMNS)
        ),
        data_hash=hashlib.sha256(content).hexdigest(),
        lines=np.array([row.line for row in rows], dtype=np.int64),
        further={
            name: tuple(row.cells[name] for row in rows)
            for name in header
            if name not in REQUIRED_COLUMNS
        },
    )
    _check_sums(table, path, sum_tolerance, strict)
    return table


def read_crops(
    table: GalaxyTable, size_px: int, *, side_r90: float = CROP_SIDE_R90
) -> NDArray[np.uint8]:
    """Square crops about the centre of each picture, scaled to one size.

    Where a crop is wider than its picture, the edge pixels are mirrored.

    Parameters
    ----------
    table : GalaxyTable
        Rows with a known ``frame_scale``.
    size_px : int
        Side of the returned crops.
    side_r90 : float
        Side of the crop in Petrosian R90.

    Returns
    -------
    ndarray, shape (N, size_px, size_px, 3), uint8, RGB

    Raises
    ------
    LabelError
        If a picture cannot be read or its scale is unknown.
    """
    crops = np.empty((len(table), size_px, size_px, 3), np.uint8)
    for i, (name, scale) in enumerate(zip(table.files, table.frame_scale, strict=True)):
        path = table.directory / name
        if not math.isfinite(scale):
            raise LabelError(f"{path}: its frame_scale is unknown, so the crop side is too")
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise LabelError(f"{path}: cannot be read as a picture")
        crop = _centre_square(
            np.asarray(picture, dtype=np.uint8), round(side_r90 * R90_FRAME_PX * float(scale))
        )
        shrinks = crop.shape[0] > size_px
        resized = cv2.resize(
            crop, (size_px, size_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        )
        crops[i] = cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)
    return crops


def _centre_square(picture: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    pad = max(0, math.ceil((side_px - min(height, width)) / 2))
    if pad:
        padded = cv2.copyMakeBorder(picture, pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
        picture = np.asarray(padded, dtype=np.uint8)
        height, width = picture.shape[:2]
    top, left = (height - side_px) // 2, (width - side_px) // 2
    return picture[top : top + side_px, left : left + side_px]


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: dict[str, str]
    frame_scale: float
    class5: int
    votes: list[float]


def _row(cells: dict[str, str], line: int) -> _Row:
    """Check one row; the message of a fault does not name the file and the line."""
    if None in cells or None in cells.values():
        raise LabelError("has more or fewer cells than the header")
    if not cells["file"]:
        raise LabelError("file is empty")
    if cells["split"] not in SPLITS:
        raise LabelError(f"unknown split {cells['split']!r}; known: {', '.join(SPLITS)}")
    return _Row(
        line, cells, _scale(cells["frame_scale"]), _class_index(cells["class5"]), _votes(cells)
    )


def _scale(cell: str) -> float:
    if not cell:
        return math.nan
    value = _number(cell, "frame_scale")
    if value <= 0:
        raise LabelError(f"frame_scale is {cell}; it must be above 0")
    return value


def _class_index(cell: str) -> int:
    if not cell:
        return UNKNOWN_CLASS
    if cell not in CLASS5:
        raise LabelError(f"unknown class5 {cell!r}; known: {', '.join(CLASS5)}")
    return CLASS5.index(cell)


def _votes(row: dict[str, str]) -> list[float]:
    empty = [column for column in VOTE_COLUMNS if not row[column]]
    if len(empty) == len(VOTE_COLUMNS):
        return [math.nan] * len(VOTE_COLUMNS)
    if empty:
        raise LabelError(f"{empty[0]} is empty while other votes are given")
    return [vote_fraction(row[column], column) for column in VOTE_COLUMNS]


def vote_fraction(cell: str, column: str) -> float:
    """Read one vote, 0 to 1.

    Raises
    ------
    LabelError
        It is no number from 0 to 1; the message names the column.
    """
    value = _number(cell, column)
    if not -1e-6 <= value <= 1 + 1e-5:
        raise LabelError(f"{column} is {cell}; a vote is from 0 to 1")
    return min(max(value, 0.0), 1.0)


def _number(cell: str, column: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LabelError(f"{column} is {cell!r}, not a number")
    return value


def _check_sums(table: GalaxyTable, path: Path, tolerance: float, strict: bool) -> None:
    violation = constraint_violation(np.nan_to_num(table.votes))
    violation[~table.has_votes] = 0
    bad = np.flatnonzero(violation.max(axis=1, initial=0) > tolerance)
    if not len(bad):
        return
    first = int(bad[0])
    question = int(np.argmax(violation[first]))
    message = (
        f"{path}: line {table.lines[first]}: the votes of question {question + 1} miss their "
        f"sum by {violation[first, question]:.3f}"
    )
    if strict:
        raise LabelError(message)
    _log.warning("%s; %d of %d rows with votes do so", message, len(bad), table.has_votes.sum())
