"""Charts of a detector's figures; one line style and colour a detector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from detection.evaluation.collection import Collection
from detection.evaluation.curves import (
    Curve,
    false_positive_curve,
    precision_curve,
    recall_curve,
)
from detection.evaluation.strata import Stratum

# Okabe & Ito (2008), told apart with any colour vision; styles help in grey
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_STYLES = ("-", "--", "-.", ":")
_SIZE_INCHES = (5.2, 3.6)


def recall_chart(collections: Sequence[Collection], names: Sequence[str]) -> Figure:
    """Recall at IoU 0.3 and 0.5 against the score threshold."""
    figure, axes = _axes("score threshold", "recall")
    for i, (collection, name) in enumerate(zip(collections, names, strict=True)):
        pictures = collection.galaxy_frames()
        _draw(axes, recall_curve(pictures, 0.3), i, f"{name}, IoU 0.3")
        loose = recall_curve(pictures, 0.5)
        axes.plot(
            loose.thresholds,
            loose.values,
            _STYLES[i],
            color=COLOURS[i],
            linewidth=0.8,
            label=f"{name}, IoU 0.5",
        )
        _mark(axes, collection.rule.score_threshold, i)
    return _finished(figure, axes)


def precision_chart(collections: Sequence[Collection], names: Sequence[str]) -> Figure:
    """Precision at IoU 0.3 on frames with galaxies against the score threshold."""
    figure, axes = _axes("score threshold", "precision on frames with galaxies")
    for i, (collection, name) in enumerate(zip(collections, names, strict=True)):
        _draw(axes, precision_curve(collection.galaxy_frames(), 0.3), i, name)
        _mark(axes, collection.rule.score_threshold, i)
    return _finished(figure, axes)


def false_positive_chart(collections: Sequence[Collection], names: Sequence[str]) -> Figure:
    """False positives per empty frame against the score threshold."""
    figure, axes = _axes("score threshold", "false positives per empty frame")
    for i, (collection, name) in enumerate(zip(collections, names, strict=True)):
        _draw(axes, false_positive_curve(collection.empty_frames()), i, name)
        _mark(axes, collection.rule.score_threshold, i)
    axes.set_yscale("symlog", linthresh=0.05)
    axes.set_ylim(0, None)
    return _finished(figure, axes)


def froc_chart(collections: Sequence[Collection], names: Sequence[str]) -> Figure:
    """Recall at IoU 0.3 against false positives per empty frame, threshold by threshold."""
    figure, axes = _axes("false positives per empty frame", "recall at IoU 0.3")
    for i, (collection, name) in enumerate(zip(collections, names, strict=True)):
        recalls = recall_curve(collection.galaxy_frames(), 0.3, resamples=1)
        mistakes = false_positive_curve(collection.empty_frames(), resamples=1)
        axes.plot(mistakes.values, recalls.values, _STYLES[i], color=COLOURS[i], label=name)
        at = collection.rule.score_threshold
        axes.plot(mistakes.at(at)[0], recalls.at(at)[0], "o", color=COLOURS[i])
    axes.set_xscale("symlog", linthresh=0.05)
    axes.set_xlim(0, None)
    axes.set_ylim(0, 1.02)
    return _finished(figure, axes)


def strata_chart(
    strata: Sequence[Sequence[Stratum]], names: Sequence[str], labels: Sequence[str], title: str
) -> Figure:
    """Recall of each stratum with its Wilson interval, detectors side by side."""
    figure, axes = _axes(title, "recall at IoU 0.3")
    width = 0.8 / len(strata)
    for i, (rows, name) in enumerate(zip(strata, names, strict=True)):
        at = np.arange(len(rows)) + (i - (len(strata) - 1) / 2) * width
        present = [j for j, row in enumerate(rows) if row.recall is not None]
        values = np.array([rows[j].recall or 0.0 for j in present])
        low = np.array([rows[j].recall_low or 0.0 for j in present])
        high = np.array([rows[j].recall_high or 0.0 for j in present])
        axes.bar(
            at[present],
            values,
            width * 0.9,
            color=COLOURS[i],
            label=name,
            yerr=np.clip([values - low, high - values], 0.0, None),
            ecolor="#444444",
            capsize=2,
        )
    counts = [f"{label}\nn={row.galaxies}" for label, row in zip(labels, strata[0], strict=True)]
    axes.set_xticks(np.arange(len(labels)), counts, fontsize=8)
    axes.set_ylim(0, 1.05)
    return _finished(figure, axes)


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE_INCHES)
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    return figure, axes


def _draw(axes: Axes, curve: Curve, number: int, label: str) -> None:
    axes.plot(curve.thresholds, curve.values, _STYLES[number], color=COLOURS[number], label=label)
    axes.fill_between(curve.thresholds, curve.low, curve.high, color=COLOURS[number], alpha=0.15)


def _mark(axes: Axes, threshold: float, number: int) -> None:
    axes.axvline(threshold, color=COLOURS[number], linewidth=0.8, linestyle=":")


def _finished(figure: Figure, axes: Axes) -> Figure:
    axes.legend(fontsize=8)
    return figure
