"""Galaxy Zoo's whole frames as labelled pictures, their boxes from isophotes.

Each frame is centred on one galaxy, whose box counts. Neighbours that are
clearly galaxies are difficult: they count neither way, because a detector that
marks them is not wrong, though the frame is not about them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from annotations.formats.dataset import AnnotationError, LabelledBox, LabelledPicture, LabelledSet
from annotations.galaxy_zoo import SPLITS, GalaxyTable, read_labels
from annotations.isophotes import Outline, frame_outlines
from edge_runtime.pictures import read_picture

_log = logging.getLogger(__name__)

LABEL = "galaxy"
SOURCE = "gz2"  # the only one whose files are whole frames


def whole_frames(data_dir: Path, splits: Sequence[str] = SPLITS) -> GalaxyTable:
    """Rows of the frames shown whole, in the splits named.

    Parameters
    ----------
    data_dir : Path
        Holds ``galaxies/labels.csv``.
    splits : sequence of str

    Raises
    ------
    AnnotationError
        There is none.
    LabelError
        The table cannot be read.
    """
    labels = data_dir / "galaxies" / "labels.csv"
    table = read_labels(labels)
    wanted = set(splits)
    keep = [
        source == SOURCE and split in wanted
        for source, split in zip(table.source, table.split, strict=True)
    ]
    if not any(keep):
        raise AnnotationError(
            f"{labels}: no row with source {SOURCE} and split {' or '.join(splits)}"
        )
    return table.rows(np.array(keep, dtype=bool))


def label_frames(
    table: GalaxyTable, progress: Callable[[int, int], None] | None = None
) -> LabelledSet:
    """Box the galaxies of whole frames.

    Parameters
    ----------
    table : GalaxyTable
        As `whole_frames` returns it.
    progress : callable, optional
        Called with the frames done and in all.

    Returns
    -------
    LabelledSet
        One picture a row. Its group is the galaxy's number, which pictures of
        the same galaxy share. A box cut by the border is marked truncated. A
        frame where nothing at the centre rises above the isophote is left out
        with a warning.

    Raises
    ------
    AnnotationError
        No frame is left.
    """
    pictures = []
    for done, name in enumerate(table.files, start=1):
        picture = label_frame(table.directory / name, name)
        if picture is None:
            _log.warning("%s: no galaxy at the centre of the frame; left out", name)
        else:
            pictures.append(picture)
        if progress is not None:
            progress(done, len(table))
    if not pictures:
        raise AnnotationError(f"{table.directory}: no frame has a galaxy at its centre")
    return LabelledSet(tuple(pictures), (LABEL,))


def label_frame(path: Path, name: str = "") -> LabelledPicture | None:
    """Box the galaxies of one frame, None without one at the centre; see `label_frames`."""
    pixels = read_picture(path).pixels
    if pixels.dtype != np.uint8:
        raise AnnotationError(f"{path}: {pixels.dtype} pixels; survey frames have 8 bits")
    colour = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels
    outlines = frame_outlines(colour)
    if outlines.central is None:
        return None
    boxes = [_box(outlines.central, difficult=False)]
    boxes += [_box(outline, difficult=True) for outline in outlines.neighbours]
    height, width = colour.shape[:2]
    return LabelledPicture(path, width, height, tuple(boxes), group=path.stem, name=name)


def _box(outline: Outline, *, difficult: bool) -> LabelledBox:
    return LabelledBox(
        outline.box_xyxy_px,
        LABEL,
        difficult=difficult,
        truncated=outline.truncated,
        area_px=float(outline.area_px),
    )
