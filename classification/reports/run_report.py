"""The page about one classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotations.html_page import figure_uri, write_page
from classification.bootstrap import RESAMPLES
from classification.reports import charts
from classification.reports.figures import RunFigures, run_figures
from classification.reports.gallery import Exhibit, worst_classes, worst_votes
from classification.reports.run_record import History
from classification.reports.subjects import Subject
from classification.reports.text import TEXT
from classification.scoring import ClassReport
from edge_runtime.decision_tree import ANSWER_NAMES, QUESTIONS, VOTE_COLUMNS

MOST_EXHIBITS = 24
_TITLES = {
    "class5": "Five classes",
    "galaxy10": "Galaxy10 SDSS",
    "galaxy10_decals": "Galaxy10 DECaLS",
    "elliptical": "Elliptical or other",
}
_MOST_CURVES = 8


@dataclass(frozen=True, slots=True)
class SchemeSection:
    """What the page shows of one class scheme."""

    scheme: str
    title: str
    report: ClassReport
    confusion: str
    roc: str
    reliability: str
    worst: list[Exhibit]


def write_run_report(
    output: Path,
    subject: Subject,
    split: str,
    *,
    exhibits: int = MOST_EXHIBITS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> RunFigures:
    """Write the page about a classifier.

    Parameters
    ----------
    output : Path
        HTML file, without anything outside of it.
    subject : Subject
    split : str
        Named on the page.
    exhibits : int
        Most pictures in each gallery.
    resamples, seed : int
        Of the intervals.

    Raises
    ------
    GalaxyEdgeError
        There is nothing to score, a picture cannot be read, or the page cannot
        be written.
    """
    figures = run_figures(subject, split, resamples=resamples, seed=seed)
    said, galaxies = subject.predictions, subject.galaxies
    votes = None
    if figures.scores.votes is not None and figures.constant is not None:
        known = galaxies.has_votes
        assert said.votes is not None
        votes = {
            "questions": figure_uri(charts.question_chart(figures.scores.votes, figures.constant)),
            "histograms": figure_uri(
                charts.vote_histograms(galaxies.votes[known], said.votes[known])
            ),
            "worst": worst_votes(said, galaxies, exhibits),
        }
    write_page(
        output,
        "classification.reports",
        "run_report.html",
        figures=figures,
        recipe=subject.run.recipe,
        curves=_curves(subject.run.history),
        votes=votes,
        sections=[
            SchemeSection(
                scheme=scheme,
                title=scheme_title(scheme),
                report=report,
                confusion=figure_uri(charts.confusion_chart(report)),
                roc=figure_uri(charts.roc_chart(report)),
                reliability=figure_uri(charts.reliability_chart(report.calibration)),
                worst=worst_classes(said, galaxies, scheme, exhibits),
            )
            for scheme, report in figures.scores.classes.items()
        ],
        questions=QUESTIONS,
        vote_names=list(zip(VOTE_COLUMNS, ANSWER_NAMES, strict=True)),
        text=TEXT,
    )
    return figures


def scheme_title(scheme: str) -> str:
    """A scheme's name for people."""
    return _TITLES.get(scheme, scheme.replace("_", " "))


def _curves(history: History | None) -> list[tuple[str, str]]:
    """Name and picture of each chart over epochs: one for a metric and its validation."""
    if history is None or not len(history.epochs):
        return []
    drawn = []
    for name in metric_names(history.columns):
        lines = [
            charts.EpochLine(label, place, history.epochs, history.columns[column])
            for place, (column, label) in enumerate(
                ((name, "training"), (f"val_{name}", "validation"))
            )
            if column in history.columns and np.isfinite(history.columns[column]).any()
        ]
        if lines:
            shown = name.replace("_", " ")
            drawn.append((shown, figure_uri(charts.epoch_chart(shown, lines))))
    return drawn[:_MOST_CURVES]


def metric_names(columns: Sequence[str] | dict[str, object]) -> list[str]:
    """Metrics of a log without their ``val_`` twins: the loss first, what has no twin last."""
    names = list(dict.fromkeys(name.removeprefix("val_") for name in columns))
    return sorted(names, key=lambda n: (n != "loss", f"val_{n}" not in columns))
