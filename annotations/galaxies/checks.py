"""What is wrong with sets of galaxies, and where."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import Problem, ProblemList
from edge_runtime.decision_tree import QUESTIONS, constraint_violation

_log = logging.getLogger(__name__)

SUM_TOLERANCE = 0.02
"""How far the votes of one question may be from their parent's fraction."""

LISTED = 100
"""Findings of one kind that are listed one by one; the rest are counted."""


@dataclass(slots=True)
class StrictProblems(ProblemList):
    """Raises the first error, and logs warnings."""

    def error(self, path: Path, place: str, message: str) -> None:
        """Raise.

        Raises
        ------
        AnnotationError
            Always.
        """
        where = f"{path}: {place}" if place else f"{path}"
        raise AnnotationError(f"{where}: {message}")

    def warning(self, path: Path, place: str, message: str) -> None:
        """Log."""
        _log.warning("%s", Problem("warning", path, place, message))


def check_sums(
    votes: NDArray[np.floating],
    path: Path,
    places: Sequence[str],
    problems: ProblemList,
    *,
    tolerance: float = SUM_TOLERANCE,
) -> None:
    """Warn of votes that do not add up as the decision tree says.

    The published votes hold a few such rows, so they are kept.

    Parameters
    ----------
    votes : ndarray, shape (N, 37)
        Rows with NaN are passed over.
    path : Path
        File that holds them.
    places : sequence of str
        Place of each row in it, for example ``line 12``.
    problems : ProblemList
        Takes the first ``LISTED`` of them, and how many more there are.
    tolerance : float
        Largest miss that is still right.
    """
    violation = constraint_violation(np.nan_to_num(votes))
    violation[np.isnan(votes).any(axis=1)] = 0
    bad = np.flatnonzero(violation.max(axis=1, initial=0) > tolerance)
    for row in bad[:LISTED]:
        worst = int(np.argmax(violation[row]))
        parent = QUESTIONS[worst].parent or "1"
        problems.warning(
            path,
            places[row],
            f"the votes of question {worst + 1} miss their sum ({parent}) by "
            f"{violation[row, worst]:.3f}",
        )
    if len(bad) > LISTED:
        problems.warning(path, "", f"{len(bad) - LISTED} more rows have votes that miss a sum")
