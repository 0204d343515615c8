"""Still pictures from disk: one file, a list, a folder or a pattern."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from edge_runtime.cameras.base import Camera
from edge_runtime.errors import CameraError
from edge_runtime.frame import Frame
from edge_runtime.pictures import is_picture_name, read_picture


class FolderCamera(Camera):
    """Reads pictures in the order of their names, numbers in names by value.

    Parameters
    ----------
    source : path or sequence of paths
        A file is read whatever its name. Of a folder, the files with a
        picture's extension are read. Text with ``*``, ``?`` or ``[`` that is
        no file is a pattern. A list is read in its own order.
    recursive : bool
        Also read folders within the folder.
    pattern : str, optional
        Names to read from a folder, for example ``"*.fits"``, in place of
        those with a picture's extension.
    """

    live = False

    def __init__(
        self,
        source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        recursive: bool = False,
        pattern: str | None = None,
    ) -> None:
        many = not isinstance(source, str | os.PathLike)
        self._source: list[Path] | Path = (
            [Path(path) for path in source]  # type: ignore[union-attr]
            if many
            else Path(os.fspath(source)).expanduser()  # type: ignore[arg-type]
        )
        self._recursive = recursive
        self._pattern = pattern
        self._paths: list[Path] = []
        self._next = 0
        self.name = "files" if isinstance(self._source, list) else self._source.name or "folder"

    @property
    def frame_count(self) -> int:
        """Number of files, known once open."""
        return len(self._paths)

    def open(self) -> None:
        self._paths = self._find()
        self._next = 0
        if not self._paths:
            wanted = self._pattern or "JPEG, PNG, TIFF or FITS files"
            deeper = "" if self._recursive else " (folders within it: recursive=1)"
            raise CameraError(f"{self._source}: no pictures found; looked for {wanted}{deeper}")

    def read(self) -> Frame | None:
        if self._next >= len(self._paths):
            return None
        index = self._next
        self._next += 1
        return read_picture(self._paths[index], sequence=index, camera=self.name)

    def skip(self, count: int) -> None:
        """Pass over files without reading them."""
        self._next += count

    def close(self) -> None:
        self._paths = []

    def _find(self) -> list[Path]:
        source = self._source
        if isinstance(source, list):
            return list(source)
        try:
            if source.is_dir():
                pattern = self._pattern or "*"
                found = source.rglob(pattern) if self._recursive else source.glob(pattern)
                return sorted(
                    (
                        path
                        for path in found
                        if (self._pattern or is_picture_name(path))
                        and not path.name.startswith(".")
                        and path.is_file()
                    ),
                    key=_natural_order,
                )
            if source.exists():
                return [source]
        except (OSError, ValueError, NotImplementedError) as error:
            raise CameraError(f"{source}: cannot list it: {error}") from error
        if glob.has_magic(str(source)):
            matches = (Path(path) for path in glob.glob(str(source), recursive=True))
            return sorted((path for path in matches if path.is_file()), key=_natural_order)
        raise CameraError(f"{source}: no such file or folder")


def _natural_order(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sort ``frame_10`` behind ``frame_9``; equal keys by the plain path."""
    parts: list[tuple[int, int, str]] = []
    run = ""
    for character in str(path) + "\0":
        if run and character.isdecimal() != run[-1].isdecimal():
            parts.append((0, int(run), "") if run[0].isdecimal() else (1, 0, run))
            run = ""
        run += character
    return parts, str(path)
