"""Pictures beside their maps: means of classes, failures, and where two networks differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotations.galaxies.dataset import UNKNOWN_CLASS
from annotations.html_page import picture_uri
from classification.explain.explained_set import ExplainedSet
from classification.explain.faithfulness.scores import PLACES
from classification.explain.faithfulness.similarity import rank_correlation
from classification.explain.reports.drawing import Outline, crop_uri, map_uri, outlines
from classification.explain.reports.mean_maps import mean_map, unit_ellipse
from classification.explain.reports.subject_figures import SubjectFigures
from classification.explain.set_folder import file_stem
from classification.explain.subjects import ExplainedSubject

PAGES = "galaxies"
"""Folder of the pages of single galaxies, beside the page of the set."""

OUTSIDE = 0.5
"""Galaxies with less of the attribution on them are listed."""

_PICTURE_PX = 150


@dataclass(frozen=True, slots=True)
class PairExhibit:
    """A galaxy beside a map of it."""

    crop: str
    map: str
    title: str
    link: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassMaps:
    """Mean picture and maps of one class."""

    name: str
    n: int
    light: str
    maps: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MethodAgreement:
    """How alike two networks' maps of one method are."""

    method: str
    values: tuple[float, ...]


def compare_maps(explained: ExplainedSet) -> list[MethodAgreement]:
    """Rank correlations of the first two networks' maps, galaxy by galaxy.

    Galaxies for which the two explain different answers have none.
    """
    if len(explained.subjects) < 2:
        return []
    first, second = explained.subjects[:2]
    rows: dict[str, list[float]] = {}
    for row in range(len(explained)):
        one, other = explained.explained(row, first), explained.explained(row, second)
        same = one.target.label == other.target.label
        for name, values in one.maps.items():
            if name in other.maps and other.maps[name].shape == values.shape:
                alike = rank_correlation(values, other.maps[name]) if same else float("nan")
                rows.setdefault(name, []).append(alike)
    return [MethodAgreement(name, tuple(values)) for name, values in rows.items()]


def class_maps(
    explained: ExplainedSet, subject: ExplainedSubject, figures: SubjectFigures
) -> tuple[ClassMaps, ...]:
    """Mean maps by the known class; by the predicted one where none is known."""
    classes = figures.classes
    if classes is None:
        return ()
    known = figures.truth != UNKNOWN_CLASS
    kinds = figures.truth if known.any() else classes.probabilities.argmax(axis=1)
    found = []
    for k, name in enumerate(classes.names):
        rows = [int(row) for row in np.flatnonzero(kinds == k)]
        if not rows:
            continue
        held = [explained.explained(row, subject) for row in rows]
        regions = [explained.regions(row, subject) for row in rows]
        crops = [each.crop for each in held]
        means = {
            method: mean_map([each.maps[method] for each in held], crops, regions)
            for method in held[0].maps
        }
        first = next(iter(means.values()), None)
        if first is None:
            continue
        found.append(
            ClassMaps(
                name,
                len(rows),
                picture_uri(_brightened(first.light)),
                tuple(
                    (
                        method,
                        map_uri(mean.values, [Outline(unit_ellipse(mean.axis_ratio))], _PICTURE_PX),
                    )
                    for method, mean in means.items()
                ),
            )
        )
    return tuple(found)


def _brightened(light: np.ndarray) -> np.ndarray:
    top = float(np.percentile(light, 99.8)) or 1.0
    return np.clip(light * (255.0 / top), 0, 255).astype(np.uint8)


def misclassified(
    explained: ExplainedSet,
    subject: ExplainedSubject,
    figures: SubjectFigures,
    method: str,
    most: int,
    linked: bool,
) -> tuple[PairExhibit, ...]:
    """Galaxies whose class is wrong, the most certain first."""
    classes = figures.classes
    if classes is None:
        return ()
    wrong = np.flatnonzero((figures.truth != UNKNOWN_CLASS) & ~figures.right)
    sure = classes.probabilities.max(axis=1)
    order = wrong[np.argsort(-sure[wrong], kind="stable")][:most]
    return tuple(
        _exhibit(explained, subject, int(row), method, _wrong_lines(figures, int(row)), linked)
        for row in order
    )


