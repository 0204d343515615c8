"""The formats of galaxy sets by name: which one a path holds, and reading it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies import labels_csv
from annotations.galaxies.dataset import GalaxySet

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
    """

    name: str
    title: str
    read: Reader
    holds: Callable[[Path], bool]


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


def galaxy_format_of(path: Path) -> str | None:
    """Name of the format that a path holds, or None."""
    return next((each.name for each in GALAXY_FORMATS.values() if each.holds(path)), None)


def _holds_labels_csv(path: Path) -> bool:
    file = path / labels_csv.FILE_NAME if path.is_dir() else path
    return file.suffix.lower() == ".csv" and file.is_file()


GALAXY_FORMATS: dict[str, GalaxyFormat] = {
    each.name: each
    for each in (
        GalaxyFormat(
            "labels", "labels.csv of cut-outs", labels_csv.read_labels_csv, _holds_labels_csv
        ),
    )
}
