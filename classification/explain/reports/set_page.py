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
from annotations.html_page import figure_uri, write_page
from classification.explain.explained_set import ExplainedSet
from classification.explain.faithfulness.intervals import mean_interval
from classification.explain.faithfulness.scores import REFERENCES, SCORES
from classification.explain.reports.charts import (
    agreement_chart,
    placement_chart,
    randomisation_chart,
)
from classification.explain.reports.drawing import (
    colour_gradient,
)
from classification.explain.reports.findings import best_placed
from classification.explain.reports.set_galleries import (
    OUTSIDE,
    ClassMaps,
    MethodAgreement,
    PairExhibit,
    beside_the_galaxy,
    class_maps,
    compare_maps,
    least_alike,
    misclassified,
    page_link,
)
from classification.explain.reports.subject_figures import SubjectFigures, subject_figures
from classification.explain.subjects import ExplainedSubject
from classification.reports.charts import confusion_chart
from classification.reports.text import TEXT
from classification.scoring import class_report

MOST_EXHIBITS = 24

Progress = Callable[[int, int], None]


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
        least_alike=least_alike(explained, compared, exhibits // 2, linked) if compared else (),
        links=[
            (explained.galaxies.ids[row], page_link(explained, row))
            for row in range(len(explained))
        ]
        if linked
        else [],
        outside_below=OUTSIDE,
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
    outside, count = beside_the_galaxy(explained, subject, best, exhibits, linked)
    return NetworkSection(
        figures=figures,
        best=best,
        placement=figure_uri(placement_chart(figures.table)),
        randomisation=figure_uri(randomisation_chart(figures.checks)) if figures.checks else "",
        confusion=confusion,
        classes=class_maps(explained, subject, figures),
        wrong=misclassified(explained, subject, figures, best, exhibits, linked),
        outside=outside,
        outside_count=count,
    )
