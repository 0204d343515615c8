"""The boxes of a frame as the telescope finds them, each with the view it was found in."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.loading import Bundle
from edge_runtime.detector import Detector
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.frame import Frame
from edge_runtime.pipeline import Pipeline
from edge_runtime.sighting import BoxXyxy, Detection
from edge_runtime.tiling import Tile

_LISTED = 8


@dataclass(frozen=True, slots=True)
class FoundBox:
    """A detected galaxy.

    Attributes
    ----------
    number : int
        From 1, the best score first.
    detection : Detection
        As the pipeline gives it.
    tile : Tile
        The view of the frame that found it.
    """

    number: int
    detection: Detection
    tile: Tile

    @property
    def box_xyxy_px(self) -> BoxXyxy:
        """Left, top, right and bottom in frame pixels."""
        return self.detection.box_xyxy_px

    def in_view_px(self, size_px: int) -> NDArray[np.float32]:
        """The box in pixels of its view, shape (4,), where the view is ``size_px`` wide."""
        corner = np.array([self.tile.left, self.tile.top] * 2, dtype=np.float64)
        box = (np.array(self.box_xyxy_px) - corner) * (size_px / self.tile.side)
        return box.astype(np.float32)

    def __str__(self) -> str:
        x0, y0, x1, y1 = self.box_xyxy_px
        return (
            f"box {self.number}, {self.detection.label.replace('_', ' ')} with score "
            f"{self.detection.score:.2f}, from {x0:.0f},{y0:.0f} to {x1:.0f},{y1:.0f}"
        )


@dataclass(frozen=True, slots=True)
class FoundBoxes:
    """What a bundle finds in a frame.

    Attributes
    ----------
    where : str
        The frame, for messages.
    picture : ndarray, shape (H, W, 3), uint8, RGB
        The conditioned frame.
    boxes : tuple of FoundBox
        The best score first.
    rejected : int
        Further boxes of the detector that the classifier, or the threshold of the final
        score, rejects.
    """

    where: str
    picture: NDArray[np.uint8]
    boxes: tuple[FoundBox, ...]
    rejected: int

    def numbered(self, number: int) -> FoundBox:
        """The box with a number.

        Raises
        ------
        GalaxyEdgeError
            There is none; the message lists those there are.
        """
        self._check_any()
        if not 1 <= number <= len(self.boxes):
            raise GalaxyEdgeError(f"{self.where}: has no box {number}; {self._list()}")
        return self.boxes[number - 1]

    def at(self, x: float, y: float) -> FoundBox:
        """The smallest box around a place in frame pixels.

        Raises
        ------
        GalaxyEdgeError
            The place is outside the frame or in no box; the message lists the boxes.
        """
        self._check_any()
        height, width = self.picture.shape[:2]
        if not (0 <= x < width and 0 <= y < height):
            raise GalaxyEdgeError(
                f"{self.where}: {x:g},{y:g} is outside the frame of {width} x {height} pixels"
            )
        around = [box for box in self.boxes if _contains(box.box_xyxy_px, x, y)]
        if not around:
            raise GalaxyEdgeError(f"{self.where}: no box is at {x:g},{y:g}; {self._list()}")
        return min(around, key=lambda box: _area(box.box_xyxy_px))

    def _check_any(self) -> None:
        if self.boxes:
            return
        more = (
            f" The detector has {self.rejected} candidates there, which the classifier or the "
            "score threshold rejects."
            if self.rejected
            else ""
        )
        raise GalaxyEdgeError(f"{self.where}: no galaxy is detected, so no box to explain.{more}")

    def _list(self) -> str:
        shown = "; ".join(map(str, self.boxes[:_LISTED]))
        left = len(self.boxes) - _LISTED
        return f"there are: {shown}" + (f"; and {left} more" if left > 0 else "")


def find_boxes(bundle: Bundle, frame: Frame, where: str, threads: int = 2) -> FoundBoxes:
    """Find galaxies as the telescope does, and the view that each comes from.

    Parameters
    ----------
    bundle : Bundle
    frame : Frame
    where : str
        The frame, for messages.
    threads : int
        Processor cores to use.

    Raises
    ------
    FrameError
        The frame holds no usable pixel.
    """
    with closing(Pipeline(bundle, threads)) as pipeline:
        result = pipeline.process(frame)
    with closing(Detector(bundle, threads)) as detector:
        candidates, tiles = detector.detect_in_views(result.picture)
    boxes = tuple(
        FoundBox(number, detection, _tile_of(detection, candidates.xyxy_px, tiles))
        for number, detection in enumerate(result.detections, start=1)
    )
    return FoundBoxes(where, result.picture, boxes, len(candidates.scores) - len(boxes))


def _tile_of(detection: Detection, boxes: NDArray[np.float32], tiles: Sequence[Tile]) -> Tile:
    """View of the candidate that became a detection; both come from the same call of the chain."""
    distance = np.abs(boxes - np.array(detection.box_xyxy_px, dtype=np.float32)).max(axis=1)
    return tiles[int(np.argmin(distance))]


def _contains(box: BoxXyxy, x: float, y: float) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _area(box: BoxXyxy) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
