"""The page that sets several searches side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from annotations.html_page import figure_uri, write_page
from classification.reports.charts import axes_of, legend_above, line_style
from tuning.record import SearchRecord
from tuning.report.charts import objective_range
from tuning.report.comparison import SearchComparison, SearchKind, compare_searches
from tuning.report.text import TEXT


def write_searches_report(output: Path, records: Sequence[SearchRecord]) -> SearchComparison:
    """Write the page.

    Parameters
    ----------
    output : Path
        HTML file, without anything outside of it.
    records : sequence of SearchRecord
        At least two, with the same objective.

    Raises
    ------
    GalaxyEdgeError
        The searches cannot be compared, or the page cannot be written.
    """
    found = compare_searches(records)
    write_page(
        output,
        "tuning.report",
        "searches.html",
        found=found,
        config=records[0].config,
        by_trials=figure_uri(curves_chart(found)),
        by_time=figure_uri(time_chart(found)),
        text=TEXT,
    )
    return found


def curves_chart(found: SearchComparison) -> Figure:
    """Best objective so far against trials: each search thin, the mean and spread thick."""
    figure, axes = axes_of("trials", "best objective so far")
    figure.set_size_inches(8.4, 4.4)
    for place, kind in enumerate(found.kinds):
        number = np.arange(1, kind.best.shape[1] + 1)
        style = line_style(place)
        if len(kind.searches) == 1:
            axes.step(number, kind.best[0], where="post", linewidth=2, label=_label(kind), **style)
            continue
        for best in kind.best:
            axes.step(number, best, where="post", color=style["color"], linewidth=0.7, alpha=0.6)
        mean, sd = mean_and_sd(kind)
        axes.fill_between(
            number, mean - sd, mean + sd, step="post", color=style["color"], alpha=0.15, linewidth=0
        )
        axes.step(number, mean, where="post", linewidth=2.4, label=_label(kind), **style)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.axvline(found.equal_trials, color="#555555", linestyle=":", linewidth=1)
    _limit(axes, found)
    legend_above(axes)
    return figure


def time_chart(found: SearchComparison) -> Figure:
    """Best objective so far against the time that the trials took, added up."""
    figure, axes = axes_of("time of the trials (minutes)", "best objective so far")
    figure.set_size_inches(8.4, 4.0)
    for place, kind in enumerate(found.kinds):
        style = line_style(place)
        for row, search in enumerate(kind.searches):
            minutes = np.cumsum([trial.seconds or 0.0 for trial in search.trials]) / 60.0
            axes.step(
                minutes,
                kind.best[row, : len(minutes)],
                where="post",
                linewidth=1.6,
                label=_label(kind) if row == 0 else None,
                **style,
            )
    _limit(axes, found)
    legend_above(axes)
    return figure


def mean_and_sd(kind: SearchKind) -> tuple[np.ndarray, np.ndarray]:
    """Over the searches that all have come so far; NaN behind, each of shape (trials,)."""
    whole = np.isfinite(kind.best).all(axis=0)
    mean, sd = np.full(len(whole), np.nan), np.full(len(whole), np.nan)
    mean[whole] = kind.best[:, whole].mean(axis=0)
    sd[whole] = kind.best[:, whole].std(axis=0, ddof=1)
    return mean, sd


def _label(kind: SearchKind) -> str:
    count = len(kind.searches)
    return kind.tuner if count == 1 else f"{kind.tuner}, mean ± sd of {count}"


def _limit(axes: object, found: SearchComparison) -> None:
    values = np.concatenate([kind.best[np.isfinite(kind.best)] for kind in found.kinds])
    low, high = objective_range(values)
    margin = 0.08 * (high - low)
    axes.set_ylim(low - margin, high + margin)  # type: ignore[attr-defined]
