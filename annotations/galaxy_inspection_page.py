"""A set of galaxies as an HTML page: classes, votes, pictures, problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.formats.problems import Problem, errors_of
from annotations.galaxies.dataset import CLASS5, ClassLabels, GalaxySet
from annotations.galaxy_charts import (
    DEFAULT_PAIRS,
    balance_chart,
    correlation_chart,
    pair_chart,
    vote_charts,
)
from annotations.galaxy_inspection import GalaxySummary
from annotations.html_page import picture_uri, write_page
from edge_runtime.errors import GalaxyEdgeError

PROBLEMS_SHOWN = 500
EXAMPLES = 6
_EXAMPLES_WITHOUT_CLASSES = 24
_MOST_CLASSES = 40
_SIDE_PX = 112


def write_galaxy_page(
    path: Path,
    source: Path,
    galaxies: GalaxySet,
    summary: GalaxySummary,
    problems: Sequence[Problem],
    *,
    pairs: Sequence[str] = DEFAULT_PAIRS,
) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
        HTML file.
    source : Path
        Where the set comes from.
    galaxies : GalaxySet
    summary : GalaxySummary
    problems : sequence of Problem
    pairs : sequence of str
        Votes to show against each other.
    """
    votes = galaxies.votes[galaxies.has_votes]
    context: dict[str, object] = {"vote_charts": [], "correlation": "", "pairs": ""}
    if summary.votes is not None:
        context = {
            "vote_charts": vote_charts(votes),
            "correlation": correlation_chart(summary.votes.correlation),
            "pairs": pair_chart(votes, pairs, _class5(galaxies)),
        }
    write_page(
        path,
        "annotations",
        "galaxy_inspection.html",
        source=str(source),
        summary=summary,
        schemes=[
            (scheme, balance_chart(scheme, summary.splits))
            for scheme in summary.schemes
            if summary.galaxies
        ],
        problems=list(problems[:PROBLEMS_SHOWN]),
        problem_count=len(problems),
        error_count=len(errors_of(problems)),
        examples=_examples(galaxies),
        **context,
    )


def _class5(galaxies: GalaxySet) -> ClassLabels | None:
    labels = galaxies.classes.get(CLASS5)
    if labels is None:
        return None
    return ClassLabels(labels.names, labels.index[galaxies.has_votes])


def _examples(galaxies: GalaxySet) -> list[tuple[str, list[tuple[str, list[dict[str, str]]]]]]:
    """Pictures of each class of each scheme, spread over the set."""
    shown = []
    for scheme, labels in galaxies.classes.items():
        classes = []
        for number, name in enumerate(labels.names[:_MOST_CLASSES]):
            rows = np.flatnonzero(labels.index == number)
            if len(rows):
                classes.append((name, _pictures(galaxies, rows, EXAMPLES)))
        shown.append((scheme, classes))
    if not any(classes for _, classes in shown):
        rows = np.arange(len(galaxies))
        shown.append(("all", [("", _pictures(galaxies, rows, _EXAMPLES_WITHOUT_CLASSES))]))
    return shown


def _pictures(galaxies: GalaxySet, rows: NDArray[np.intp], most: int) -> list[dict[str, str]]:
    count = min(most, len(rows))
    return [
        {"uri": picture_uri(_small(galaxies, row), quality=80), "name": galaxies.ids[row]}
        for row in (int(rows[i * len(rows) // count]) for i in range(count))
    ]


def _small(galaxies: GalaxySet, row: int) -> NDArray[np.uint8]:
    """Scale a picture to fit the page; dark grey where it cannot be read."""
    try:
        pixels = galaxies.pictures.read(row)
    except GalaxyEdgeError:
        return np.full((_SIDE_PX, _SIDE_PX, 3), 60, np.uint8)  # the problems name it
    scale = _SIDE_PX / max(pixels.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in pixels.shape[1::-1])
    shrinks = scale < 1
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(small, dtype=np.uint8)
