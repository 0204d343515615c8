"""What is wrong with labelled data, and where."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from annotations.formats.dataset import BoxXyxy

LARGEST_SIDE_PX = 100_000
SMALLEST_BOX_PX = 1e-6
OUTSIDE_TOLERANCE_PX = 0.5
"""Rounded coordinates may leave the picture by this much."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.

    Attributes
    ----------
    severity : "error" or "warning"
        An error makes a conversion stop.
    path : Path
        File that holds it.
    place : str
        Where in the file: ``"line 12"``, ``"record 3"``, or empty.
    message : str
    """

    severity: Literal["error", "warning"]
    path: Path
    place: str
    message: str

    def __str__(self) -> str:
        place = self.place.removeprefix("line ")
        where = f"{self.path}:{place}" if place.isdigit() else f"{self.path}"
        if self.place and not place.isdigit():
            where += f", {self.place}"
        return f"{where}: {self.severity}: {self.message}"


@dataclass(slots=True)
class ProblemList:
    """Findings while one source is read."""

    found: list[Problem] = field(default_factory=list)

    def error(self, path: Path, place: str, message: str) -> None:
        """Add an error."""
        self.found.append(Problem("error", path, place, message))

    def warning(self, path: Path, place: str, message: str) -> None:
        """Add a warning."""
        self.found.append(Problem("warning", path, place, message))

    @property
    def errors(self) -> list[Problem]:
        """The errors alone."""
        return errors_of(self.found)


def errors_of(problems: Iterable[Problem]) -> list[Problem]:
    """Return the errors among problems."""
    return [problem for problem in problems if problem.severity == "error"]


def box_fault(xyxy_px: BoxXyxy, width_px: int, height_px: int) -> str | None:
    """Say what is wrong with a box, or None.

    Parameters
    ----------
    xyxy_px : tuple of float
    width_px, height_px : int
        Size of the picture.
    """
    x0, y0, x1, y1 = xyxy_px
    shown = "(" + ", ".join(f"{value:.6g}" for value in xyxy_px) + ")"
    if not all(math.isfinite(value) for value in xyxy_px):
        return f"box {shown} is not finite"
    if x1 - x0 < SMALLEST_BOX_PX or y1 - y0 < SMALLEST_BOX_PX:
        return f"box {shown} has no area"
    slack = OUTSIDE_TOLERANCE_PX
    if x0 < -slack or y0 < -slack or x1 > width_px + slack or y1 > height_px + slack:
        return f"box {shown} leaves the picture of {width_px} × {height_px} px"
    return None


def label_fault(label: str) -> str | None:
    """Say what is wrong with the name of a class, or None."""
    if not label:
        return "the label is empty"
    if not label.isprintable() or label != label.strip():
        return f"label {label!r} has unprintable characters or spaces around it"
    return None


def name_fault(name: str) -> str | None:
    """Say what is wrong with the relative path of a picture, or None."""
    parts = name.split("/")
    if not name.isprintable() or "\\" in name or ":" in parts[0]:
        return f"picture name {name!r} has characters that a path must not have"
    if name.startswith("/") or not all(parts) or {".", ".."} & set(parts):
        return f"picture name {name!r} is not a path inside the folder of pictures"
    return None


def size_fault(width_px: int, height_px: int) -> str | None:
    """Say what is wrong with the size of a picture, or None."""
    if not (1 <= width_px <= LARGEST_SIDE_PX and 1 <= height_px <= LARGEST_SIDE_PX):
        return f"picture size {width_px} × {height_px} px is not between 1 and {LARGEST_SIDE_PX}"
    return None


def stated_size_fault(stated_px: tuple[int, int], actual_px: tuple[int, int]) -> str | None:
    """Say what is wrong with a picture's stated width and height, or None."""
    if stated_px == actual_px:
        return None
    return size_fault(*stated_px) or (
        f"is said to have {stated_px[0]} × {stated_px[1]} px, "
        f"but has {actual_px[0]} × {actual_px[1]}"
    )
