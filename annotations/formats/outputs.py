"""Output that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annotations.formats.dataset import AnnotationError


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Fill a folder that gets its name when the block ends without an error.

    Parameters
    ----------
    path : Path
        Must not exist, or be an empty folder.

    Yields
    ------
    Path
        A temporary folder beside it.

    Raises
    ------
    AnnotationError
        There is something at ``path`` already, or it cannot be written.
    """
    _refuse_existing(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be written ({error.strerror})") from error
    try:
        yield partial
        partial.chmod(0o777 & ~_umask())
        if path.is_dir():
            path.rmdir()  # empty, as checked; fails if that has changed
        partial.rename(path)
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be written ({error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Write a file that gets its name when the block ends without an error.

    Parameters
    ----------
    path : Path
        Replaced where it exists.

    Yields
    ------
    Path
        A temporary file beside it.

    Raises
    ------
    AnnotationError
        It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be written ({error.strerror})") from error
    os.close(descriptor)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o666 & ~_umask())
        partial.replace(path)
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be written ({error})") from error
    finally:
        partial.unlink(missing_ok=True)


def _refuse_existing(path: Path) -> None:
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists() or path.is_symlink():
        raise AnnotationError(f"{path}: is there already; remove it or name another place")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
