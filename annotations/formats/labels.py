"""Files that list the classes, one a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import label_fault

LABEL_FILES = ("labels.txt", "classes.txt", "obj.names")


def write_labels(path: Path, labels: Sequence[str]) -> None:
    """Write one label a line, in the order of their ids."""
    path.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def read_labels(path: Path) -> tuple[str, ...]:
    """Read one label a line; blank lines at the end are left out.

    Raises
    ------
    AnnotationError
        The file cannot be read, is empty, or has a bad or repeated label.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().split("\n")
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: not a text file ({error.reason})") from error
    labels = [line.strip() for line in lines]
    if labels == [""]:
        raise AnnotationError(f"{path}: lists no label")
    for number, label in enumerate(labels, start=1):
        if fault := label_fault(label):
            raise AnnotationError(f"{path}:{number}: {fault}")
        if label in labels[: number - 1]:
            raise AnnotationError(f"{path}:{number}: label {label!r} is listed twice")
    return tuple(labels)


def labels_beside(folder: Path) -> tuple[str, ...] | None:
    """Labels of the first file of ``LABEL_FILES`` in a folder, or None without one."""
    found = next((path for name in LABEL_FILES if (path := folder / name).is_file()), None)
    return None if found is None else read_labels(found)
