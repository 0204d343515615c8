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
from collections.abc import Iterable
from dataclasses import dataclass
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
    """

    directory: Path
    files: tuple[str, ...]
    source: tuple[str, ...]
    split: tuple[str, ...]
    frame_scale: NDArray[np.float32]
    class5: NDArray[np.int64]
    votes: NDArray[np.float32]
    data_hash: str

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
    path: Path | str, *, sum_tolerance: float = 0.02, strict: bool = False
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
    missing = [c for c in REQUIRED_COLUMNS if c not in (reader.fieldnames or ())]
    if missing:
        raise LabelError(
            f"{path}: line 1: missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        )
    files, sources, splits = [], [], []
    scales: list[float] = []
    classes: list[int] = []
    votes: list[list[float]] = []
    lines: list[int] = []
    for row in reader:
        where = f"{path}: line {reader.line_num}"
        if None in row or None in row.values():
            raise LabelError(f"{where}: has more or fewer cells than the header")
        if not row["file"]:
            raise LabelError(f"{where}: file is empty")
        if row["split"] not in SPLITS:
            raise LabelError(f"{where}: unknown split {row['split']!r}; known: {', '.join(SPLITS)}")
        files.append(row["file"])
        sources.append(row["source"])
        splits.append(row["split"])
        scales.append(_scale(row["frame_scale"], where))
        classes.append(_class_index(row["class5"], where))
        votes.append(_votes(row, where))
        lines.append(reader.line_num)
    table = GalaxyTable(
        directory=path.parent,
        files=tuple(files),
        source=tuple(sources),
        split=tuple(splits),
        frame_scale=np.array(scales, dtype=np.float32),
        class5=np.array(classes, dtype=np.int64),
        votes=np.array(votes, dtype=np.float32).reshape(len(files), len(VOTE_COLUMNS)),
        data_hash=hashlib.sha256(content).hexdigest(),
    )
    _check_sums(table, path, lines, sum_tolerance, strict)
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


def _scale(cell: str, where: str) -> float:
    if not cell:
        return math.nan
    value = _number(cell, "frame_scale", where)
    if value <= 0:
        raise LabelError(f"{where}: frame_scale is {cell}; it must be above 0")
    return value


def _class_index(cell: str, where: str) -> int:
    if not cell:
        return UNKNOWN_CLASS
    if cell not in CLASS5:
        raise LabelError(f"{where}: unknown class5 {cell!r}; known: {', '.join(CLASS5)}")
    return CLASS5.index(cell)


def _votes(row: dict[str, str], where: str) -> list[float]:
    empty = [column for column in VOTE_COLUMNS if not row[column]]
    if len(empty) == len(VOTE_COLUMNS):
        return [math.nan] * len(VOTE_COLUMNS)
    if empty:
        raise LabelError(f"{where}: {empty[0]} is empty while other votes are given")
    values = []
    for column in VOTE_COLUMNS:
        value = _number(row[column], column, where)
        if not -1e-6 <= value <= 1 + 1e-5:
            raise LabelError(f"{where}: {column} is {row[column]}; a vote is from 0 to 1")
        values.append(min(max(value, 0.0), 1.0))
    return values


def _number(cell: str, column: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LabelError(f"{where}: {column} is {cell!r}, not a number")
    return value


def _check_sums(
    table: GalaxyTable, path: Path, lines: list[int], tolerance: float, strict: bool
) -> None:
    violation = constraint_violation(np.nan_to_num(table.votes))
    violation[~table.has_votes] = 0
    bad = np.flatnonzero(violation.max(axis=1, initial=0) > tolerance)
    if not len(bad):
        return
    first = int(bad[0])
    question = int(np.argmax(violation[first]))
    message = (
        f"{path}: line {lines[first]}: the votes of question {question + 1} miss their "
        f"sum by {violation[first, question]:.3f}"
    )
    if strict:
        raise LabelError(message)
    _log.warning("%s; %d of %d rows with votes do so", message, len(bad), table.has_votes.sum())
