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
    6e-8 × the side (1e-4 px at 1,600 px). Reading gives the roundest pixel
    coordinate with that float32, so that whole pixels come back whole, and
    writing again gives the same float32.
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
from collections.abc import Sequence
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
from annotations.formats.labels import write_labels
from annotations.formats.pictures import encoded_header
from annotations.formats.tfrecord_reading import read_tfrecord

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["ShardWriter", "box_area", "example_of", "read_tfrecord", "write_tfrecord"]


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
        write_labels(folder / "labels.txt", labels)
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
        try:
            example = example_of(picture, encoded, source_id, self._ids)
        except ValueError as error:
            raise AnnotationError(f"{picture.name}: does not fit a TFRecord ({error})") from error
        # maps in a message have no order of their own; the same pictures give the same file
        self._writers[shard].write(example.SerializeToString(deterministic=True))


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
