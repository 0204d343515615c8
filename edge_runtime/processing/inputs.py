"""Which files a list of paths means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from edge_runtime.cameras.uri import VIDEO_SUFFIXES
from edge_runtime.errors import FrameError
from edge_runtime.pictures import is_picture_name


def find_inputs(path: Path, excluded: Path | None = None) -> tuple[Path, ...]:
    """Return the files to process for one path given by the user.

    Parameters
    ----------
    path : Path
        A file is taken whatever its name. Of a folder and the folders within
        it, files with the extension of a picture, FITS file or video are
        taken, numbers in names ordered by value; hidden ones are not.
    excluded : Path, optional
        Folder whose files are left out (that of the results).

    Raises
    ------
    FrameError
        The path does not exist, cannot be listed or holds nothing to process.
    """
    if path.is_file():
        return (path,)
    if not path.exists():
        raise FrameError(f"{path}: no such file or folder")
    outside = None if excluded is None else excluded.resolve()
    try:
        found = [
            file
            for file in path.rglob("*")
            if (is_picture_name(file) or is_video_name(file))
            and not any(part.startswith(".") for part in file.relative_to(path).parts)
            and file.is_file()
            and not (outside is not None and file.resolve().is_relative_to(outside))
        ]
    except OSError as error:
        raise FrameError(f"{path}: cannot be listed ({error.strerror})") from error
    if not found:
        raise FrameError(f"{path}: no pictures, FITS files or videos in this folder")
    return tuple(sorted(found, key=_natural_order))


def is_video_name(path: Path) -> bool:
    """Tell by its name whether a file is a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def unique_stems(files: Iterable[Path]) -> dict[Path, str]:
    """Return a file name without extension for each path, all different.

    The stem of the path where it is free, else with a number behind it;
    letters that only differ in case count as the same.
    """
    taken: set[str] = set()
    stems: dict[Path, str] = {}
    for file in files:
        stem, number = file.stem, 1
        while stem.lower() in taken:
            number += 1
            stem = f"{file.stem}_{number}"
        taken.add(stem.lower())
        stems[file] = stem
    return stems


def _natural_order(path: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"([0-9]+)", str(path))
    return [
        (int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in parts
    ], str(path)
