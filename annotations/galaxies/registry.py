"""The formats of galaxy sets by name: which one a path holds, and reading it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies import (
    class_folders,
    galaxy10,
    galaxy_zoo2,
    galaxy_zoo_challenge,
    gama,
    gz2_votes,
    labels_csv,
)
from annotations.galaxies.dataset import GalaxySet
from annotations.galaxies.tables import header_of

AUTO = "auto"
Reader = Callable[..., GalaxySet]


@dataclass(frozen=True, slots=True)
class GalaxyFormat:
    """A format of galaxies and their labels.

    Attributes
    ----------
    name, title : str
    read : callable
        Of a path, a ``ProblemList`` or None, and options by keyword.
    holds : callable
        Whether a path holds this format, by its files.
    distinctive : bool
        Nothing but this format looks like it; False where folders of other
        pictures may.
    """

    name: str
    title: str
    read: Reader
    holds: Callable[[Path], bool]
    distinctive: bool = True


def read_galaxies(
    path: Path,
    problems: ProblemList | None = None,
    *,
    format_name: str = AUTO,
    **options: object,
) -> GalaxySet:
    """Read galaxies of any format.

    Parameters
    ----------
    path : Path
        File or folder.
    problems : ProblemList, optional
        Takes what is wrong; what has errors is left out. Without it the first
        error raises.
    format_name : str
        Of the format, or ``auto``.
    **options : object
        Passed to the reader of the format, for example ``skip_missing=True``.

    Raises
    ------
    GalaxyEdgeError
        The set cannot be read, or its format cannot be told.
    """
    path = Path(path)
    name = detect_galaxy_format(path) if format_name == AUTO else format_name
    return galaxy_format(name).read(path, problems, **options)


def galaxy_format(name: str) -> GalaxyFormat:
    """Look a format up.

    Raises
    ------
    AnnotationError
        There is none of that name.
    """
    if name not in GALAXY_FORMATS:
        known = ", ".join(GALAXY_FORMATS)
        raise AnnotationError(f"unknown format {name!r} of galaxies; known are {known}")
    return GALAXY_FORMATS[name]


def detect_galaxy_format(path: Path) -> str:
    """Tell which format a file or folder holds.

    Raises
    ------
    AnnotationError
        There is nothing, or nothing known.
    """
    if not path.exists():
        raise AnnotationError(f"{path}: not found")
    name = galaxy_format_of(path)
    if name is None:
        titles = ", ".join(f"{each.name} ({each.title})" for each in GALAXY_FORMATS.values())
        raise AnnotationError(f"{path}: holds no galaxies of a known format; known are {titles}")
    return name


def galaxy_format_of(path: Path, *, distinctive: bool = False) -> str | None:
    """Name of the format that a path holds, or None.

    Parameters
    ----------
    path : Path
    distinctive : bool
        Leave out formats that other folders of pictures look like.
    """
    for each in GALAXY_FORMATS.values():
        if (each.distinctive or not distinctive) and each.holds(path):
            return each.name
    return None


def _holds_labels_csv(path: Path) -> bool:
    if path.is_dir():
        return (path / labels_csv.FILE_NAME).is_file()
    if path.name == labels_csv.FILE_NAME:
        return True
    return {"file", "frame_scale", "split"} <= set(_header(path))


def _holds_challenge(path: Path) -> bool:
    return _is_zip_or_folder_or_csv(path) and galaxy_zoo_challenge.find_solutions(path) is not None


def _holds_galaxy_zoo2(path: Path) -> bool:
    return _is_zip_or_folder_or_csv(path) and galaxy_zoo2.find_table(path) is not None


def _holds_gz2_votes(path: Path) -> bool:
    if path.is_dir():
        return (path / gz2_votes.TABLE).is_file()
    return set(gz2_votes.COLUMNS) <= set(_header(path))


def _holds_gama(path: Path) -> bool:
    return _is_zip_or_folder_or_csv(path) and gama.find_table(path) is not None


def _holds_galaxy10(path: Path) -> bool:
    files = path.iterdir() if path.is_dir() else (path,)
    return any(file.suffix.lower() in galaxy10.SUFFIXES for file in files)


def _header(path: Path) -> tuple[str, ...]:
    return header_of(path) if _is_zip_or_folder_or_csv(path) else ()


def _is_zip_or_folder_or_csv(path: Path) -> bool:
    return path.is_dir() or path.name.lower().endswith((".csv", ".csv.gz", ".zip"))


GALAXY_FORMATS: dict[str, GalaxyFormat] = {
    each.name: each
    for each in (
        GalaxyFormat(
            "labels", "labels.csv of cut-outs", labels_csv.read_labels_csv, _holds_labels_csv
        ),
        GalaxyFormat(
            "galaxy-zoo-challenge",
            "Galaxy Zoo challenge",
            galaxy_zoo_challenge.read_galaxy_zoo_challenge,
            _holds_challenge,
        ),
        GalaxyFormat(
            "galaxy-zoo-2", "Galaxy Zoo 2", galaxy_zoo2.read_galaxy_zoo2, _holds_galaxy_zoo2
        ),
        GalaxyFormat(
            "gz2-votes",
            "cumulative votes of Galaxy Zoo 2",
            gz2_votes.read_gz2_votes,
            _holds_gz2_votes,
        ),
        GalaxyFormat("gama", "GAMA ellipticals and others", gama.read_gama, _holds_gama),
        GalaxyFormat(
            "galaxy10", "Galaxy10 SDSS or DECaLS", galaxy10.read_galaxy10, _holds_galaxy10
        ),
        GalaxyFormat(
            "class-folders",
            "a folder for each class",
            class_folders.read_class_folders,
            class_folders.holds_class_folders,
            distinctive=False,
        ),
    )
}
"""All formats; the first that fits is taken."""
