"""Pictures of a detector's errors: each frame small with its boxes, each error enlarged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.html_page import picture_uri
from detection.evaluation.collection import CollectedPicture, Collection
from detection.evaluation.errors import DetectionError, ErrorKind, FrameErrors
from edge_runtime.conditioning import condition
from edge_runtime.crops import crop_square
from edge_runtime.pictures import read_picture
from edge_runtime.sighting import BoxXyxy

Rgb = tuple[int, int, int]

THUMBNAIL_PX = 480
_ZOOM_PX = 160
_ZOOM_MULTIPLE = 2.5
_MOST_ZOOMS = 8


@dataclass(frozen=True, slots=True)
class Mark:
    """How a kind of box is drawn: colour, letter, width."""

    name: str
    letter: str
    colour: Rgb
    width_px: int

    @property
    def css(self) -> str:
        """The colour as in a style sheet."""
        return "#{:02x}{:02x}{:02x}".format(*self.colour)


# Okabe & Ito (2008), told apart with any colour vision; the letters do without any
TRUTH = Mark("galaxy as marked", "", (255, 255, 255), 1)
DIFFICULT = Mark("difficult galaxy, ignored", "", (150, 150, 150), 1)
HIT = Mark("hit", "H", (0, 158, 115), 2)
ERROR_MARKS = {
    ErrorKind.MISSED: Mark("missed", "M", (230, 159, 0), 2),
    ErrorKind.FALSE_ON_EMPTY: Mark("false on empty frame", "F", (213, 94, 0), 2),
    ErrorKind.FALSE_ON_GALAXY: Mark("false on galaxy frame", "F", (213, 94, 0), 2),
    ErrorKind.LOOSE: Mark("loose", "L", (86, 180, 233), 2),
    ErrorKind.DUPLICATE: Mark("duplicate", "D", (204, 121, 167), 2),
}
LEGEND = (TRUTH, DIFFICULT, HIT, *{mark.name: mark for mark in ERROR_MARKS.values()}.values())


@dataclass(frozen=True, slots=True)
class ErrorPicture:
    """One error enlarged.

    Attributes
    ----------
    caption : str
    picture : str
        Data URI.
    """

    caption: str
    picture: str


@dataclass(frozen=True, slots=True)
class GalleryFrame:
    """A frame with errors.

    Attributes
    ----------
    name : str
        File name.
    summary : str
        Numbers of each kind.
    picture : str
        Data URI of the whole frame with all boxes.
    errors : tuple of ErrorPicture
        Worst first.
    left_out : int
        Errors that are not enlarged.
    """

    name: str
    summary: str
    picture: str
    errors: tuple[ErrorPicture, ...]
    left_out: int


def error_gallery(
    collection: Collection, errors: Sequence[FrameErrors], most: int
) -> list[GalleryFrame]:
    """The frames with the worst errors.

    Parameters
    ----------
    collection : Collection
    errors : sequence of FrameErrors
        Of each of its pictures.
    most : int
        Frames shown.
    """
    order = sorted(range(len(errors)), key=lambda i: -errors[i].severity)
    look = collection.manifest.conditioning.params()
    frames = []
    for i in order[:most]:
        if not errors[i].errors:
            break
        picture = collection.pictures[i]
        conditioned = condition(read_picture(picture.path), look)
        frames.append(_gallery_frame(collection, picture, conditioned, errors[i]))
    return frames


def _gallery_frame(
    collection: Collection,
    picture: CollectedPicture,
    conditioned: NDArray[np.uint8],
    errors: FrameErrors,
) -> GalleryFrame:
    scored = picture.scored(collection.rule).above(collection.rule.score_threshold)
    boxes: list[tuple[BoxXyxy, Mark]] = [
        (_tuple(box), DIFFICULT if difficult else TRUTH)
        for box, difficult in zip(picture.boxes_xyxy_px, picture.difficult, strict=True)
    ]
    boxes += [(_tuple(scored.found_xyxy_px[i]), HIT) for i in errors.hits]
    boxes += [(error.box_xyxy_px, ERROR_MARKS[error.kind]) for error in errors.errors]
    kinds = [error.kind for error in errors.errors]
    zooms = tuple(
        _zoom(conditioned, boxes, error, collection.manifest.conditioning.sky_level)
        for error in errors.errors[:_MOST_ZOOMS]
    )
    counted = [f"{kinds.count(kind)} {kind.value}" for kind in ErrorKind if kind in kinds]
    return GalleryFrame(
        name=picture.path.name,
        summary=", ".join(counted) + f"; {len(errors.hits)} right",
        picture=picture_uri(_thumbnail(conditioned, boxes)),
        errors=zooms,
        left_out=len(errors.errors) - len(zooms),
    )


def _thumbnail(
    picture: NDArray[np.uint8], boxes: Sequence[tuple[BoxXyxy, Mark]]
) -> NDArray[np.uint8]:
    scale = min(1.0, THUMBNAIL_PX / max(picture.shape[:2]))
    resized = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small: NDArray[np.uint8] = np.asarray(resized, dtype=np.uint8)
    for box, mark in boxes:
        _draw(small, [v * scale for v in box], mark)
    return small


def _zoom(
    picture: NDArray[np.uint8],
    boxes: Sequence[tuple[BoxXyxy, Mark]],
    error: DetectionError,
    sky_level: float,
) -> ErrorPicture:
    x0, y0, x1, y1 = error.box_xyxy_px
    side = max(x1 - x0, y1 - y0, 16.0) * _ZOOM_MULTIPLE
    left, top = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2
    around = (left, top, left + side, top + side)
    crop = crop_square(picture, around, 1.0, _ZOOM_PX, round(255 * sky_level)).copy()
    scale = _ZOOM_PX / side
    for (bx0, by0, bx1, by1), mark in boxes:
        corners = [
            (bx0 - left) * scale,
            (by0 - top) * scale,
            (bx1 - left) * scale,
            (by1 - top) * scale,
        ]
        _draw(crop, corners, mark)
    caption = error.kind.value
    if not math.isnan(error.score):
        caption += f", score {error.score:.2f}"
    if error.overlap:
        caption += f", IoU {error.overlap:.2f}"
    return ErrorPicture(
        caption=f"{caption}, {x1 - x0:.0f} × {y1 - y0:.0f} px", picture=picture_uri(crop)
    )


def _draw(picture: NDArray[np.uint8], corners: Sequence[float], mark: Mark) -> None:
    x0, y0, x1, y1 = (int(np.clip(round(v), -30000, 30000)) for v in corners)
    cv2.rectangle(picture, (x0, y0), (x1, y1), mark.colour, mark.width_px, cv2.LINE_AA)
    height, width = picture.shape[:2]
    if mark.letter and 0 <= x0 < width and 0 <= y0 < height:
        at = (x0 + 2, y0 + 12)
        cv2.putText(picture, mark.letter, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3)
        cv2.putText(picture, mark.letter, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, mark.colour, 1)


def _tuple(box: NDArray[np.float32]) -> BoxXyxy:
    x0, y0, x1, y1 = (float(v) for v in box)
    return x0, y0, x1, y1
