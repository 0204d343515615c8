"""Charts of classifiers; colours and line styles told apart with any colour vision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from classification.calibration import Calibration
from classification.metrics import RocCurve
from classification.scoring import ClassReport, VoteScores
from edge_runtime.decision_tree import ANSWER_NAMES, COLUMN_INDEX, QUESTIONS

# Okabe & Ito (2008)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("solid", "dashed", "dashdot", (0, (1, 1)))
MAIN_VOTES = (
    "Class1.1",
    "Class1.2",
    "Class2.1",
    "Class3.1",
    "Class4.1",
    "Class5.1",
    "Class6.1",
    "Class7.1",
    "Class7.2",
)
"""Answers whose predicted votes are drawn against the true ones."""

HATCHES = ("", "//", "..", "\\\\", "xx")
_SIZE_INCHES = (5.2, 3.6)
_CELLS = 40


def line_style(number: int) -> dict[str, Any]:
    """Colour and line style of the n-th line; the first 28 all differ."""
    turn, place = divmod(number, len(COLOURS))
    return {"color": COLOURS[place], "linestyle": STYLES[(turn + place) % len(STYLES)]}


def bar_style(number: int) -> dict[str, str]:
    """Colour and hatching of the n-th bar."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "hatch": HATCHES[number % len(HATCHES)],
        "edgecolor": "white",
    }


def legend_above(axes: Axes, marker_scale: float = 1.0) -> None:
    """A legend over the chart, where it hides nothing."""
    axes.legend(
        fontsize=8,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=4,
        frameon=False,
        markerscale=marker_scale,
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)


def axes_of(x: str, y: str) -> tuple[Figure, Axes]:
    """An empty chart."""
    figure = Figure(figsize=_SIZE_INCHES)
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    return figure, axes


def question_chart(votes: VoteScores, constant: VoteScores) -> Figure:
    """RMSE of each question, beside that of answering the mean."""
    figure = Figure(figsize=(9.0, 3.6))
    axes = figure.add_subplot()
    places = np.arange(len(QUESTIONS))
    bars = axes.bar(places, votes.rmse_by_question, 0.65, color=COLOURS[0], label="this classifier")
    axes.bar_label(bars, fmt="%.3f", fontsize=8, label_type="center", color="white")
    axes.plot(
        places,
        constant.rmse_by_question,
        linestyle="none",
        marker="_",
        markersize=30,
        markeredgewidth=2,
        color=COLOURS[1],
        label="mean votes of these galaxies",
    )
    axes.axhline(votes.rmse, color="#444444", linestyle=":", linewidth=1, label="all 37 votes")
    axes.set_xticks(
        places,
        [f"{q.number}: {short_question(i)}" for i, q in enumerate(QUESTIONS)],
        rotation=30,
        ha="right",
        fontsize=8,
    )
    axes.set_ylabel("RMSE")
    legend_above(axes, marker_scale=0.5)
    return figure


def short_question(place: int) -> str:
    """One or two words for the n-th question."""
    return (
        "smooth?",
        "edge-on?",
        "bar?",
        "spiral?",
        "bulge",
        "odd?",
        "roundness",
        "odd feature",
        "edge-on bulge",
        "winding",
        "arms",
    )[place]


def vote_histograms(truth: NDArray[np.floating], said: NDArray[np.floating]) -> Figure:
    """Predicted against true fractions of the main votes, as densities."""
    figure = Figure(figsize=(9.6, 9.6), layout="constrained")
    edges = np.linspace(0.0, 1.0, _CELLS + 1)
    for panel, column in enumerate(MAIN_VOTES):
        index = COLUMN_INDEX[column]
        x, y = truth[:, index], said[:, index]
        counts, _, _ = np.histogram2d(x, y, bins=(edges, edges))
        axes = figure.add_subplot(3, 3, panel + 1)
        shown = np.ma.masked_equal(counts.T, 0)
        image = axes.imshow(
            np.ma.log10(shown), origin="lower", extent=(0, 1, 0, 1), cmap="cividis_r", vmin=0
        )
        axes.plot([0, 1], [0, 1], color=COLOURS[1], linewidth=1)
        error = float(np.sqrt(np.mean(np.square(x.astype(np.float64) - y))))
        axes.set_title(f"{column} {ANSWER_NAMES[index]}\nRMSE {error:.3f}", fontsize=9)
        axes.set_xlabel("true fraction", fontsize=8)
        axes.set_ylabel("predicted", fontsize=8)
        axes.tick_params(labelsize=7)
        bar = figure.colorbar(image, ax=axes, shrink=0.75)
        ticks = [t for t in (1, 3, 10, 30, 100, 300, 1000, 10000) if t <= counts.max()]
        bar.set_ticks(np.log10(ticks), labels=[str(t) for t in ticks])
        bar.ax.tick_params(labelsize=7)
    return figure


