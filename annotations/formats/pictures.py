"""Size and kind of picture files, told without decoding a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from annotations.formats.dataset import AnnotationError
from edge_runtime.errors import FrameError
from edge_runtime.picture_header import PictureHeader, read_picture_header
from edge_runtime.pictures import PICTURE_SUFFIXES


def encoded_header(data: bytes, name: str) -> PictureHeader:
    """Read the header of an encoded picture.

    Parameters
    ----------
    data : bytes
        JPEG, PNG or TIFF file.
    name : str
        Of the picture, for messages.

    Raises
    ------
    AnnotationError
        The bytes are no such picture, or a damaged one.
    """
    try:
        header = read_picture_header(data)
    except FrameError as error:
        raise AnnotationError(f"{name}: {error}") from error
    if header is None:
        raise AnnotationError(f"{name}: neither JPEG, PNG nor TIFF")
    return header


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture file in stored pixels.

    Raises
    ------
    AnnotationError
        The file is not there, unreadable, damaged or of another format.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror})") from error
    header = encoded_header(data, str(path))
    return header.width, header.height


def pictures_below(folder: Path) -> list[Path]:
    """All picture files in a folder and its subfolders, sorted by path."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def find_picture(name: str, folders: Sequence[Path]) -> Path | None:
    """First of the folders' files with that relative path, or None."""
    return next((path for folder in folders if (path := folder / name).is_file()), None)
