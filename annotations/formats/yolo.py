"""Labelled pictures as YOLO text: class and centre, width, height as shares of the picture.

One text file a picture, in a folder ``labels`` beside ``images``, or beside the
picture itself. The classes are in ``data.yaml`` (``names``) or in
``classes.txt`` beside the text files, as labelImg has it. A picture without a
text file shows no object.

As many decimals are written as it takes to read the same pixels back, to the
ninth decimal. YOLO has no place for anything but the box and its class.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotations.formats.coco import DECIMALS
from annotations.formats.dataset import (
    AnnotationError,
    BoxXyxy,
    LabelledBox,
    LabelledPicture,
    LabelledSet,
)
from annotations.formats.labels import LABEL_FILES, labels_beside, write_labels
from annotations.formats.pictures import picture_size, pictures_below
from annotations.formats.problems import ProblemList, box_fault, label_fault, name_fault
from annotations.formats.voc import label_files

DATA_FILES = ("data.yaml", "data.yml", "dataset.yaml")
_LARGEST_FILE_BYTES = 2**24


def read_yolo(
    source: Path,
    problems: ProblemList,
    *,
    images: Path | None = None,
    labels: Sequence[str] | None = None,
) -> LabelledSet:
    """Read a folder of pictures and text files.

    Parameters
    ----------
    source : Path
        Folder.
    problems : ProblemList
        Takes what is wrong; files and lines with errors are left out.
    images : Path, optional
        Folder of the pictures; by default each ``images`` beside a folder
        ``labels``, else ``images`` in ``source``, else ``source``.
    labels : sequence of str, optional
        Names of the classes, from id 0.

    Raises
    ------
    AnnotationError
        There is no picture, or no list of the classes.
    """
    parts = _label_folders(source)
    known = labels if labels is not None else _labels(source, parts)
    pictures: list[LabelledPicture] = []
    unlabelled: list[str] = []
    for folder in parts:
        shown = images or _picture_folder(source, folder)
        base = images if images is not None else (shown if len(parts) == 1 else source)
        texts = _texts(folder)
        for path in pictures_below(shown):
            inner = [part for part in path.relative_to(base).parts if part != "images"]
            name = "/".join(inner) if base == source else path.relative_to(base).as_posix()
            if fault := name_fault(name):
                problems.error(path, "", fault)
                continue
            text = texts.pop(path.relative_to(shown).with_suffix(".txt").as_posix(), None)
            picture = _picture(path, name, text, known, problems)
            if picture is None:
                continue
            if text is None:
                unlabelled.append(name)
            pictures.append(picture)
        for text in texts.values():
            problems.error(text, "", f"its picture is not in {shown}, or shares its name")
    if not pictures and not problems.found:
        raise AnnotationError(f"{source}: no picture found; name their folder with --images")
    if unlabelled:
        message = f"{len(unlabelled)} pictures without a text file count as empty: "
        problems.warning(source, "", message + ", ".join(unlabelled[:3]) + " …"[: len(unlabelled)])
    pictures.sort(key=lambda picture: picture.name)
    return LabelledSet(tuple(pictures), tuple(known))


def write_yolo(labelled: LabelledSet, folder: Path) -> None:
    """Write ``labels/*.txt``, ``labels/classes.txt`` and ``data.yaml`` into a folder.

    Raises
    ------
    AnnotationError
        Two pictures would have the same text file, or a label is not listed.
    """
    ids = {label: index for index, label in enumerate(labelled.labels)}
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    write_labels(folder / "labels" / "classes.txt", labelled.labels)
    for picture, name in zip(labelled.pictures, label_files(labelled, ".txt"), strict=True):
        path = folder / "labels" / name
        if name == "classes.txt":
            raise AnnotationError(f"{picture.name}: its text file would be the list of classes")
        path.parent.mkdir(parents=True, exist_ok=True)
        unknown = {box.label for box in picture.boxes} - ids.keys()
        if unknown:
            raise AnnotationError(f"{picture.name}: label {min(unknown)!r} is not listed")
        lines = [
            f"{ids[box.label]} {_shares(box.xyxy_px, picture.width_px, picture.height_px)}\n"
            for box in picture.boxes
        ]
        path.write_text("".join(lines), encoding="ascii")
    write_data_file(folder, labelled.labels, {"train": "images"})


def write_data_file(folder: Path, labels: Sequence[str], parts: dict[str, str]) -> None:
    """Write ``data.yaml``.

    Parameters
    ----------
    folder : Path
    labels : sequence of str
    parts : dict of str to str
        Folder of pictures of each part, relative to ``folder``.
    """
    import yaml

    content = {"path": ".", **parts, "names": dict(enumerate(labels))}
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / DATA_FILES[0]).write_text(text, encoding="utf-8")


def _label_folders(source: Path) -> list[Path]:
    """Every folder named ``labels``, or the source itself."""
    found = [source] if source.name == "labels" else []
    found = found or sorted(path for path in source.rglob("labels") if path.is_dir())
    return found or [source]


def _picture_folder(source: Path, folder: Path) -> Path:
    if folder.name == "labels" and (folder.parent / "images").is_dir():
        return folder.parent / "images"
    if folder == source and (source / "images").is_dir():
        return source / "images"
    return folder if folder == source else folder.parent


def _texts(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*.txt"))
        if path.name not in LABEL_FILES
    }


def _labels(source: Path, folders: Sequence[Path]) -> tuple[str, ...]:
    for name in DATA_FILES:
        for folder in (source, source.parent if source.name == "labels" else source):
            if (folder / name).is_file():
                return _names_of(folder / name)
    for folder in (source, *folders):
        found = labels_beside(folder)
        if found is not None:
            return found
    raise AnnotationError(
        f"{source}: no list of classes (data.yaml or classes.txt); name one with --labels"
    )


def _names_of(path: Path) -> tuple[str, ...]:
    import yaml

    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark is not None else ""
        raise AnnotationError(f"{path}{place}: not valid YAML") from error
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, dict) and sorted(map(str, names)) == sorted(map(str, range(len(names)))):
        names = [names[key] for key in sorted(names, key=int)]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise AnnotationError(f"{path}: 'names' is no list of classes from id 0")
    for name in names:
        if fault := label_fault(name):
            raise AnnotationError(f"{path}: {fault}")
    return tuple(names)


def _picture(
    path: Path, name: str, text: Path | None, labels: Sequence[str], problems: ProblemList
) -> LabelledPicture | None:
    try:
        size = picture_size(path)
        boxes = () if text is None else _boxes(text, size, labels, problems)
    except AnnotationError as error:
        problems.error(path, "", str(error).removeprefix(f"{path}: "))
        return None
    return LabelledPicture(path, *size, boxes, name=name)


def _boxes(
    path: Path, size: tuple[int, int], labels: Sequence[str], problems: ProblemList
) -> tuple[LabelledBox, ...]:
    try:
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise AnnotationError(f"{path}: larger than {_LARGEST_FILE_BYTES >> 20} MiB")
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path}: cannot be read ({error})") from error
    boxes = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        box = _box(words, size, labels)
        if isinstance(box, str):
            problems.error(path, f"line {number}", box)
        else:
            boxes.append(box)
    return tuple(boxes)


def _box(words: list[str], size: tuple[int, int], labels: Sequence[str]) -> LabelledBox | str:
    """Box of a line, or what is wrong with it."""
    if len(words) != 5:
        kind = "; an outline is no box" if len(words) > 6 else ""
        return f"{len(words)} values where class, centre, width and height are expected{kind}"
    if not (words[0].isascii() and words[0].isdigit()):
        return f"class {words[0]!r} is not a whole number from 0"
    if int(words[0]) >= len(labels):
        return f"unknown class {words[0]}; known are 0 to {len(labels) - 1}"
    try:
        shares = [float(word) for word in words[1:]]
    except ValueError as error:
        return str(error)
    xyxy = _pixels(shares, *size)
    if fault := box_fault(xyxy, *size):
        return fault
    return LabelledBox(xyxy, labels[int(words[0])])


def _pixels(shares: Sequence[float], width_px: int, height_px: int) -> BoxXyxy:
    cx, cy, width, height = shares
    return (
        round((cx - width / 2) * width_px, DECIMALS),
        round((cy - height / 2) * height_px, DECIMALS),
        round((cx + width / 2) * width_px, DECIMALS),
        round((cy + height / 2) * height_px, DECIMALS),
    )


def _shares(xyxy: BoxXyxy, width_px: int, height_px: int) -> str:
    """Centre and size with as few decimals as give the same pixels."""
    x0, y0, x1, y1 = xyxy
    exact = [
        (x0 + x1) / 2 / width_px,
        (y0 + y1) / 2 / height_px,
        (x1 - x0) / width_px,
        (y1 - y0) / height_px,
    ]
    wanted = tuple(round(value, DECIMALS) for value in xyxy)
    for decimals in range(6, 17):
        words = [f"{value:.{decimals}f}" for value in exact]
        if _pixels([float(word) for word in words], width_px, height_px) == wanted:
            return " ".join(words)
    return " ".join(map(repr, exact))
