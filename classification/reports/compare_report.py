"""The page that sets classifiers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from annotations.html_page import figure_uri, write_page
from classification.bootstrap import RESAMPLES
from classification.metrics import RocCurve
from classification.reports import charts
from classification.reports.comparison import Comparison, compare, disagreement
from classification.reports.gallery import Exhibit, shown_picture
from classification.reports.run_report import metric_names, scheme_title
from classification.reports.subjects import VOTES, Subject
from classification.reports.text import TEXT
from classification.scoring import ClassReport
from edge_runtime.decision_tree import ANSWER_NAMES
from edge_runtime.errors import GalaxyEdgeError

MOST_EXHIBITS = 18
_METRIC_TITLES = {
    "rmse": "RMSE of the 37 votes",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "macro_auc": "macro AUC",
    "ece": "ECE",
}
_RATES = np.linspace(0.0, 1.0, 201)
_MOST_CURVES = 6


@dataclass(frozen=True, slots=True)
class Section:
    """What the page shows of one kind of answer."""

    title: str
    comparison: Comparison
    charts: list[tuple[str, str]]
    exhibits: list[Exhibit]


def write_compare_report(
    output: Path,
    subjects: Sequence[Subject],
    split: str,
    *,
    exhibits: int = MOST_EXHIBITS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Write the page about several classifiers.

    Parameters
    ----------
    output : Path
        HTML file, without anything outside of it.
    subjects : sequence of Subject
        At least two, of the same set; the others are tested against the first.
    split : str
        Named on the page.
    exhibits : int
        Most pictures of galaxies on which they differ, for each kind of answer.
    resamples, seed : int
        Of the intervals and tests.

    Returns
    -------
    dict
        The figures, for JSON.

    Raises
    ------
    GalaxyEdgeError
        There are fewer than two, two have the same name, they have no galaxy in
        common, or the page cannot be written.
    """
    if len(subjects) < 2:
        raise GalaxyEdgeError(f"a comparison needs at least two classifiers, not {len(subjects)}")
    comparisons = compare(subjects, resamples=resamples, seed=seed)
    data = subjects[0].galaxies
    write_page(
        output,
        "classification.reports",
        "compare_report.html",
        subjects=subjects,
        split=split,
        data=data,
        resamples=resamples,
        metric_titles=_METRIC_TITLES,
        curves=_learning_curves(subjects),
        sections=[
            Section(
                "Votes" if each.kind == VOTES else scheme_title(each.kind),
                each,
                _charts(each),
                _differing(each, exhibits) if len(each.entries) > 1 else [],
            )
            for each in comparisons
        ],
        facts=_shared_facts(subjects),
        text=TEXT,
    )
    return {
        "data": {"name": data.name, "split": split, "sha256": data.data_hash},
        "resamples": resamples,
        "seed": seed,
        "comparisons": [each.as_dict() for each in comparisons],
        "runs": {subject.run.name: dict(subject.run.facts) for subject in subjects},
    }


def _charts(comparison: Comparison) -> list[tuple[str, str]]:
    if comparison.kind == VOTES:
        return [("RMSE of each question", figure_uri(_question_chart(comparison)))]
    drawn = [("F1 of each class, with 95 %", figure_uri(_f1_chart(comparison)))]
    if any(entry.intervals["macro_auc"].value is not None for entry in comparison.entries):
        drawn.append(("ROC: mean of the classes, and each one", figure_uri(_roc_chart(comparison))))
    return drawn


def _question_chart(comparison: Comparison) -> Figure:
    figure, axes = charts.axes_of("", "RMSE")
    figure.set_size_inches(9.0, 3.8)
    entries = comparison.entries
    width = 0.84 / len(entries)
    questions = len(charts.QUESTIONS)
    for number, entry in enumerate(entries):
        assert not isinstance(entry.scores, ClassReport)
        at = np.arange(questions) + (number - (len(entries) - 1) / 2) * width
        axes.bar(
            at,
            entry.scores.rmse_by_question,
            width * 0.92,
            label=entry.name,
            **charts.bar_style(entry.place),
        )
    names = [f"{i + 1}: {charts.short_question(i)}" for i in range(questions)]
    axes.set_xticks(range(questions), names, rotation=30, ha="right", fontsize=8)
    charts.legend_above(axes)
    return figure


def _f1_chart(comparison: Comparison) -> Figure:
    figure, axes = charts.axes_of("", "F1")
    entries = comparison.entries
    names = list(entries[0].class_f1)
    figure.set_size_inches(min(max(6.0, len(names) * (0.5 + 0.22 * len(entries))), 12.0), 3.9)
    width = 0.84 / len(entries)
    for number, entry in enumerate(entries):
        found = [entry.class_f1[name] for name in names]
        at = np.arange(len(names)) + (number - (len(entries) - 1) / 2) * width
        values = np.array([each.value or 0.0 for each in found])
        low = values - np.array([each.low or 0.0 for each in found])
        high = np.array([each.high or 0.0 for each in found]) - values
        axes.bar(
            at,
            values,
            width * 0.92,
            label=entry.name,
            yerr=np.clip([low, high], 0.0, None),
            ecolor="#444444",
            capsize=2,
            **charts.bar_style(entry.place),
        )
    labels = [name.replace("_", " ") for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=30, ha="right", fontsize=8)
    axes.set_ylim(0, 1.03)
    charts.legend_above(axes)
    return figure


