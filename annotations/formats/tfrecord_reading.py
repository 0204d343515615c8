"""TFRecord files read back as labelled pictures; ``tfrecord`` describes their layout."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from annotations.formats.dataset import (
    AnnotationError,
    BoxXyxy,
    LabelledBox,
    LabelledPicture,
    LabelledSet,
)
from annotations.formats.labels import labels_beside
from annotations.formats.pictures import encoded_header
from annotations.formats.problems import (
    ProblemList,
    box_fault,
    label_fault,
    name_fault,
    stated_size_fault,
)

if TYPE_CHECKING:
    import tensorflow as tf

_FRAME_BYTES = 12  # before each record: length and its checksum; 4 more after it
_ROUNDEST_DECIMALS = range(7)
_TOLERANCE = 2.0**-23  # of an edge, as a share of the side, and of an area
_EDGES = ("xmin", "ymin", "xmax", "ymax")
_OPTIONAL = {
    "class/text": "bytes_list",
    "area": "float_list",
    "is_crowd": "int64_list",
    "group_of": "int64_list",
    "difficult": "int64_list",
    "truncated": "int64_list",
    "occluded": "int64_list",
    "view": "bytes_list",
    "annotation_id": "int64_list",
    "attributes_json": "bytes_list",
}


def read_tfrecord(
    files: Sequence[Path],
    problems: ProblemList,
    *,
    labels: Sequence[str] | None = None,
    first_class_id: int = 0,
) -> LabelledSet:
    """Read TFRecord files; pictures stay in them and are read when asked for.

    Parameters
    ----------
    files : sequence of Path
    problems : ProblemList
        Takes what is wrong; records and boxes with errors are left out.
    labels : sequence of str, optional
        In the order of their ids; by default those of ``labels.txt`` beside
        the first file, else the texts found, ordered by id.
    first_class_id : int
        Id of the first of ``labels``.
    """
    if labels is None and files:
        labels = labels_beside(files[0].parent)
    names = dict(enumerate(labels, start=first_class_id)) if labels is not None else None
    seen = {} if names is None else dict(names)
    pictures = []
    sources: dict[str, str] = {}
    places: dict[str, str] = {}
    for path in files:
        for number, start, data in _records(path, problems):
            record = _Record(path, f"record {number}", data, start, problems)
            picture = record.picture(names, seen)
            if picture is None:
                continue
            here = f"{path.name}, {record.place}"
            if sources.setdefault(record.source_id, here) != here:
                other = sources[record.source_id]
                problems.error(
                    path, record.place, f"source id {record.source_id} is in {other} too"
                )
            elif places.setdefault(picture.name, here) != here:
                other = places[picture.name]
                problems.error(path, record.place, f"picture {picture.name} is in {other} too")
            else:
                pictures.append(picture)
    return LabelledSet(tuple(pictures), tuple(seen[key] for key in sorted(seen)))


def roundest_px(normalised: float, side_px: int) -> float:
    """Pixel coordinate with the fewest decimals that has this float32 share of a side.

    Parameters
    ----------
    normalised : float
        Exactly a float32.
    side_px : int
    """
    exact = normalised * side_px
    if not np.isfinite(exact):
        return exact
    for decimals in _ROUNDEST_DECIMALS:
        candidate = round(exact, decimals)
        if float(np.float32(candidate / side_px)) == normalised:
            return candidate
    return exact


def _records(path: Path, problems: ProblemList) -> Iterator[tuple[int, int, bytes]]:
    """Number from 0, first byte and content of each record, up to the first damaged one."""
    import tensorflow as tf
    from tensorflow.python.util.deprecation import silence

    number, at = 0, 0
    with silence():  # its successor in tf.data hands every record from thread to thread
        records = tf.compat.v1.io.tf_record_iterator(os.fspath(path))
    try:
        for data in records:
            yield number, at + _FRAME_BYTES, data
            at += _FRAME_BYTES + len(data) + 4
            number += 1
        whole = at == path.stat().st_size  # TensorFlow takes half a header for the end
    except tf.errors.DataLossError:
        whole = False
    except (tf.errors.NotFoundError, tf.errors.PermissionDeniedError, OSError) as error:
        raise AnnotationError(f"{path}: cannot be read ({type(error).__name__})") from error
    if not whole:
        message = f"damaged or cut off at byte {at}; this record and all after it are lost"
        problems.error(path, f"record {number}", message)
    elif number == 0:
        problems.error(path, "", "holds no record")


class _Record:
    """One record while it is being understood."""

    def __init__(
        self, path: Path, place: str, data: bytes, start: int, problems: ProblemList
    ) -> None:
        self.path, self.place, self.problems = path, place, problems
        self._data, self._start = data, start
        self.source_id = ""
        self._features: dict[str, tf.train.Feature] = {}

    def picture(self, names: dict[int, str] | None, seen: dict[int, str]) -> LabelledPicture | None:
        """The picture, or None where the record cannot be used at all."""
        import tensorflow as tf
        from google.protobuf.message import DecodeError

        try:
            example = tf.train.Example.FromString(self._data)
        except DecodeError:
            return self._error("is no tf.train.Example")
        self._features = dict(example.features.feature)
        encoded = self._values("image/encoded", "bytes_list")
        if len(encoded) != 1 or not encoded[0]:
            return self._error("has no image/encoded")
        try:
            header = encoded_header(encoded[0], "image/encoded")
        except AnnotationError as error:
            return self._error(str(error))
        width, height = self._side("image/width"), self._side("image/height")
        if -1 in (width, height):
            width, height = header.width, header.height
        if fault := stated_size_fault((width, height), (header.width, header.height)):
            return self._error(f"picture {fault}")
        self.source_id = self._text("image/source_id") or f"{self.path.name}/{self.place}"
        boxes = self._boxes(width, height, names, seen)
        if boxes is None:
            return None
        name = self._text("image/filename") or f"{self.source_id}.{header.format.lower()}"
        if fault := name_fault(name):
            return self._error(fault)
        at = self._start + self._data.find(encoded[0])
        return LabelledPicture(
            path=self.path,
            width_px=width,
            height_px=height,
            boxes=boxes,
            group=self._text("image/group"),
            name=name,
            picture_id=int(self.source_id) if self.source_id.isdecimal() else None,
            encoded_at=(at, len(encoded[0])),
            attributes=self._json(self._text("image/attributes_json")),
        )

    def _boxes(
        self, width: int, height: int, names: dict[int, str] | None, seen: dict[int, str]
    ) -> tuple[LabelledBox, ...] | None:
        edges = [self._values(f"image/object/bbox/{edge}", "float_list") for edge in _EDGES]
        classes = self._values("image/object/class/label", "int64_list")
        count = len(classes)
        if any(len(edge) != count for edge in edges):
            counts = ", ".join(str(len(edge)) for edge in edges)
            return self._error(f"has {count} class labels but {counts} box edges")
        columns: dict[str, list[Any]] = {}
        for key, kind in _OPTIONAL.items():
            values = self._values(f"image/object/{key}", kind)
            if values and len(values) != count:
                return self._error(f"has {count} boxes but {len(values)} of image/object/{key}")
            columns[key] = values
        boxes = []
        for index in range(count):
            x0, y0, x1, y1 = (edge[index] for edge in edges)
            xyxy = (
                roundest_px(x0, width),
                roundest_px(y0, height),
                roundest_px(x1, width),
                roundest_px(y1, height),
            )
            if fault := box_fault(xyxy, width, height):
                self._error(f"object {index}: {fault}")
                continue
            row = {key: values[index] for key, values in columns.items() if values}
            label = self._label(
                index, classes[index], _text(row.get("class/text", b"")), names, seen
            )
            if label is not None:
                boxes.append(self._box(xyxy, label, row, width, height))
        return tuple(boxes)

    def _box(
        self, xyxy: BoxXyxy, label: str, row: dict[str, Any], width: int, height: int
    ) -> LabelledBox:
        difficult = bool(row.get("difficult"))
        marked_crowd = bool(row.get("is_crowd")) and not difficult
        box_width, box_height = xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]
        own_area = box_width * box_height
        tolerance = _TOLERANCE * (own_area + box_width * height + box_height * width)
        area = row.get("area", own_area)
        number = row.get("annotation_id", -1)
        return LabelledBox(
            xyxy_px=xyxy,
            label=label,
            difficult=difficult,
            crowd=bool(row.get("group_of", marked_crowd)),
            truncated=bool(row.get("truncated")),
            occluded=bool(row.get("occluded")),
            pose=_text(row.get("view", b"")),
            area_px=roundest_px(area, 1) if abs(area - own_area) > tolerance else None,
            annotation_id=None if number < 0 else number,
            attributes=self._json(_text(row.get("attributes_json", b""))),
        )

    def _label(
        self,
        index: int,
        class_id: int,
        text: str,
        names: dict[int, str] | None,
        seen: dict[int, str],
    ) -> str | None:
        if names is not None and class_id not in names:
            known = f"{min(names)} to {max(names)}"
            return self._error(
                f"object {index}: unknown class {class_id} {text!r}; known are {known}"
            )
        if class_id not in seen:
            label = text or f"class_{class_id}"
            fault = label_fault(label)
            if label in seen.values():
                fault = f"label {label!r} has several class ids"
            if fault:
                return self._error(f"object {index}: {fault}")
            if not text:
                message = f"class {class_id} has no name; give the labels in a file"
                self.problems.warning(self.path, self.place, message)
            seen[class_id] = label
        if text and text != seen[class_id]:
            other = seen[class_id]
            return self._error(f"object {index}: class {class_id} is {text!r} here, else {other!r}")
        return seen[class_id]

    def _error(self, message: str) -> None:
        self.problems.error(self.path, self.place, message)

    def _json(self, text: str) -> dict[str, object]:
        if not text:
            return {}
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
        self.problems.warning(self.path, self.place, "attributes_json is not a JSON object")
        return {}

    def _values(self, key: str, kind: str) -> list[Any]:
        feature = self._features.get(key)
        return list(getattr(feature, kind).value) if feature is not None else []

    def _text(self, key: str) -> str:
        values = self._values(key, "bytes_list")
        return _text(values[0]) if values else ""

    def _side(self, key: str) -> int:
        """Side in pixels; -1 where it is not stated."""
        values = self._values(key, "int64_list")
        return values[0] if len(values) == 1 else -1


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
