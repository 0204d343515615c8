"""Pictures on disk that are either there and whole or not there at all."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from edge_runtime.errors import StoreError

MEDIA_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}-(crop\.png|annotated\.jpg|occlusion\.json)")


def media_name(sighting_id: str, kind: str) -> str:
    """Name of a sighting's picture relative to the media folder.

    Parameters
    ----------
    sighting_id : str
        32 hexadecimal digits.
    kind : {"crop.png", "annotated.jpg", "occlusion.json"}

    Raises
    ------
    StoreError
        The identifier is not one; it would end up in a path.
    """
    name = f"{sighting_id[:2]}/{sighting_id}-{kind}"
    if MEDIA_NAME.fullmatch(name) is None:
        raise StoreError(f"{sighting_id!r} is not a sighting identifier (32 hexadecimal digits)")
    return name


def media_path(media_dir: Path, name: str) -> Path | None:
    """Path of an existing picture, or None.

    Names that ``media_name`` would not give, and links that lead out of the
    folder, are None as well: the name may come from a web request.
    """
    if MEDIA_NAME.fullmatch(name) is None:
        return None
    root = media_dir.resolve()
    path = (root / name).resolve()
    return path if path.is_relative_to(root) and path.is_file() else None


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that after a power cut it is the old one or the new one.

    Written under a temporary name in the same folder, flushed to the disk,
    renamed, and the folder flushed.

    Raises
    ------
    OSError
        The disk is full or not writable; nothing is left behind.
    """
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        _flush_folder(path.parent.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def remove_parts(media_dir: Path, older_than: datetime) -> int:
    """Delete temporary files that a power cut left; return their number.

    Younger ones may belong to a process that is writing now.
    """
    removed = 0
    for part in media_dir.glob("[0-9a-f][0-9a-f]/.*.part"):
        with suppress(FileNotFoundError):
            if part.stat().st_mtime < older_than.timestamp():
                part.unlink()
                removed += 1
    return removed


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # other systems cannot open a folder; their rename is journalled
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
