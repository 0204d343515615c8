"""Labelled pictures as TFRecord of ``tf.train.Example``, as the Model Garden reads them.

The layout is the one of ``official.vision.dataloaders.tf_example_decoder``.

Class ids
    The first label has id ``first_class_id``, **0** by default: this project's
    detectors are trained with a focal loss that has no background class, so
    that ``num_classes = len(labels)`` and id 0 is the first real class. Set
    it to 1 for networks that keep 0 for the background (as Mask R-CNN does).
    COCO files number their categories from 1 in any case. The names go into
    ``image/object/class/text`` and, in the order of the ids, into ``labels.txt``
    beside the records.
Coordinates
    Edges divided by the picture's width or height as float32: within
    3e-8 × the side (1e-4 px at 3,000 px). Reading gives the roundest pixel
    coordinate with that float32, so that whole pixels come back whole, and
    writing again gives the same bytes.
Difficult boxes
    ``image/object/difficult`` as TensorFlow's own conversion of Pascal VOC has
    it; the Model Garden knows no such flag, so they are ``is_crowd`` too, which
    it leaves out of training and scoring. True crowds have ``group_of``.
Other fields
    ``truncated``, ``occluded``, ``view`` (pose), ``annotation_id`` and
    ``attributes_json`` are written where a box has them, ``image/group`` and
    ``image/attributes_json`` where a picture has.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from annotations.formats.dataset import (
    AnnotationError,
    LabelledBox,
    LabelledPicture,
    LabelledSet,
)
from annotations.formats.pictures import encoded_header
from annotations.formats.problems import ProblemList, box_fault, size_fault

if TYPE_CHECKING:
    import tensorflow as tf

SUFFIXES = (".tfrecord", ".tfrecords", ".tfrec", ".record")
LABELS_FILE = "labels.txt"
_FRAME_BYTES = 12  # before each record: length and its checksum; 4 more after it
_ROUNDEST_DECIMALS = range(7)


class ShardWriter:
    """Writes examples to ``NAME-00000-of-00004.tfrecord`` and so on.

    Parameters
    ----------
    folder : Path
        Exists.
    name : str
        Start of the file names.
    labels : sequence of str
        Written to ``labels.txt`` in the order of their ids.
    shards : int
        Number of files.
    first_class_id : int
        Id of the first label.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        labels: Sequence[str],
        *,
        shards: int = 1,
        first_class_id: int = 0,
    ) -> None:
        import tensorflow as tf

        if shards < 1:
            raise AnnotationError(f"number of shards must be at least 1, not {shards}")
        self._ids = {label: first_class_id + index for index, label in enumerate(labels)}
        write_labels(folder / LABELS_FILE, labels)
        self.files = [
            folder / f"{name}-{index:05d}-of-{shards:05d}.tfrecord" for index in range(shards)
        ]
        self._writers = [tf.io.TFRecordWriter(os.fspath(path)) for path in self.files]

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for writer in self._writers:
            writer.close()

    def write(
        self, picture: LabelledPicture, encoded: bytes, source_id: int, *, shard: int = 0
    ) -> None:
        """Add one picture.

        Parameters
        ----------
        picture : LabelledPicture
        encoded : bytes
            JPEG or PNG file.
        source_id : int
            Number of the picture; scoring matches by it.
        shard : int
            Which file.

        Raises
        ------
        AnnotationError
            A box has a label that is not among the labels.
        """
        example = example_of(picture, encoded, source_id, self._ids)
        self._writers[shard].write(example.SerializeToString())


def write_tfrecord(
    labelled: LabelledSet,
    folder: Path,
    *,
    name: str = "pictures",
    shards: int = 1,
    first_class_id: int = 0,
) -> list[Path]:
    """Write a set to TFRecord files, in order.

    TIFF pictures, which TensorFlow cannot decode, are stored as PNG.

    Parameters
    ----------
    labelled : LabelledSet
    folder : Path
        Exists; files in it are replaced.
    name, shards, first_class_id
        As of `ShardWriter`.

    Returns
    -------
    list of Path
        The TFRecord files.

    Raises
    ------
    AnnotationError
        A picture cannot be read or a label is not listed.
    """
    ids = _source_ids(labelled.pictures)
    shards = max(1, min(shards, len(labelled.pictures)))
    with ShardWriter(
        folder, name, labelled.labels, shards=shards, first_class_id=first_class_id
    ) as writer:
        for index, (picture, source_id) in enumerate(zip(labelled.pictures, ids, strict=True)):
            shard = index * shards // len(labelled.pictures)
            writer.write(picture, _decodable(picture), source_id, shard=shard)
    return writer.files