def beside_the_galaxy(
    explained: ExplainedSet, subject: ExplainedSubject, method: str, most: int, linked: bool
) -> tuple[tuple[PairExhibit, ...], int]:
    """Galaxies on which less than ``OUTSIDE`` of the positive attribution lies, least first.

    Returns
    -------
    tuple of PairExhibit
    int
        How many there are, shown or not.
    """
    inside = np.array(
        [row.get(method, {}).get("inside", np.nan) for row in explained.scores[subject.name]]
    )
    outside = np.flatnonzero(inside < OUTSIDE)
    order = outside[np.argsort(inside[outside], kind="stable")][:most]
    exhibits = tuple(
        _exhibit(
            explained,
            subject,
            int(row),
            method,
            _outside_lines(explained, subject, int(row), method),
            linked,
        )
        for row in order
    )
    return exhibits, len(outside)


def _exhibit(
    explained: ExplainedSet,
    subject: ExplainedSubject,
    row: int,
    method: str,
    lines: tuple[str, ...],
    linked: bool,
) -> PairExhibit:
    held, regions = explained.explained(row, subject), explained.regions(row, subject)
    values = held.maps.get(method)
    return PairExhibit(
        crop_uri(held.crop, regions, _PICTURE_PX),
        "" if values is None else map_uri(values, outlines(regions), _PICTURE_PX),
        explained.galaxies.ids[row],
        page_link(explained, row) if linked else "",
        lines,
    )


def _wrong_lines(figures: SubjectFigures, row: int) -> tuple[str, ...]:
    classes = figures.classes
    assert classes is not None
    said = classes.probabilities[row]
    chosen, true = int(said.argmax()), int(figures.truth[row])
    return (
        f"said {classes.names[chosen].replace('_', ' ')} ({said[chosen]:.2f})",
        f"is {classes.names[true].replace('_', ' ')} ({said[true]:.2f})",
    )


def _outside_lines(
    explained: ExplainedSet, subject: ExplainedSubject, row: int, method: str
) -> tuple[str, ...]:
    scores = explained.scores[subject.name][row][method]
    places = {place: scores[place] for place in PLACES}
    worst = sorted(places.items(), key=lambda each: -each[1])[:2]
    rest = ", ".join(f"{place} {share:.0%}" for place, share in worst)
    return (f"{scores['inside']:.0%} inside; {rest}",)


def least_alike(
    explained: ExplainedSet, compared: Sequence[MethodAgreement], count: int, linked: bool
) -> tuple[PairExhibit, ...]:
    """Galaxies whose two maps differ most, by the first method: both maps side by side."""
    chosen = compared[0]
    values = np.array(chosen.values)
    known = np.flatnonzero(np.isfinite(values))
    first, second = explained.subjects[:2]
    found = []
    for row in (int(r) for r in known[np.argsort(values[known], kind="stable")][:count]):
        regions = explained.regions(row, first)
        found.append(
            PairExhibit(
                map_uri(
                    explained.explained(row, first).maps[chosen.method],
                    outlines(regions),
                    _PICTURE_PX,
                ),
                map_uri(
                    explained.explained(row, second).maps[chosen.method],
                    outlines(regions),
                    _PICTURE_PX,
                ),
                explained.galaxies.ids[row],
                page_link(explained, row) if linked else "",
                (f"{chosen.method.replace('_', ' ')}: rank correlation {values[row]:.2f}",),
            )
        )
    return tuple(found)


def page_link(explained: ExplainedSet, row: int) -> str:
    """Link from the page of the set to that of a galaxy."""
    return f"{PAGES}/{file_stem(row, explained.galaxies.ids[row])}.html"
