"""What is labelled, as what, and where the boxes go; checked before a window opens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from annotations.formats.labels import labels_beside, read_labels
from edge_runtime.errors import GalaxyEdgeError

DEFAULT_CLASSES = ("galaxy",)
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
"""Files that labelImg can open, among those that hold frames."""

LabelFormat = Literal["voc", "yolo"]
LABEL_SUFFIX: dict[LabelFormat, str] = {"voc": ".xml", "yolo": ".txt"}


@dataclass(frozen=True, slots=True)
class LabellingSession:
    """A folder of pictures to be labelled.

    Attributes
    ----------
    directory : Path
        Folder of the pictures; those in its subfolders are not shown.
    output : Path
        Folder of the label files.
    classes : tuple of str
        Labels to choose from.
    label_format : str
        ``"voc"`` for Pascal VOC XML, ``"yolo"`` for YOLO text.
    """

    directory: Path
    output: Path
    classes: tuple[str, ...] = DEFAULT_CLASSES
    label_format: LabelFormat = "voc"

    def to_json(self) -> str:
        """Text that `from_json` reads back."""
        return json.dumps(
            {
                "directory": str(self.directory),
                "output": str(self.output),
                "classes": self.classes,
                "label_format": self.label_format,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> LabellingSession:
        """The session that `to_json` wrote."""
        content = json.loads(text)
        return cls(
            Path(content["directory"]),
            Path(content["output"]),
            tuple(content["classes"]),
            content["label_format"],
        )


def prepare_session(
    directory: Path,
    *,
    classes_file: Path | None = None,
    output: Path | None = None,
    label_format: LabelFormat = "voc",
) -> LabellingSession:
    """Check a folder before it is labelled.

    Parameters
    ----------
    directory : Path
        Folder of pictures.
    classes_file : Path, optional
        Text file with a label in each line. Left out, the labels of the
        ``labels.txt`` or ``classes.txt`` beside the label files, or ``galaxy``.
    output : Path, optional
        Folder of the label files, made where it is missing; left out, the folder
        of the pictures.
    label_format : str
        ``"voc"`` or ``"yolo"``.

    Raises
    ------
    GalaxyEdgeError
        The folder is missing or holds no picture, two pictures would share a label
        file, the list of classes is no good, or there are labels already that this
        session would misread or write in another format.
    """
    pictures = pictures_in(directory)
    by_stem: dict[str, Path] = {}
    for picture in pictures:
        other = by_stem.setdefault(picture.stem, picture)
        if other != picture:
            raise GalaxyEdgeError(
                f"{directory}: {other.name} and {picture.name} would share the label file "
                f"{picture.stem}{LABEL_SUFFIX[label_format]}; rename one of them"
            )
    folder = directory if output is None else output
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GalaxyEdgeError(f"{folder}: cannot be made ({error.strerror})") from error
    _refuse_other_format(pictures, folder, label_format)
    classes = _classes(classes_file, folder, label_format)
    return LabellingSession(directory.resolve(), folder.resolve(), classes, label_format)


def pictures_in(directory: Path) -> list[Path]:
    """Return the pictures of a folder by name order, without its subfolders.

    Raises
    ------
    GalaxyEdgeError
        There is no such folder, it cannot be read, or it holds no picture.
    """
    if not directory.is_dir():
        problem = "is not a folder" if directory.exists() else "no such folder"
        raise GalaxyEdgeError(f"{directory}: {problem}; name a folder of pictures")
    try:
        files = sorted(directory.iterdir())
    except OSError as error:
        raise GalaxyEdgeError(f"{directory}: cannot be read ({error.strerror})") from error
    pictures = [f for f in files if f.suffix.lower() in PICTURE_SUFFIXES and f.is_file()]
    if not pictures:
        kinds = ", ".join(PICTURE_SUFFIXES)
        raise GalaxyEdgeError(
            f"{directory}: holds no picture that labelImg can open ({kinds}); subfolders do not"
            " count"
        )
    return pictures


def _classes(given: Path | None, output: Path, label_format: LabelFormat) -> tuple[str, ...]:
    """Labels to choose from; those of YOLO files keep the numbers they have."""
    if given is None:
        return labels_beside(output) or DEFAULT_CLASSES
    chosen = read_labels(given)
    existing = output / "classes.txt"
    if label_format == "yolo" and existing.is_file():
        numbered = read_labels(existing)
        if chosen[: len(numbered)] != numbered:
            raise GalaxyEdgeError(
                f"{existing}: the label files beside it count the classes {', '.join(numbered)}; "
                f"{given} must begin with the same, in the same order"
            )
    return chosen


def _refuse_other_format(pictures: Sequence[Path], output: Path, label_format: LabelFormat) -> None:
    """LabelImg would go on in the format it finds, whatever it was told."""
    stems = {picture.stem for picture in pictures}
    for other, suffix in LABEL_SUFFIX.items():
        if other == label_format:
            continue
        for path in sorted(output.glob(f"*{suffix}")):
            own = output / f"{path.stem}{LABEL_SUFFIX[label_format]}"
            hidden = label_format == "voc" and own.is_file()
            if path.stem in stems and not hidden:
                raise GalaxyEdgeError(
                    f"{path}: labels in the format {other} exist already; label with "
                    f"--format {other}, convert them (galaxy-edge data convert), "
                    "or name another --output"
                )