def example_of(
    picture: LabelledPicture, encoded: bytes, source_id: int, class_ids: dict[str, int]
) -> tf.train.Example:
    """Build the example of one picture.

    Parameters
    ----------
    picture : LabelledPicture
    encoded : bytes
        JPEG or PNG file.
    source_id : int
    class_ids : dict of str to int
        Id of each label.
    """
    import tensorflow as tf

    def text(values: list[str]) -> tf.train.Feature:
        return tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[value.encode() for value in values])
        )

    def whole(values: list[int]) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    def real(values: list[float]) -> tf.train.Feature:
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    boxes = picture.boxes
    unknown = sorted({box.label for box in boxes} - class_ids.keys())
    if unknown:
        raise AnnotationError(f"{picture.name}: label {unknown[0]!r} is not among the labels")
    header = encoded_header(encoded, picture.name)
    width, height = picture.width_px, picture.height_px
    features = {
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded])),
        "image/format": text([header.format.lower()]),
        "image/height": whole([height]),
        "image/width": whole([width]),
        "image/filename": text([picture.name]),
        "image/source_id": text([str(source_id)]),
        "image/key/sha256": text([hashlib.sha256(encoded).hexdigest()]),
        "image/object/bbox/xmin": real([box.xyxy_px[0] / width for box in boxes]),
        "image/object/bbox/ymin": real([box.xyxy_px[1] / height for box in boxes]),
        "image/object/bbox/xmax": real([box.xyxy_px[2] / width for box in boxes]),
        "image/object/bbox/ymax": real([box.xyxy_px[3] / height for box in boxes]),
        "image/object/class/label": whole([class_ids[box.label] for box in boxes]),
        "image/object/class/text": text([box.label for box in boxes]),
        "image/object/area": real([box_area(box) for box in boxes]),
        "image/object/is_crowd": whole([int(box.crowd or box.difficult) for box in boxes]),
        "image/object/group_of": whole([int(box.crowd) for box in boxes]),
        "image/object/difficult": whole([int(box.difficult) for box in boxes]),
    }
    if any(box.truncated for box in boxes):
        features["image/object/truncated"] = whole([int(box.truncated) for box in boxes])
    if any(box.occluded for box in boxes):
        features["image/object/occluded"] = whole([int(box.occluded) for box in boxes])
    if any(box.pose for box in boxes):
        features["image/object/view"] = text([box.pose for box in boxes])
    if any(box.annotation_id is not None for box in boxes):
        features["image/object/annotation_id"] = whole(
            [-1 if box.annotation_id is None else box.annotation_id for box in boxes]
        )
    if any(box.attributes for box in boxes):
        features["image/object/attributes_json"] = text(
            [json.dumps(dict(box.attributes)) for box in boxes]
        )
    if picture.group:
        features["image/group"] = text([picture.group])
    if picture.attributes:
        features["image/attributes_json"] = text([json.dumps(dict(picture.attributes))])
    return tf.train.Example(features=tf.train.Features(feature=features))


def box_area(box: LabelledBox) -> float:
    """Area of the object in square pixels: the stated one, else the box's."""
    return box.width_px * box.height_px if box.area_px is None else box.area_px


