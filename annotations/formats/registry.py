"""The formats by name: which one a path holds, reading it, writing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotations.formats import coco, tfrecord, voc, yolo
from annotations.formats.dataset import AnnotationError, LabelledSet
from annotations.formats.labels import LABEL_FILES
from annotations.formats.problems import ProblemList

AUTO = "auto"
_TFRECORD_SUFFIXES = (".tfrecord", ".tfrecords", ".tfrec", ".record")


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What a reader may be told.

    Attributes
    ----------
    images : Path or None
        Folder of the pictures; None where the format finds them.
    labels : tuple of str or None
        Classes in the order of their ids; None where the source says.
    first_class_id : int
        Of TFRecord: id of the first label.
    one_based : bool
        Of VOC: coordinates are numbers of pixels from 1.
    """

    images: Path | None = None
    labels: tuple[str, ...] | None = None
    first_class_id: int = 0
    one_based: bool = False


@dataclass(frozen=True, slots=True)
class WritingOptions:
    """What a writer may be told.

    Attributes
    ----------
    name : str
        Start of the names of TFRecord files.
    shards : int
        Number of TFRecord files.
    first_class_id : int
        Of TFRecord: id of the first label.
    """

    name: str = "pictures"
    shards: int = 1
    first_class_id: int = 0


Reader = Callable[[Path, ProblemList, ReadingOptions], LabelledSet]
Writer = Callable[[LabelledSet, Path, WritingOptions], None]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of labelled pictures.

    Attributes
    ----------
    name, title : str
    read : callable
        Of a path.
    write : callable
        Into a folder that exists.
    holds_pictures : bool
        Whether the pictures themselves are inside.
    """

    name: str
    title: str
    read: Reader
    write: Writer
    holds_pictures: bool = False


def read_set(
    source: Path,
    problems: ProblemList,
    *,
    format_name: str = AUTO,
    options: ReadingOptions | None = None,
) -> LabelledSet:
    """Read labelled pictures of any format.

    Parameters
    ----------
    source : Path
        File or folder.
    problems : ProblemList
        Takes what is wrong; what has errors is left out.
    format_name : str
        Of the format, or ``auto``.
    options : ReadingOptions, optional

    Raises
    ------
    AnnotationError
        The source cannot be read at all, or its format cannot be told.
    """
    name = detect_format(source) if format_name == AUTO else format_name
    return format_named(name).read(source, problems, options or ReadingOptions())


def format_named(name: str) -> Format:
    """Look a format up.

    Raises
    ------
    AnnotationError
        There is none of that name.
    """
    if name not in FORMATS:
        raise AnnotationError(f"unknown format {name!r}; known are {', '.join(FORMATS)}")
    return FORMATS[name]


def detect_format(source: Path) -> str:
    """Tell which format a file or folder holds, by the names of its files.

    Raises
    ------
    AnnotationError
        There is nothing, nothing known, or more than one.
    """
    if not source.exists():
        raise AnnotationError(f"{source}: not found")
    if source.is_file():
        found = _format_of_file(source)
        if found is None:
            raise AnnotationError(
                f"{source}: neither .json, .xml nor .tfrecord; name its format with --from"
            )
        return found
    formats = set()
    for path in source.rglob("*"):
        if path.name in LABEL_FILES or path.name.startswith(".") or not path.is_file():
            continue
        found = _format_of_file(path)
        if found is not None:
            formats.add(found)
        elif path.name in yolo.DATA_FILES or path.suffix.lower() == ".txt":
            formats.add("yolo")
    if len(formats) > 1:
        formats.discard("yolo")  # a note or a list beside another format
    if not formats:
        raise AnnotationError(f"{source}: holds no labels of a known format")
    if len(formats) > 1:
        raise AnnotationError(
            f"{source}: holds {' and '.join(sorted(formats))}; name one with --from"
        )
    return formats.pop()


def lost_in(labelled: LabelledSet, format_name: str) -> list[str]:
    """What of a set a format has no place for, one phrase each; empty if nothing."""
    boxes = [box for picture in labelled.pictures for box in picture.boxes]
    lost = []
    if format_name != "coco" and labelled.category_ids not in ((), _from_one(labelled.labels)):
        lost.append("the ids of the categories, which are numbered anew")
    if format_name != "yolo":
        return lost
    counts = {
        "difficult flags": sum(box.difficult for box in boxes),
        "crowd flags": sum(box.crowd for box in boxes),
        "truncated flags": sum(box.truncated for box in boxes),
        "occluded flags": sum(box.occluded for box in boxes),
        "poses": sum(bool(box.pose) for box in boxes),
        "areas": sum(box.area_px is not None for box in boxes),
        "boxes with further fields": sum(bool(box.attributes) for box in boxes),
        "groups of pictures": sum(bool(picture.group) for picture in labelled.pictures),
        "pictures with further fields": sum(bool(p.attributes) for p in labelled.pictures),
    }
    return lost + [f"{count} {what}" for what, count in counts.items() if count]


def _from_one(labels: Sequence[str]) -> tuple[int, ...]:
    return tuple(range(1, len(labels) + 1))


def _format_of_file(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if suffix == ".json":
        return "coco"
    if suffix == ".xml":
        return "voc"
    if suffix in _TFRECORD_SUFFIXES or ".tfrecord-" in path.name.lower():
        return "tfrecord"
    return None


def _read_coco(source: Path, problems: ProblemList, options: ReadingOptions) -> LabelledSet:
    path = source
    if source.is_dir():
        files = sorted(source.glob("*.json"))
        if len(files) != 1:
            held = ", ".join(file.name for file in files) or "none"
            raise AnnotationError(f"{source}: one JSON file expected, found {held}; name the file")
        path = files[0]
    return coco.read_coco(path, problems, images=options.images, labels=options.labels)


def _read_voc(source: Path, problems: ProblemList, options: ReadingOptions) -> LabelledSet:
    return voc.read_voc(
        source,
        problems,
        images=options.images,
        labels=options.labels,
        one_based=options.one_based,
    )


def _read_yolo(source: Path, problems: ProblemList, options: ReadingOptions) -> LabelledSet:
    if not source.is_dir():
        raise AnnotationError(f"{source}: YOLO labels are a folder of text files")
    return yolo.read_yolo(source, problems, images=options.images, labels=options.labels)


def _read_tfrecord(source: Path, problems: ProblemList, options: ReadingOptions) -> LabelledSet:
    files = [source]
    if source.is_dir():
        files = sorted(p for p in source.rglob("*") if _format_of_file(p) == "tfrecord")
    if not files:
        raise AnnotationError(f"{source}: holds no TFRecord file")
    return tfrecord.read_tfrecord(
        files, problems, labels=options.labels, first_class_id=options.first_class_id
    )


def _write_tfrecord(labelled: LabelledSet, folder: Path, options: WritingOptions) -> None:
    tfrecord.write_tfrecord(
        labelled,
        folder,
        name=options.name,
        shards=options.shards,
        first_class_id=options.first_class_id,
    )


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format(
            "coco",
            "COCO JSON",
            _read_coco,
            lambda labelled, folder, _: coco.write_coco(labelled, folder / "annotations.json"),
        ),
        Format(
            "voc",
            "Pascal VOC XML",
            _read_voc,
            lambda labelled, folder, _: voc.write_voc(labelled, folder),
        ),
        Format(
            "yolo",
            "YOLO text",
            _read_yolo,
            lambda labelled, folder, _: yolo.write_yolo(labelled, folder),
        ),
        Format("tfrecord", "TFRecord", _read_tfrecord, _write_tfrecord, holds_pictures=True),
    )
}
