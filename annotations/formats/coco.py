"""Labelled pictures as COCO JSON.

``bbox`` is left, top, width, height in pixels. Categories are numbered from 1
unless the set brings ids of its own. Coordinates keep nine decimals. Beyond
COCO's own fields, ``difficult`` (0 or 1) is always written, and ``truncated``,
``occluded``, ``pose`` and, of a picture, ``group`` where they are set; all
other fields are carried along.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from annotations.formats.dataset import (
    AnnotationError,
    LabelledBox,
    LabelledPicture,
    LabelledSet,
)
from annotations.formats.located_json import LocatedJson
from annotations.formats.pictures import find_picture, picture_size
from annotations.formats.problems import (
    ProblemList,
    box_fault,
    label_fault,
    name_fault,
    stated_size_fault,
)

DECIMALS = 9
_PICTURE_FIELDS = ("id", "file_name", "width", "height", "group")
_BOX_FIELDS = (
    "id",
    "image_id",
    "category_id",
    "bbox",
    "area",
    "iscrowd",
    "difficult",
    "truncated",
    "occluded",
    "pose",
)
_AREA_TOLERANCE = 1e-6


def read_coco(
    path: Path,
    problems: ProblemList,
    *,
    images: Path | None = None,
    labels: Sequence[str] | None = None,
) -> LabelledSet:
    """Read a COCO file.

    Parameters
    ----------
    path : Path
    problems : ProblemList
        Takes what is wrong; pictures and boxes with errors are left out.
    images : Path, optional
        Folder of the pictures; by default ``images`` beside the file, or the
        file's own folder.
    labels : sequence of str, optional
        Classes that may occur; by default those of the file.

    Raises
    ------
    AnnotationError
        The file is no COCO file at all.
    """
    file = LocatedJson(path)
    categories = _categories(file, problems, labels)
    boxes: dict[Any, list[LabelledBox]] = {}
    pictures: dict[Any, LabelledPicture] = {}
    listed = set()
    places = [images] if images is not None else [path.parent / "images", path.parent]
    names: set[str] = set()
    for index, entry in enumerate(file.entries("images")):
        place = file.line("images", index)
        key, name = entry.get("id"), entry.get("file_name")
        if not isinstance(key, int | str) or not isinstance(name, str):
            problems.error(path, place, "picture without id or file_name")
            continue
        if key in listed:
            problems.error(path, place, f"picture id {key} is used twice")
            continue
        listed.add(key)
        name = name.removeprefix("./")
        if fault := name_fault(name):
            problems.error(path, place, fault)
            continue
        if name in names:
            problems.error(path, place, f"picture {name} is listed twice")
            continue
        names.add(name)
        picture = _picture(entry, name, key, places, (path, place), problems)
        if picture is not None:
            pictures[key] = picture
            boxes[key] = []
    ids: set[Any] = set()
    for index, entry in enumerate(file.entries("annotations")):
        place = file.line("annotations", index)
        number = entry.get("id")
        what = f"annotation {number}" if number is not None else f"annotation at index {index}"
        if isinstance(number, int | str):
            if number in ids:
                problems.error(path, place, f"{what}: this id is used twice")
                continue
            ids.add(number)
        key = entry.get("image_id")
        if not isinstance(key, int | str) or key not in listed:
            problems.error(path, place, f"{what}: no picture has id {key}")
            continue
        if key not in pictures:
            continue  # its picture has been left out
        box = _box(entry, pictures[key], categories, problems, (path, place, what))
        if box is not None:
            boxes[key].append(box)
    order = sorted(categories) if all(isinstance(key, int) for key in categories) else [*categories]
    return LabelledSet(
        pictures=tuple(replace(pictures[key], boxes=tuple(boxes[key])) for key in pictures),
        labels=tuple(categories[key] for key in order),
        category_ids=tuple(order) if all(isinstance(key, int) for key in order) else (),
    )


def write_coco(labelled: LabelledSet, path: Path) -> None:
    """Write a COCO file, one picture or annotation a line.

    Picture and annotation ids are kept where all pictures or boxes have one of
    their own, else numbered from 1.

    Raises
    ------
    AnnotationError
        A box has a label that is not among the labels.
    """
    own = labelled.category_ids or range(1, len(labelled.labels) + 1)
    category_ids = dict(zip(labelled.labels, own, strict=True))
    picture_ids = _own_or_counted([picture.picture_id for picture in labelled.pictures])
    every_box = [box for picture in labelled.pictures for box in picture.boxes]
    box_ids = iter(_own_or_counted([box.annotation_id for box in every_box]))
    pictures, annotations = [], []
    for picture, picture_id in zip(labelled.pictures, picture_ids, strict=True):
        pictures.append(
            {
                "id": picture_id,
                "file_name": picture.name,
                "width": picture.width_px,
                "height": picture.height_px,
                **({"group": picture.group} if picture.group else {}),
                **_further(picture.attributes, _PICTURE_FIELDS),
            }
        )
        for box in picture.boxes:
            if box.label not in category_ids:
                raise AnnotationError(f"{picture.name}: label {box.label!r} is not listed")
            annotations.append(
                {
                    "id": next(box_ids),
                    "image_id": picture_id,
                    "category_id": category_ids[box.label],
                    **_box_fields(box),
                }
            )
    parts = [
        _list("categories", [{"id": n, "name": name} for name, n in category_ids.items()]),
        _list("images", pictures),
        _list("annotations", annotations),
    ]
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def plain(value: float) -> float:
    """Round to nine decimals; whole numbers become int, so that they are written so."""
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def _categories(
    file: LocatedJson, problems: ProblemList, labels: Sequence[str] | None
) -> dict[Any, str]:
    categories: dict[Any, str] = {}
    for index, entry in enumerate(file.entries("categories")):
        place = file.line("categories", index)
        key, name = entry.get("id"), entry.get("name")
        if not isinstance(key, int | str) or not isinstance(name, str):
            problems.error(file.path, place, "category without id or name")
            continue
        name = name.strip()
        fault = label_fault(name)
        if key in categories:
            fault = f"category id {key} is used twice"
        elif name in categories.values():
            fault = f"category {name!r} is listed twice"
        elif labels is not None and name not in labels:
            fault = f"unknown class {name!r}; known are {', '.join(labels)}"
        if fault:
            problems.error(file.path, place, fault)
        else:
            categories[key] = name
    return categories


def _picture(
    entry: dict[str, Any],
    name: str,
    key: int | str,
    places: Sequence[Path],
    where: tuple[Path, str],
    problems: ProblemList,
) -> LabelledPicture | None:
    found = find_picture(name, places)
    if found is None:
        problems.error(*where, f"picture {name} is not in {places[0]}")
        return None
    try:
        size = picture_size(found)
    except AnnotationError as error:
        problems.error(*where, f"picture {name}: {error}")
        return None
    stated = (entry.get("width", size[0]), entry.get("height", size[1]))
    if not all(isinstance(side, int) for side in stated):
        problems.error(*where, f"picture {name}: width and height are not whole numbers")
        return None
    if fault := stated_size_fault(stated, size):
        problems.error(*where, f"picture {name}: {fault}")
        return None
    return LabelledPicture(
        path=found,
        width_px=size[0],
        height_px=size[1],
        boxes=(),
        group=str(entry.get("group") or ""),
        name=name,
        picture_id=key if isinstance(key, int) else None,
        attributes=_further(entry, _PICTURE_FIELDS),
    )


def _box(
    entry: dict[str, Any],
    picture: LabelledPicture,
    categories: Mapping[Any, str],
    problems: ProblemList,
    where: tuple[Path, str, str],
) -> LabelledBox | None:
    path, place, what = where
    category = entry.get("category_id")
    if not isinstance(category, int | str) or category not in categories:
        known = ", ".join(str(key) for key in categories)
        message = f"{what}: unknown class {category}; known are {known or 'none'}"
        problems.error(path, place, message)
        return None
    values = entry.get("bbox")
    if not (isinstance(values, list) and len(values) == 4 and all(map(_is_number, values))):
        problems.error(path, place, f"{what}: bbox {values} is not four numbers")
        return None
    x, y, width, height = map(float, values)
    xyxy = (x, y, round(x + width, DECIMALS), round(y + height, DECIMALS))
    if fault := box_fault(xyxy, picture.width_px, picture.height_px):
        problems.error(path, place, f"{what}: {fault}")
        return None
    area = entry.get("area")
    if area is not None and not (_is_number(area) and 0 <= area < float("inf")):
        problems.error(path, place, f"{what}: area {area} is not a number from 0")
        return None
    if area is not None and abs(area - width * height) <= _AREA_TOLERANCE * width * height:
        area = None
    number = entry.get("id")
    return LabelledBox(
        xyxy_px=xyxy,
        label=categories[category],
        difficult=bool(entry.get("difficult")),
        crowd=bool(entry.get("iscrowd")),
        truncated=bool(entry.get("truncated")),
        occluded=bool(entry.get("occluded")),
        pose=str(entry.get("pose") or ""),
        area_px=None if area is None else float(area),
        annotation_id=number if isinstance(number, int) else None,
        attributes=_further(entry, _BOX_FIELDS),
    )


def _box_fields(box: LabelledBox) -> dict[str, object]:
    x0, y0 = box.xyxy_px[:2]
    area = box.width_px * box.height_px if box.area_px is None else box.area_px
    fields: dict[str, object] = {
        "bbox": [plain(value) for value in (x0, y0, box.width_px, box.height_px)],
        "area": plain(area),
        "iscrowd": int(box.crowd),
        "difficult": int(box.difficult),
    }
    if box.truncated:
        fields["truncated"] = 1
    if box.occluded:
        fields["occluded"] = 1
    if box.pose:
        fields["pose"] = box.pose
    return {**fields, **_further(box.attributes, _BOX_FIELDS)}


def _further(entry: Mapping[str, object], known: Sequence[str]) -> dict[str, object]:
    return {key: value for key, value in entry.items() if key not in known}


def _own_or_counted(own: Sequence[int | None]) -> Sequence[int]:
    if None not in own and len(set(own)) == len(own):
        return [number for number in own if number is not None]
    return range(1, len(own) + 1)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list(key: str, entries: Sequence[Mapping[str, object]]) -> str:
    lines = ",\n".join("  " + json.dumps(entry) for entry in entries)
    return f"{json.dumps(key)}: [\n{lines}\n]" if lines else f"{json.dumps(key)}: []"