def write_labels(path: Path, labels: Sequence[str]) -> None:
    """Write one label a line, in the order of their ids."""
    path.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def read_labels_file(path: Path) -> tuple[str, ...]:
    """Read labels, one a line; blank lines at the end are left out.

    Raises
    ------
    AnnotationError
        The file cannot be read, is empty, or has a blank or repeated label.
    """
    try:
        lines = path.read_text(encoding="utf-8").rstrip().splitlines()
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: not a text file ({error.reason})") from error
    labels = [line.strip() for line in lines]
    if not labels:
        raise AnnotationError(f"{path}: lists no label")
    for number, label in enumerate(labels, start=1):
        if not label:
            raise AnnotationError(f"{path}:{number}: blank label")
        if label in labels[: number - 1]:
            raise AnnotationError(f"{path}:{number}: label {label!r} is listed twice")
    return tuple(labels)


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
    if labels is None and files and (files[0].parent / LABELS_FILE).is_file():
        labels = read_labels_file(files[0].parent / LABELS_FILE)
    names = dict(enumerate(labels, start=first_class_id)) if labels is not None else None
    seen = {} if names is None else dict(names)
    pictures = []
    sources: dict[str, str] = {}
    for path in files:
        for number, start, data in _records(path, problems):
            record = _Record(path, f"record {number}", data, start, problems)
            picture = record.picture(names, seen)
            if picture is None:
                continue
            if record.source_id in sources:
                message = f"source id {record.source_id} is used in {sources[record.source_id]} too"
                problems.error(path, record.place, message)
            sources.setdefault(record.source_id, f"{path.name}, {record.place}")
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
    for decimals in _ROUNDEST_DECIMALS:
        candidate = round(exact, decimals)
        if float(np.float32(candidate / side_px)) == normalised:
            return candidate
    return exact


def _records(path: Path, problems: ProblemList) -> Iterator[tuple[int, int, bytes]]:
    """Number from 0, first byte and content of each record, up to the first damaged one."""
    import tensorflow as tf

    number, at = 0, 0
    try:
        for data in tf.data.TFRecordDataset(os.fspath(path)).as_numpy_iterator():
            yield number, at + _FRAME_BYTES, data
            at += _FRAME_BYTES + len(data) + 4
            number += 1
    except tf.errors.DataLossError:
        kind = "truncated" if path.stat().st_size > 0 and number else "corrupt or truncated"
        message = f"{kind} at byte {at}; this record and all after it are lost"
        problems.error(path, f"record {number}", message)
        return
    except (tf.errors.NotFoundError, tf.errors.PermissionDeniedError, OSError) as error:
        raise AnnotationError(f"{path}: cannot be read ({type(error).__name__})") from error
    if number == 0:
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
        encoded = self._bytes("image/encoded")
        if len(encoded) != 1 or not encoded[0]:
            return self._error("has no image/encoded")
        try:
            header = encoded_header(encoded[0], "image/encoded")
        except AnnotationError as error:
            return self._error(str(error))
        width, height = self._one("image/width"), self._one("image/height")
        if width in (None, -1) or height in (None, -1):
            width, height = header.width, header.height
        if fault := size_fault(width, height):
            return self._error(fault)
        if (width, height) != (header.width, header.height):
            return self._error(
                f"says {width} × {height} px, but its picture has {header.width} × {header.height}"
            )
        self.source_id = self._text("image/source_id") or f"{self.path.name}/{self.place}"
        boxes = self._boxes(width, height, names, seen)
        if boxes is None:
            return None
        name = self._text("image/filename") or f"{self.source_id}.{header.format.lower()}"
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
        edges = [self._floats(f"image/object/bbox/{edge}") for edge in _EDGES]
        classes = self._ints("image/object/class/label")
        count = len(classes)
        if any(len(edge) != count for edge in edges):
            counts = ", ".join(str(len(edge)) for edge in edges)
            return self._error(f"has {count} class labels but {counts} box edges")
        optional = {key: self._optional(key, count) for key in _OPTIONAL}
        if any(value is None for value in optional.values()):
            return None
        boxes = []
        sides = (width, height, width, height)
        for index in range(count):
            share = [edge[index] for edge in edges]
            xyxy = tuple(
                roundest_px(value, side) if np.isfinite(value) else value
                for value, side in zip(share, sides, strict=True)
            )
            if fault := box_fault(xyxy, width, height):
                self.problems.error(self.path, self.place, f"object {index}: {fault}")
                continue
            label = self._label(index, classes[index], optional["class/text"], names, seen)
            if label is None:
                continue
            flags = {key: value[index] if value else 0 for key, value in optional.items()}
            difficult = bool(flags["difficult"])
            crowd = flags["group_of"] if optional["group_of"] else flags["is_crowd"]
            area = float(flags["area"])
            own_area = (xyxy[2] - xyxy[0]) * (xyxy[3] - xyxy[1])
            number = flags["annotation_id"] if optional["annotation_id"] else -1
            boxes.append(
                LabelledBox(
                    xyxy_px=xyxy,
                    label=label,
                    difficult=difficult,
                    crowd=bool(crowd) and not (difficult and not optional["group_of"]),
                    truncated=bool(flags["truncated"]),
                    occluded=bool(flags["occluded"]),
                    pose=(flags["view"] or b"").decode("utf-8", "replace"),
                    area_px=None
                    if not optional["area"] or abs(area - own_area) <= 1e-4 * own_area
                    else roundest_px(area, 1),
                    annotation_id=None if number < 0 else number,
                    attributes=self._json((flags["attributes_json"] or b"").decode()),
                )
            )
        return tuple(boxes)

    def _label(
        self,
        index: int,
        class_id: int,
        texts: list[bytes],
        names: dict[int, str] | None,
        seen: dict[int, str],
    ) -> str | None:
        text = texts[index].decode("utf-8", "replace") if texts else ""
        if names is not None and class_id not in names:
            ids = f"{min(names)} to {max(names)}"
            message = f"object {index}: unknown class {class_id} {text!r}; known are {ids}"
            self.problems.error(self.path, self.place, message)
            return None
        if class_id not in seen:
            seen[class_id] = text or f"class_{class_id}"
            if not text:
                message = f"class {class_id} has no name; give the labels in a file"
                self.problems.warning(self.path, self.place, message)
        if text and text != seen[class_id]:
            message = f"object {index}: class {class_id} is {text!r} here, else {seen[class_id]!r}"
            self.problems.error(self.path, self.place, message)
            return None
        return seen[class_id]

    def _optional(self, key: str, count: int) -> list | None:
        feature = self._features.get(f"image/object/{key}")
        if feature is None:
            return []
        values = list(getattr(feature, feature.WhichOneof("kind") or "int64_list").value)
        if values and len(values) != count:
            return self._error(f"has {count} boxes but {len(values)} of image/object/{key}")
        return values

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

    def _bytes(self, key: str) -> list[bytes]:
        feature = self._features.get(key)
        return list(feature.bytes_list.value) if feature is not None else []

    def _text(self, key: str) -> str:
        values = self._bytes(key)
        return values[0].decode("utf-8", "replace") if values else ""

    def _ints(self, key: str) -> list[int]:
        feature = self._features.get(key)
        return list(feature.int64_list.value) if feature is not None else []

    def _one(self, key: str) -> int | None:
        values = self._ints(key)
        return values[0] if len(values) == 1 else None

    def _floats(self, key: str) -> list[float]:
        feature = self._features.get(key)
        return list(feature.float_list.value) if feature is not None else []