def _roc_chart(comparison: Comparison) -> Figure:
    """A panel for the mean of the classes, and one for each that has a curve."""
    reports = [e.scores for e in comparison.entries if isinstance(e.scores, ClassReport)]
    panels: list[tuple[str, list[RocCurve | None]]] = []
    held = [[each.roc for each in r.classes if each.roc is not None] for r in reports]
    panels.append(("mean of the classes", [mean_roc(each) if each else None for each in held]))
    for k, name in enumerate(reports[0].names):
        panels.append((name.replace("_", " "), [report.classes[k].roc for report in reports]))
    panels = [(title, curves) for title, curves in panels if any(c is not None for c in curves)]
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3.2 * columns, 3.2 * rows + 0.4), layout="constrained")
    for number, (title, curves) in enumerate(panels):
        axes = figure.add_subplot(rows, columns, number + 1)
        for entry, curve in zip(comparison.entries, curves, strict=True):
            if curve is not None:
                charts.draw_roc(axes, curve, entry.name, entry.place)
        charts.finish_roc(axes)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("false positive rate", fontsize=8)
        axes.set_ylabel("true positive rate", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    lines, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    return figure


def mean_roc(curves: Sequence[RocCurve]) -> RocCurve:
    """Mean true positive rate of several curves at each false positive rate."""
    rates = [np.interp(_RATES, curve.false_rate, curve.true_rate) for curve in curves]
    return RocCurve(
        np.concatenate([[0.0], _RATES]), np.concatenate([[0.0], np.mean(rates, axis=0)])
    )


def _learning_curves(subjects: Sequence[Subject]) -> list[tuple[str, str]]:
    logs = [
        (place, subject.run.name, subject.run.history)
        for place, subject in enumerate(subjects)
        if subject.run.history is not None
    ]
    columns = {name: None for _, _, log in logs for name in log.columns if name.startswith("val_")}
    drawn = []
    for name in metric_names(columns):
        lines = [
            charts.EpochLine(label, place, log.epochs, log.columns[f"val_{name}"])
            for place, label, log in logs
            if f"val_{name}" in log.columns and np.isfinite(log.columns[f"val_{name}"]).any()
        ]
        if lines:
            title = f"validation {name.replace('_', ' ')}"
            drawn.append((title, figure_uri(charts.epoch_chart(title, lines))))
    return drawn[:_MOST_CURVES]


def _differing(comparison: Comparison, most: int) -> list[Exhibit]:
    apart = disagreement(comparison)
    galaxies = comparison.galaxies
    exhibits = []
    for row in np.argsort(-apart, kind="stable")[:most]:
        if apart[row] == 0.0:
            break
        told = _told_votes if comparison.kind == VOTES else _told_classes
        exhibits.append(
            Exhibit(shown_picture(galaxies, int(row)), galaxies.ids[row], told(comparison, row))
        )
    return exhibits


def _told_classes(comparison: Comparison, row: int) -> tuple[str, ...]:
    labels = comparison.galaxies.classes[comparison.kind]
    lines = [f"true: {labels.names[labels.index[row]]}"]
    for entry, answers in zip(comparison.entries, comparison.answers, strict=True):
        chosen = int(answers[row].argmax())
        lines.append(f"{entry.name}: {labels.names[chosen]} ({answers[row, chosen]:.2f})")
    return tuple(lines)


def _told_votes(comparison: Comparison, row: int) -> tuple[str, ...]:
    """The vote on which they differ most."""
    answers = np.stack([each[row] for each in comparison.answers])
    vote = int(np.std(answers, axis=0).argmax())
    truth = comparison.galaxies.votes[row]
    lines = [f"{ANSWER_NAMES[vote]}: {truth[vote]:.2f} true"]
    for entry, said in zip(comparison.entries, answers, strict=True):
        error = float(np.sqrt(np.mean(np.square(said - truth))))
        lines.append(f"{entry.name}: {said[vote]:.2f} (RMSE {error:.3f})")
    return tuple(lines)


def _shared_facts(subjects: Sequence[Subject]) -> list[tuple[str, list[str]]]:
    """Facts of the runs, one row each."""
    names = dict.fromkeys(name for subject in subjects for name in subject.run.facts)
    return [(name, [subject.run.facts.get(name, "–") for subject in subjects]) for name in names]
