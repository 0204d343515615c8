"""A person's own labelled pictures, as the detector sees them at the telescope.

Frames are conditioned and cut into the views of the edge, the whole frame and
tiles, each resized to the detector's input, and written as TFRecords.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import LabelledBox, LabelledPicture, LabelledSet
from annotations.formats.outputs import new_folder
from annotations.formats.problems import ProblemList
from annotations.formats.registry import read_set
from annotations.formats.tfrecord import ShardWriter
from edge_runtime.conditioning import ConditioningParams, condition
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.pictures import read_picture
from edge_runtime.tiling import Tile, plan_tiles, view

log = logging.getLogger(__name__)

GALAXY = "galaxy"
TILE_SIDES_PX = (0, 640)
TILE_OVERLAP = 0.2
_LEAST_VISIBLE = 0.4  # share of a box that has to lie in a view
_SMALLEST_BOX_PX = 8.0
_SHOWN_PROBLEMS = 3


def read_galaxies(source: Path, labels: Sequence[str] = ()) -> LabelledSet:
    """Labelled pictures with one class, galaxy.

    Parameters
    ----------
    source : Path
        COCO, Pascal VOC, YOLO or TFRecord.
    labels : sequence of str
        Classes that are galaxies; empty for all. Boxes of others are background.

    Raises
    ------
    GalaxyEdgeError
        The source is damaged or empty, a label is not in it, or a class has no
        box at all.
    """
    problems = ProblemList()
    found = read_set(source, problems)
    if problems.errors:
        shown = "; ".join(str(problem) for problem in problems.errors[:_SHOWN_PROBLEMS])
        more = len(problems.errors) - _SHOWN_PROBLEMS
        raise GalaxyEdgeError(shown + (f"; and {more} more errors" if more > 0 else ""))
    if not found.pictures:
        raise GalaxyEdgeError(f"{source}: no labelled picture to train on")
    unknown = [label for label in labels if label not in found.labels]
    if unknown:
        raise GalaxyEdgeError(
            f"{source}: has no class {unknown[0]!r}; there are {', '.join(found.labels)}"
        )
    wanted = tuple(labels) or found.labels
    counts = Counter(
        box.label for picture in found.pictures for box in picture.boxes if not _unsure(box)
    )
    missing = [label for label in wanted if not counts[label]]
    if missing or not wanted:
        raise GalaxyEdgeError(
            f"{source}: {_quoted(missing) or 'no class'} has no box in any of its "
            f"{len(found.pictures)} pictures; label some, or name the classes to train on with "
            "--label"
        )
    pictures = tuple(
        replace(
            picture,
            boxes=tuple(replace(b, label=GALAXY) for b in picture.boxes if b.label in wanted),
        )
        for picture in found.pictures
    )
    return LabelledSet(pictures, (GALAXY,))


def _quoted(labels: Sequence[str]) -> str:
    if not labels:
        return ""
    names = ", ".join(repr(label) for label in labels)
    return f"class {names}" if len(labels) == 1 else f"each of the classes {names}"


def _unsure(box: LabelledBox) -> bool:
    return box.difficult or box.crowd


def annotations_hash(labelled: LabelledSet) -> str:
    """SHA-256 of the pictures and their boxes."""
    digest = hashlib.sha256()
    for picture in labelled.pictures:
        digest.update(hashlib.sha256(picture.encoded()).digest())
        boxes = [(*box.xyxy_px, _unsure(box)) for box in picture.boxes]
        digest.update(json.dumps(boxes).encode())
    return digest.hexdigest()


def write_views(
    labelled: LabelledSet,
    folder: Path,
    size_px: int,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Write all views of a set; a folder that exists is taken as it is.

    Parameters
    ----------
    labelled : LabelledSet
        As `read_galaxies` returns it.
    folder : Path
        Appears when it is complete.
    size_px : int
        Side of the views.
    progress : callable, optional
        Takes pictures done and in all.

    Returns
    -------
    str
        Pattern of the TFRecords.

    Raises
    ------
    GalaxyEdgeError
        A picture cannot be read.
    """
    pattern = str(folder / "views-*.tfrecord")
    if folder.is_dir():
        return pattern
    folder.parent.mkdir(parents=True, exist_ok=True)
    number = left_out = 0
    with (
        new_folder(folder) as partial,
        ShardWriter(partial, "views", labelled.labels) as writer,
    ):
        for index, picture in enumerate(labelled.pictures):
            for shown in picture_views(picture, size_px):
                if shown is None:
                    left_out += 1
                    continue
                number += 1
                writer.write(shown.picture, shown.encoded, number)
            if progress is not None:
                progress(index + 1, len(labelled.pictures))
    log.info("%d views of %d pictures", number, len(labelled.pictures))
    if left_out:
        log.info("%d views with boxes marked difficult are not trained on", left_out)
    return pattern


@dataclass(frozen=True, slots=True)
class _View:
    picture: LabelledPicture
    encoded: bytes


def picture_views(picture: LabelledPicture, size_px: int) -> Iterator[_View | None]:
    """The edge's views of a picture; None for those with a difficult box."""
    look = ConditioningParams()
    pixels = _conditioned(picture)
    fill = round(look.sky_level * 255)
    height, width = pixels.shape[:2]
    for tile in plan_tiles(width, height, TILE_SIDES_PX, TILE_OVERLAP):
        boxes, unsure = _boxes_in(picture.boxes, tile, size_px)
        if unsure:
            yield None
            continue
        bgr = view(pixels, tile, size_px, fill)[:, :, ::-1]
        done, data = cv2.imencode(".png", np.ascontiguousarray(bgr))
        if not done:
            raise GalaxyEdgeError(f"{picture.path}: a view of it cannot be encoded as PNG")
        yield _View(
            LabelledPicture(picture.path, size_px, size_px, boxes, name=picture.name),
            data.tobytes(),
        )


def _conditioned(picture: LabelledPicture) -> NDArray[np.uint8]:
    if picture.encoded_at is None:
        return condition(read_picture(picture.path))
    with tempfile.NamedTemporaryFile() as file:
        file.write(picture.encoded())
        file.flush()
        return condition(read_picture(Path(file.name)))


def _boxes_in(
    boxes: Sequence[LabelledBox], tile: Tile, size_px: int
) -> tuple[tuple[LabelledBox, ...], bool]:
    """Boxes in pixels of a view, and whether one of them is difficult."""
    scale = size_px / tile.side
    kept = []
    unsure = False
    for box in boxes:
        x0, y0, x1, y1 = box.xyxy_px
        left, top = max(x0 - tile.left, 0.0), max(y0 - tile.top, 0.0)
        right, bottom = min(x1 - tile.left, tile.side), min(y1 - tile.top, tile.side)
        if right <= left or bottom <= top:
            continue
        visible = (right - left) * (bottom - top) / (box.width_px * box.height_px)
        longer = max(right - left, bottom - top) * scale
        if visible < _LEAST_VISIBLE or longer < _SMALLEST_BOX_PX:
            continue
        unsure |= _unsure(box)
        kept.append(
            LabelledBox((left * scale, top * scale, right * scale, bottom * scale), box.label)
        )
    return tuple(kept), unsure