_EDGES = ("xmin", "ymin", "xmax", "ymax")
_OPTIONAL = (
    "class/text",
    "area",
    "is_crowd",
    "group_of",
    "difficult",
    "truncated",
    "occluded",
    "view",
    "annotation_id",
    "attributes_json",
)


def _source_ids(pictures: Sequence[LabelledPicture]) -> list[int]:
    """Return the pictures' own numbers where all have one, else 1, 2, 3 and so on."""
    own = [picture.picture_id for picture in pictures]
    if None not in own and len(set(own)) == len(own):
        return [number for number in own if number is not None]
    return list(range(1, len(pictures) + 1))


def _decodable(picture: LabelledPicture) -> bytes:
    """Encoded picture that TensorFlow can decode."""
    data = picture.encoded()
    if encoded_header(data, picture.name).format != "TIFF":
        return data
    import cv2

    from edge_runtime.pictures import read_picture

    pixels = read_picture(picture.path).pixels
    if pixels.dtype != np.uint8:
        raise AnnotationError(
            f"{picture.path}: {pixels.dtype} pixels; stretch it to 8 bits for a TFRecord "
            "(galaxy-edge process does)"
        )
    stored = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, png = cv2.imencode(".png", stored)
    if not done:
        raise AnnotationError(f"{picture.path}: cannot be encoded as PNG")
    return png.tobytes()