def confusion_chart(report: ClassReport) -> Figure:
    """Confusion as counts and as shares of the true class."""
    size = len(report.names)
    small = size > 6
    figure = Figure(figsize=(14.0, 6.6) if small else (11.5, 5.0), layout="constrained")
    totals = report.confusion.sum(axis=1, keepdims=True)
    shares = np.divide(
        report.confusion, totals, out=np.full(report.confusion.shape, np.nan), where=totals > 0
    )
    labels = [name.replace("_", " ") for name in report.names]
    for panel, title in enumerate(("galaxies", "share of the true class")):
        axes = figure.add_subplot(1, 2, panel + 1)
        axes.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1)
        for row in range(size):
            for column in range(size):
                share, count = shares[row, column], report.confusion[row, column]
                text = str(count) if panel == 0 else "–" if np.isnan(share) else f"{share:.2f}"
                axes.text(
                    column,
                    row,
                    text,
                    ha="center",
                    va="center",
                    fontsize=7 if small else 9,
                    color="white" if np.nan_to_num(share) > 0.55 else "black",
                )
        axes.set_title(title, fontsize=10)
        axes.set_xticks(range(size), labels, rotation=40, ha="right", fontsize=8)
        axes.set_yticks(range(size), labels, fontsize=8)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
    return figure


def roc_chart(report: ClassReport) -> Figure:
    """ROC of each class, one against the rest."""
    figure, axes = axes_of("false positive rate", "true positive rate")
    for number, result in enumerate(report.classes):
        if result.roc is None:
            continue
        label = f"{result.name.replace('_', ' ')} ({result.auc:.3f})"
        draw_roc(axes, result.roc, label, number)
    finish_roc(axes)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7, loc="lower right", title="class (AUC)", title_fontsize=7)
    return figure


def draw_roc(axes: Axes, roc: RocCurve, label: str, number: int) -> None:
    """Add one curve to a chart of them."""
    axes.plot(roc.false_rate, roc.true_rate, label=label, linewidth=1.6, **line_style(number))


def finish_roc(axes: Axes) -> None:
    """Add the line of chance, and the limits."""
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)


def reliability_chart(found: Calibration) -> Figure:
    """Accuracy against confidence, with the number of galaxies in each bin below."""
    figure = Figure(figsize=(5.2, 4.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    width = float(found.edges[1] - found.edges[0])
    middle = found.edges[:-1] + width / 2
    filled = found.counts > 0
    above.bar(
        middle[filled], found.accuracy[filled], width * 0.92, color=COLOURS[0], label="accuracy"
    )
    above.plot(
        found.confidence[filled],
        found.accuracy[filled],
        "o",
        color=COLOURS[1],
        markersize=4,
        label="at the mean confidence",
    )
    above.plot([0, 1], [0, 1], color="#444444", linewidth=1, linestyle="--", label="calibrated")
    above.set_ylabel("share that is right")
    above.set_xlim(0, 1)
    above.set_ylim(0, 1.03)
    legend_above(above)
    below.bar(middle, found.counts, width * 0.92, color="#777777")
    below.set_xlabel("probability of the most likely class")
    below.set_ylabel("galaxies")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    return figure


@dataclass(frozen=True, slots=True)
class EpochLine:
    """A metric over the epochs.

    Attributes
    ----------
    label : str
    place : int
        Gives its colour and style.
    epochs : ndarray, shape (E,), int64
    values : ndarray, shape (E,), float64
        NaN where not known.
    """

    label: str
    place: int
    epochs: NDArray[np.int64]
    values: NDArray[np.float64]


def epoch_chart(name: str, lines: Sequence[EpochLine]) -> Figure:
    """A metric of one training or several."""
    figure, axes = axes_of("epoch", name)
    drawn = []
    for line in lines:
        known = np.isfinite(line.values)
        axes.plot(
            line.epochs[known],
            line.values[known],
            label=line.label,
            linewidth=1.6,
            marker="o" if known.sum() == 1 else None,
            **line_style(line.place),
        )
        drawn.append(line.values[known])
    values = np.concatenate(drawn)
    if len(values) and values.min() > 0 and values.max() / values.min() > 50:
        axes.set_yscale("log")
    if len(lines) > 1:
        axes.legend(fontsize=7)
    return figure
