"""The page about a set of galaxies: means, scores, failures, and what they say of a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from annotations.formats.outputs import new_file
from annotations.galaxies.dataset import UNKNOWN_CLASS
from annotations.html_page import figure_uri, picture_uri, write_page
from classification.explain.explained_set import ExplainedSet, file_stem
from classification.explain.faithfulness.intervals import mean_interval
from classification.explain.faithfulness.scores import REFERENCES, SCORES
from classification.explain.faithfulness.similarity import rank_correlation
from classification.explain.reports.charts import (
    agreement_chart,
    placement_chart,
    randomisation_chart,
)
from classification.explain.reports.drawing import (
    Outline,
    colour_gradient,
    crop_uri,
    map_uri,
    outlines,
)
from classification.explain.reports.mean_maps import mean_map, unit_ellipse
from classification.explain.reports.verdict import (
    INSIDE_GOAL,
    SubjectFigures,
    best_placed,
    subject_figures,
)
from classification.explain.subjects import ExplainedSubject
from classification.reports.charts import confusion_chart
from classification.reports.text import TEXT
from classification.scoring import class_report

PAGES = "galaxies"
"""Folder of the pages of single galaxies, beside the page of the set."""

MOST_EXHIBITS = 24
_PICTURE_PX = 150
_OUTSIDE = 0.5  # attribution of which less lies on the galaxy is listed

Progress = Callable[[int, int], None]


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
class NetworkSection:
    """What the page shows of one network."""

    figures: SubjectFigures
    best: str
    placement: str
    randomisation: str
    confusion: str
    classes: tuple[ClassMaps, ...]
    wrong: tuple[PairExhibit, ...]
    outside: tuple[PairExhibit, ...]
    outside_count: int


@dataclass(frozen=True, slots=True)
class MethodAgreement:
    """How alike two networks' maps of one method are."""

    method: str
    values: tuple[float, ...]


def write_set_page(
    output: Path,
    explained: ExplainedSet,
    *,
    split: str = "",
    exhibits: int = MOST_EXHIBITS,
    linked: bool = True,
    progress: Progress | None = None,
) -> dict[str, SubjectFigures]:
    """Write the page about a set, and its numbers as JSON beside it.

    Parameters
    ----------
    output : Path
        HTML file.
    explained : ExplainedSet
    split : str
        Named on the page.
    exhibits : int
        Most pictures in each gallery.
    linked : bool
        Whether there are pages of the single galaxies to link to.
    progress : callable, optional
        Called with the networks done and all of them.

    Returns
    -------
    dict of str to SubjectFigures
        By network.
    """
    sections = []
    for done, subject in enumerate(explained.subjects):
        if progress is not None:
            progress(done, len(explained.subjects))
        sections.append(_section(explained, subject, exhibits, linked))
    compared = compare_maps(explained)
    write_page(
        output,
        "classification.explain.reports",
        "explained_set.html",
        explained=explained,
        split=split,
        sections=sections,
        scores=SCORES,
        references=REFERENCES,
        agreements=[(each, mean_interval(np.array(each.values))) for each in compared],
        agreement=figure_uri(agreement_chart({a.method: a.values for a in compared}))
        if compared
        else "",
        least_alike=_least_alike(explained, compared, exhibits // 2, linked) if compared else (),
        links=[
            (explained.galaxies.ids[row], _link(explained, row)) for row in range(len(explained))
        ]
        if linked
        else [],
        inside_goal=INSIDE_GOAL,
        outside_below=_OUTSIDE,
        gradient=colour_gradient(),
        text=TEXT,
    )
    figures = {section.figures.name: section.figures for section in sections}
    write_numbers(output.with_suffix(".json"), explained, figures, compared, split)
    return figures


def write_numbers(
    path: Path,
    explained: ExplainedSet,
    figures: Mapping[str, SubjectFigures],
    compared: Sequence[MethodAgreement],
    split: str,
) -> None:
    """Write all numbers of the page as JSON."""
    content: dict[str, Any] = {
        "data": {
            "name": explained.galaxies.name,
            "split": split,
            "sha256": explained.galaxies.data_hash,
            "galaxies": len(explained),
            "without_mask": list(explained.without_mask),
        },
        "seed": explained.plan.seed,
        "networks": {name: each.as_dict() for name, each in figures.items()},
        "agreement": {
            each.method: mean_interval(np.array(each.values)).as_dict() for each in compared
        },
    }
    with new_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


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


def _section(
    explained: ExplainedSet, subject: ExplainedSubject, exhibits: int, linked: bool
) -> NetworkSection:
    figures = subject_figures(explained, subject)
    best = best_placed(figures.right_table or figures.table) or ""
    confusion = ""
    classes = figures.classes
    if classes is not None and (figures.truth != UNKNOWN_CLASS).any():
        report = class_report(figures.truth, classes.probabilities, classes.names)
        confusion = figure_uri(confusion_chart(report))
    inside = np.array(
        [row.get(best, {}).get("inside", np.nan) for row in explained.scores[subject.name]]
    )
    outside = np.flatnonzero(inside < _OUTSIDE)
    wrong = np.flatnonzero((figures.truth != UNKNOWN_CLASS) & ~figures.right)
    if classes is not None:
        sure = classes.probabilities.max(axis=1)
        wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    return NetworkSection(
        figures=figures,
        best=best,
        placement=figure_uri(placement_chart(figures.table)),
        randomisation=figure_uri(randomisation_chart(figures.checks)) if figures.checks else "",
        confusion=confusion,
        classes=_class_maps(explained, subject, figures),
        wrong=tuple(
            _exhibit(explained, subject, int(row), best, _wrong_lines(figures, int(row)), linked)
            for row in wrong[:exhibits]
        ),
        outside=tuple(
            _exhibit(
                explained,
                subject,
                int(row),
                best,
                _outside_lines(explained, subject, int(row), best),
                linked,
            )
            for row in outside[np.argsort(inside[outside], kind="stable")][:exhibits]
        ),
        outside_count=len(outside),
    )


def _class_maps(
    explained: ExplainedSet, subject: ExplainedSubject, figures: SubjectFigures
) -> tuple[ClassMaps, ...]:
    """By the known class; by the predicted one where none is known."""
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
        _link(explained, row) if linked else "",
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
    places = {place: scores[place] for place in ("outskirts", "neighbours", "border", "sky")}
    worst = sorted(places.items(), key=lambda each: -each[1])[:2]
    rest = ", ".join(f"{place} {share:.0%}" for place, share in worst)
    return (f"{scores['inside']:.0%} inside; {rest}",)


def _least_alike(
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
                _link(explained, row) if linked else "",
                (f"{chosen.method.replace('_', ' ')}: rank correlation {values[row]:.2f}",),
            )
        )
    return tuple(found)


def _link(explained: ExplainedSet, row: int) -> str:
    return f"{PAGES}/{file_stem(row, explained.galaxies.ids[row])}.html"
