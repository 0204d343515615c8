"""A folder for each class, with the pictures of its galaxies in it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from annotations.formats.dataset import AnnotationError
from annotations.formats.pictures import pictures_below
from annotations.formats.problems import ProblemList
from annotations.galaxies.checks import StrictProblems
from annotations.galaxies.dataset import ClassLabels, GalaxySet
from annotations.galaxies.pictures import FolderPictures
from annotations.galaxies.schemes import SCHEMES
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.pictures import PICTURE_SUFFIXES

FOLDER_SCHEME = "folder"
SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
"""Names of folders that hold a split rather than a class."""


def read_class_folders(
    path: Path, problems: ProblemList | None = None, *, scheme: str | None = None
) -> GalaxySet:
    """Read pictures from folders named by their class.

    Parameters
    ----------
    path : Path
        Folder of ``<class>/…`` or of ``train|val|test/<class>/…``. Folders below
        a class belong to it.
    problems : ProblemList, optional
        Takes what is wrong. Without it the first error raises.
    scheme : str, optional
        Name of the scheme. By default one whose classes have the names of the
        folders, else ``folder`` with the classes in the order of the alphabet.

    Returns
    -------
    GalaxySet
        Identities are paths relative to ``path``. There are no votes.

    Raises
    ------
    AnnotationError
        There are fewer than two classes, or folders that the scheme has no class for.
    """
    found = StrictProblems() if problems is None else problems
    if not path.is_dir():
        raise AnnotationError(f"{path}: is not a folder")
    folders = class_folders(path)
    names = sorted({name for _, name, _ in folders})
    if len(names) < 2:
        raise AnnotationError(
            f"{path}: a folder of pictures for each of two or more classes expected, found "
            f"{', '.join(names) or 'none'}"
        )
    scheme, classes = _scheme(path, names, scheme)
    files, index, split = [], [], []
    for part, name, folder in folders:
        pictures = pictures_below(folder)
        files += [picture.relative_to(path).as_posix() for picture in pictures]
        index += [classes.index(name)] * len(pictures)
        split += [part] * len(pictures)
    _warn_of_others(path, set(files), found)
    if not files:
        raise AnnotationError(f"{path}: no class has a picture")
    return GalaxySet(
        name=path.resolve().name,
        pictures=FolderPictures(path, tuple(files)),
        ids=tuple(files),
        votes=np.full((len(files), len(VOTE_COLUMNS)), np.nan, np.float32),
        classes={scheme: ClassLabels(classes, np.array(index, np.int64))},
        split=tuple(split),
        source=(path.resolve().name,) * len(files),
        data_hash=hashlib.sha256("\n".join(files).encode()).hexdigest(),
    )


def class_folders(path: Path) -> list[tuple[str, str, Path]]:
    """Split, class and folder of each class."""
    below = _folders(path)
    if below and all(folder.name.lower() in SPLIT_FOLDERS for folder in below):
        return [
            (SPLIT_FOLDERS[part.name.lower()], folder.name, folder)
            for part in below
            for folder in _folders(part)
        ]
    return [("", folder.name, folder) for folder in below]


def holds_class_folders(path: Path) -> bool:
    """Tell whether there are two folders or more of pictures, each named by a class."""
    if not path.is_dir():
        return False
    filled = {
        name
        for _, name, folder in class_folders(path)
        if any(file.suffix.lower() in PICTURE_SUFFIXES for file in folder.iterdir())
    }
    return len(filled) >= 2


def _folders(path: Path) -> list[Path]:
    return sorted(
        entry
        for entry in path.iterdir()
        if entry.is_dir() and not entry.name.startswith((".", "__"))
    )


def _scheme(path: Path, names: list[str], wanted: str | None) -> tuple[str, tuple[str, ...]]:
    if wanted in SCHEMES:
        strange = [name for name in names if name not in SCHEMES[wanted].names]
        if strange:
            raise AnnotationError(
                f"{path}: {wanted} has no class {strange[0]!r}; it has: "
                f"{', '.join(SCHEMES[wanted].names)}"
            )
        return wanted, SCHEMES[wanted].names
    if wanted is None:
        for known in SCHEMES.values():
            if set(names) == set(known.names):
                return known.name, known.names
    return wanted or FOLDER_SCHEME, tuple(names)


def _warn_of_others(path: Path, files: set[str], problems: ProblemList) -> None:
    for file in pictures_below(path):
        if file.relative_to(path).as_posix() not in files:
            problems.warning(file, "", "is left out, because it is in no folder of a class")
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        hidden = any(part.startswith(".") for part in name.split("/"))
        if file.is_file() and not hidden and file.suffix.lower() not in PICTURE_SUFFIXES:
            problems.warning(file, "", "is left out, because it is no JPEG, PNG or TIFF picture")
