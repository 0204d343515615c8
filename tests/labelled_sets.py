"""Labelled sets for tests: a small one with everything in it, and arbitrary ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from hypothesis import strategies as st

from annotations.formats.dataset import LabelledBox, LabelledPicture, LabelledSet

SIZES = ((64, 48), (97, 41), (320, 240), (1000, 3), (6000, 4000))
LABELS = ("galaxy", "star cluster", "Nebel größer")


def picture_files(folder: Path) -> dict[tuple[int, int], Path]:
    """One PNG file of each size."""
    files = {}
    for width, height in SIZES:
        path = folder / f"{width}x{height}.png"
        cv2.imwrite(str(path), np.zeros((height, width), dtype=np.uint8))
        files[width, height] = path
    return files


def small_set(folder: Path) -> LabelledSet:
    """Three JPEG pictures in ``folder/images``; their boxes use every field there is."""
    images = folder / "images"
    (images / "night1").mkdir(parents=True)
    rng = np.random.default_rng(7)
    for name, shape in (
        ("night1/M31_1.jpg", (90, 160, 3)),
        ("night1/M31_2.jpg", (90, 160)),
        ("M51_1.jpg", (64, 48, 3)),
    ):
        noise = rng.integers(0, 256, size=shape, dtype=np.uint8)
        assert cv2.imwrite(str(images / name), noise)
    boxes = (
        LabelledBox((1, 2, 31.25, 40.5), "galaxy", difficult=True, annotation_id=11),
        LabelledBox(
            (0, 0, 160, 90),
            "star cluster",
            crowd=True,
            truncated=True,
            pose="Left",
            area_px=44.5,
            annotation_id=5,
            attributes={"object": "M31", "segmentation": [[1, 2, 3.5]], "sure": True, "no": "7"},
        ),
        LabelledBox(
            (3.3, 4, 9.7, 80),
            "galaxy",
            difficult=True,
            crowd=True,
            occluded=True,
            annotation_id=6,
        ),
    )
    return LabelledSet(
        pictures=(
            LabelledPicture(
                images / "night1" / "M31_1.jpg",
                160,
                90,
                boxes,
                group="M31",
                name="night1/M31_1.jpg",
                picture_id=4,
                attributes={"target": "M31"},
            ),
            LabelledPicture(
                images / "night1" / "M31_2.jpg",
                160,
                90,
                (),
                group="M31",
                name="night1/M31_2.jpg",
                picture_id=9,
            ),
            LabelledPicture(
                images / "M51_1.jpg",
                48,
                64,
                (LabelledBox((10, 10, 20, 30), "galaxy", annotation_id=7),),
                picture_id=12,
            ),
        ),
        labels=("star cluster", "galaxy"),
    )


@st.composite
def labelled_sets(draw: st.DrawFn, files: dict[tuple[int, int], Path]) -> LabelledSet:
    """Sets that every format but YOLO holds whole."""
    labels = draw(st.permutations(LABELS))
    sizes = draw(st.lists(st.sampled_from(SIZES), min_size=1, max_size=3))
    prefixes = ("", "night 1/", "a.b/c.d.", "Große/")
    pictures, boxes_so_far = [], 0
    for index, size in enumerate(sizes):
        boxes = draw(st.lists(_boxes(size, labels), max_size=4))
        pictures.append(
            LabelledPicture(
                path=files[size],
                width_px=size[0],
                height_px=size[1],
                boxes=tuple(boxes),
                group=draw(st.sampled_from(("", "M31", "Große Wolke"))),
                name=f"{draw(st.sampled_from(prefixes))}{index}.png",
            )
        )
        boxes_so_far += len(boxes)
    return numbered(LabelledSet(tuple(pictures), tuple(labels)))


def numbered(labelled: LabelledSet) -> LabelledSet:
    """The same with pictures and boxes numbered from 1, as COCO has to."""
    from dataclasses import replace

    pictures, count = [], 0
    for index, picture in enumerate(labelled.pictures):
        boxes = [
            replace(box, annotation_id=count + place + 1) for place, box in enumerate(picture.boxes)
        ]
        count += len(boxes)
        pictures.append(replace(picture, boxes=tuple(boxes), picture_id=index + 1))
    return replace(labelled, pictures=tuple(pictures))


def contents(labelled: LabelledSet) -> dict[str, tuple[object, ...]]:
    """What a set says of each picture, apart from where its file is."""
    return {
        picture.name: (
            (picture.width_px, picture.height_px),
            picture.boxes,
            picture.group,
            picture.picture_id,
            dict(picture.attributes),
        )
        for picture in labelled.pictures
    }


def _boxes(size: tuple[int, int], labels: Sequence[str]) -> st.SearchStrategy[LabelledBox]:
    return st.builds(
        LabelledBox,
        xyxy_px=st.tuples(_interval(size[0]), _interval(size[1])).map(
            lambda pair: (pair[0][0], pair[1][0], pair[0][1], pair[1][1])
        ),
        label=st.sampled_from(list(labels)),
        difficult=st.booleans(),
        crowd=st.booleans(),
        truncated=st.booleans(),
        occluded=st.booleans(),
        pose=st.sampled_from(("", "Left", "von der Seite")),
        attributes=st.dictionaries(st.sampled_from(("object", "z", "parts")), _values, max_size=2),
    )


def _interval(side_px: int) -> st.SearchStrategy[tuple[float, float]]:
    """Two edges at least 0.01 px apart with up to nine decimals."""
    edges = st.tuples(st.floats(0, side_px), st.floats(0, side_px), st.sampled_from((0, 1, 3, 9)))
    return edges.map(
        lambda drawn: tuple(sorted(round(value, drawn[2]) for value in drawn[:2]))
    ).filter(lambda pair: pair[1] - pair[0] >= 0.01)


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)
