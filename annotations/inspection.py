"""What a labelled set holds: counts, sizes, shapes, and what looks wrong."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import LabelledBox, LabelledPicture, LabelledSet
from annotations.formats.problems import ProblemList
from edge_runtime.boxes import iou

SIDE_EDGES_PX = (0, 8, 16, 32, 64, 128, 256, 512, float("inf"))
SHARE_EDGES = (0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, float("inf"))
ASPECT_EDGES = (0, 1 / 3, 0.5, 0.8, 1.25, 2, 3, float("inf"))
_SAME_BOX_IOU = 0.95


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between edges.

    Attributes
    ----------
    title : str
    edges : tuple of float
        One more than counts; the last may be infinite.
    counts : tuple of int
    """

    title: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Range of each bin as text."""
        names = []
        for low, high in zip(self.edges, self.edges[1:], strict=False):
            if high == float("inf"):
                names.append(f"{low:.3g} and more")
            else:
                names.append(f"{low:.3g} – {high:.3g}")
        return tuple(names)


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers about a set.

    Attributes
    ----------
    pictures, empty_pictures, groups : int
    boxes, difficult, crowd : int
    boxes_by_label, pictures_by_label : dict of str to int
    picture_sizes : dict of str to int
        Pictures of each size, the most frequent first.
    sides_px : ndarray, shape (N,), float64
        Square root of the area of each box in pixels.
    side_shares : ndarray, shape (N,), float64
        The same as a share of the square root of the picture's area.
    aspects : ndarray, shape (N,), float64
        Width over height.
    """

    pictures: int
    empty_pictures: int
    groups: int
    boxes: int
    difficult: int
    crowd: int
    boxes_by_label: dict[str, int]
    pictures_by_label: dict[str, int]
    picture_sizes: dict[str, int]
    sides_px: NDArray[np.float64]
    side_shares: NDArray[np.float64]
    aspects: NDArray[np.float64]

    @property
    def histograms(self) -> tuple[Histogram, ...]:
        """Size in pixels, size as a share of the picture, and aspect."""
        return (
            _histogram("box side, px (√ of the area)", SIDE_EDGES_PX, self.sides_px),
            _histogram("box side as a share of the picture's", SHARE_EDGES, self.side_shares),
            _histogram("aspect (width / height)", ASPECT_EDGES, self.aspects),
        )

    def as_json(self) -> dict[str, object]:
        """Return the numbers as JSON values."""
        return {
            "pictures": self.pictures,
            "empty_pictures": self.empty_pictures,
            "groups": self.groups,
            "boxes": self.boxes,
            "difficult": self.difficult,
            "crowd": self.crowd,
            "boxes_by_label": self.boxes_by_label,
            "pictures_by_label": self.pictures_by_label,
            "picture_sizes": self.picture_sizes,
            "side_px": _quantiles(self.sides_px),
            "side_share": _quantiles(self.side_shares),
            "aspect": _quantiles(self.aspects),
            "histograms": {
                histogram.title: dict(zip(histogram.names, histogram.counts, strict=True))
                for histogram in self.histograms
            },
        }


def summarise(labelled: LabelledSet) -> Summary:
    """Count and measure a set."""
    pairs = [(box, picture) for picture in labelled.pictures for box in picture.boxes]
    sides = [(box.width_px * box.height_px) ** 0.5 for box, _ in pairs]
    roots = [(picture.width_px * picture.height_px) ** 0.5 for _, picture in pairs]
    boxes_by_label = Counter(box.label for box, _ in pairs)
    pictures_by_label = Counter(
        label for picture in labelled.pictures for label in {box.label for box in picture.boxes}
    )
    sizes = Counter(f"{p.width_px} × {p.height_px}" for p in labelled.pictures)
    return Summary(
        pictures=len(labelled.pictures),
        empty_pictures=sum(not picture.boxes for picture in labelled.pictures),
        groups=len({picture.group for picture in labelled.pictures if picture.group}),
        boxes=len(pairs),
        difficult=sum(box.difficult for box, _ in pairs),
        crowd=sum(box.crowd for box, _ in pairs),
        boxes_by_label={label: boxes_by_label[label] for label in labelled.labels},
        pictures_by_label={label: pictures_by_label[label] for label in labelled.labels},
        picture_sizes=dict(sizes.most_common()),
        sides_px=np.asarray(sides, dtype=np.float64),
        side_shares=np.asarray(sides, dtype=np.float64) / np.asarray(roots, dtype=np.float64),
        aspects=np.asarray([box.width_px / box.height_px for box, _ in pairs], dtype=np.float64),
    )


def add_doubts(labelled: LabelledSet, source: Path, problems: ProblemList) -> None:
    """Warn of what is legal but rarely meant.

    A class without a box, a box drawn twice, the same picture under two names.

    Parameters
    ----------
    labelled : LabelledSet
    source : Path
        Named where the finding belongs to no single file.
    problems : ProblemList
        Takes the warnings.
    """
    used = {box.label for picture in labelled.pictures for box in picture.boxes}
    for label in labelled.labels:
        if label not in used:
            problems.warning(source, "", f"class {label!r} has no box")
    names: dict[bytes, LabelledPicture] = {}
    for picture in labelled.pictures:
        digest = hashlib.sha256(picture.encoded()).digest()
        other = names.setdefault(digest, picture)
        if other is not picture:
            message = f"{picture.name} is the same picture as {other.name}"
            if picture.group != other.group or not picture.group:
                message += "; a split may put them on both sides"
            problems.warning(picture.path, "", message)
        for first, second in _drawn_twice(picture.boxes):
            message = f"{picture.name}: boxes {first} and {second} cover the same object"
            problems.warning(picture.path, "", message)


def _drawn_twice(boxes: Sequence[LabelledBox]) -> list[tuple[int, int]]:
    if len(boxes) < 2:
        return []
    corners = np.asarray([box.xyxy_px for box in boxes], dtype=np.float32)
    same = np.triu(iou(corners, corners) > _SAME_BOX_IOU, k=1)
    return [
        (int(first), int(second))
        for first, second in np.argwhere(same)
        if boxes[first].label == boxes[second].label
    ]


def _histogram(title: str, edges: tuple[float, ...], values: NDArray[np.float64]) -> Histogram:
    places = np.searchsorted(np.asarray(edges[1:-1]), values, side="right")
    counts = np.bincount(places, minlength=len(edges) - 1)
    return Histogram(title, edges, tuple(int(count) for count in counts))


def _quantiles(values: NDArray[np.float64]) -> dict[str, float] | None:
    if not len(values):
        return None
    points = {"min": 0.0, "p5": 0.05, "median": 0.5, "p95": 0.95, "max": 1.0}
    return {name: float(np.quantile(values, point)) for name, point in points.items()}
