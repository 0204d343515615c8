"""Where the pictures of a data set lie: in a folder, or in a zip file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import AnnotationError
from annotations.galaxies.pictures import FolderPictures, ZipPictures, open_zip


def find_pictures(
    root: Path, names: str | Sequence[str], files: Sequence[str]
) -> tuple[FolderPictures | ZipPictures, NDArray[np.bool_]]:
    """Find the pictures of a set.

    Parameters
    ----------
    root : Path
        Folder to look in.
    names : str or sequence of str
        What the folder of pictures may be called, the likeliest first; the zip
        file has the same name with ``.zip``. A folder of that name inside it, or
        one called ``images``, is looked into.
    files : sequence of str
        File names of the pictures.

    Returns
    -------
    pictures : FolderPictures or ZipPictures
        One for each of ``files``.
    missing : ndarray, shape (N,), bool
        Where there is none.

    Raises
    ------
    AnnotationError
        There is neither the folder nor the zip file.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        folder = root / name
        if folder.is_dir():
            inner = next((f for f in (folder / name, folder / "images") if f.is_dir()), folder)
            present = {entry.name for entry in inner.iterdir()}
            missing = np.array([file not in present for file in files], dtype=bool)
            return FolderPictures(inner, tuple(files)), missing
        zipped = root / f"{name}.zip"
        if zipped.is_file():
            return pictures_in_zip(zipped, files)
    wanted = " nor ".join(f"{name}/ nor {name}.zip" for name in names)
    raise AnnotationError(
        f"{root}: has neither {wanted}; put the folder or zip file of pictures there"
    )


def pictures_in_zip(
    path: Path, files: Sequence[str], folder: str = ""
) -> tuple[ZipPictures, NDArray[np.bool_]]:
    """Find pictures in a zip file by their file names.

    Parameters
    ----------
    path : Path
        Zip file.
    files : sequence of str
        File names of the pictures.
    folder : str
        Only in folders of this name; empty for any.

    Returns
    -------
    pictures : ZipPictures
    missing : ndarray, shape (N,), bool
    """
    members: dict[str, str] = {}
    with open_zip(path) as archive:
        for member in archive.namelist():
            *above, name = member.split("/")
            if "__MACOSX" in above or (folder and folder not in above):
                continue
            members.setdefault(name, member)
    found = tuple(members.get(file, file) for file in files)
    missing = np.array([file not in members for file in files], dtype=bool)
    return ZipPictures(path, found), missing
