"""Charts of a search; colours and line styles told apart with any colour vision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from classification.reports.charts import COLOURS, axes_of, legend_above
from tuning.objective import lower_is_better, signed
from tuning.pareto import front
from tuning.record import SearchRecord, TrialRecord
from tuning.report.axes import UNUSED_PLACE, ParameterAxis
from tuning.report.importance import Importance
from tuning.report.progress import best_so_far
from tuning.trials.result import TrialResult

_COLOUR_MAP = "cividis"
_FAILED = "#B0B0B0"
_SPREAD = 0.018  # of trials of one value, so that their lines can be told apart
_METRIC_TITLES = {
    "accuracy": "accuracy, five classes",
    "macro_f1": "macro F1, five classes",
    "rmse": "RMSE of the votes",
    "recall_iou30": "recall at IoU 0.3",
    "ap50": "average precision at IoU 0.5",
}


def metric_title(name: str) -> str:
    """A metric's name for people."""
    return _METRIC_TITLES.get(name, name.replace("_", " "))


def parallel_chart(record: SearchRecord) -> Figure:
    """A line for each trial through its values, coloured by its objective."""
    axes_of_values = [ParameterAxis(one) for one in record.space.parameters]
    figure = Figure(figsize=(max(8.0, 1.35 * len(axes_of_values) + 3.0), 4.6), layout="constrained")
    axes = figure.add_subplot()
    colours = _objective_colours(record)
    at = np.arange(len(axes_of_values) + 1)
    rng = np.random.default_rng(0)
    jitter = rng.uniform(-_SPREAD, _SPREAD, (len(record.trials), len(axes_of_values)))
    best = record.best
    drawn = sorted(zip(record.trials, jitter, strict=True), key=lambda pair: _order(pair[0]))
    for trial, moved in drawn:
        places = np.array([axis.place(trial.values) for axis in axes_of_values])
        apart = np.array([axis.listed for axis in axes_of_values]) | (places == UNUSED_PLACE)
        places = places + np.where(apart, moved, 0.0)
        if trial.objective is None:
            axes.plot(at[:-1], places, color=_FAILED, linewidth=0.9, linestyle=":", zorder=1)
            continue
        line = [*places, float(np.clip(colours.norm(trial.objective), 0.0, 1.0))]
        if trial is best:
            axes.plot(at, line, color="black", linewidth=4.2, zorder=4, label="winner")
        axes.plot(
            at,
            line,
            color=colours.to_rgba(trial.objective),
            linewidth=2.2 if trial is best else 1.3,
            alpha=1.0 if trial is best else 0.85,
            zorder=5 if trial is best else 2,
        )
    for place, axis in enumerate(axes_of_values):
        axes.plot([place, place], [0, 1], color="#333333", linewidth=1, zorder=3)
        _tick_labels(axes, place, axis.ticks())
    axes.plot([at[-1], at[-1]], [0, 1], color="#333333", linewidth=1, zorder=3)
    names = [axis.parameter.name.replace("_", "\n") for axis in axes_of_values]
    axes.set_xticks(at, [*names, "objective"], fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_ylim(UNUSED_PLACE - 0.06, 1.06)
    axes.set_xlim(-0.55, at[-1] + 0.15)
    if any(trial.objective is not None for trial in record.trials):
        bar = figure.colorbar(colours, ax=axes, pad=0.01, aspect=30, extend="min")
        bar.set_label("objective, more is better")
    return figure


def _order(trial: TrialRecord) -> float:
    """Better trials are drawn over worse ones."""
    return -np.inf if trial.objective is None else trial.objective


def _tick_labels(axes: Axes, place: float, ticks: list[tuple[float, str]]) -> None:
    for height, label in ticks:
        axes.plot([place - 0.03, place], [height, height], color="#333333", linewidth=0.8, zorder=3)
        axes.text(
            place - 0.05,
            height,
            label,
            ha="right",
            va="center",
            fontsize=7.5,
            zorder=6,
            color="#666666" if height == UNUSED_PLACE else "black",
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6},
        )


def _objective_colours(record: SearchRecord) -> ScalarMappable:
    """Colours from the worst to the best objective, far outliers below left out."""
    values = objective_values(record.trials)
    low, high = objective_range(values)
    return ScalarMappable(Normalize(low, high), colormaps[_COLOUR_MAP])


def objective_values(trials: Sequence[TrialRecord]) -> NDArray[np.float64]:
    """Objectives of the trials that have one."""
    return np.array([t.objective for t in trials if t.objective is not None], np.float64)


def objective_range(values: NDArray[np.float64]) -> tuple[float, float]:
    """Range to draw objectives in: one far below the others may lie outside.

    The foot is the lowest value that is no further below the lower quartile
    than 1.5 times the distance of the quartiles (Tukey 1977).
    """
    if not len(values):
        return 0.0, 1.0
    lower, upper = np.percentile(values, [25, 75])
    kept = values[values >= lower - 1.5 * (upper - lower)]
    low, high = float(kept.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def importance_chart(found: Importance) -> Figure:
    """A bar for each parameter, with its spread."""
    shown = found.parameters[::-1]
    figure = Figure(figsize=(6.4, 0.42 * len(shown) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(
        [one.name for one in shown],
        [one.mean for one in shown],
        xerr=[one.sd for one in shown],
        color=[COLOURS[0] if one.told_from_none else "#A8BFD0" for one in shown],
        ecolor="#444444",
        capsize=3,
    )
    axes.axvline(0.0, color="#333333", linewidth=0.8)
    axes.set_xlabel("rise of the squared error, in variances of the objective")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def progress_chart(record: SearchRecord) -> Figure:
    """Objective of each trial, and the best so far."""
    figure, axes = axes_of("trial", "objective, more is better")
    figure.set_size_inches(7.2, 3.6)
    objectives = [trial.objective for trial in record.trials]
    number = np.arange(1, len(objectives) + 1)
    low, high = objective_range(objective_values(record.trials))
    margin = 0.06 * (high - low)
    known = np.array([each is not None for each in objectives])
    values = np.array([np.nan if each is None else each for each in objectives])
    inside = known & (values >= low)
    axes.plot(number[inside], values[inside], "o", color=COLOURS[5], label="trial")
    below = known & (values < low)
    if below.any():
        axes.plot(
            number[below], np.full(below.sum(), low - margin), "v", color=COLOURS[5], label="lower"
        )
    failed = np.array([trial.failure is not None for trial in record.trials])
    if failed.any():
        axes.plot(
            number[failed], np.full(failed.sum(), low - margin), "x", color=COLOURS[1],
            label="failed",
        )  # fmt: skip
    axes.step(
        number, best_so_far(objectives), where="post", color=COLOURS[0], linewidth=2,
        label="best so far",
    )  # fmt: skip
    axes.set_ylim(low - 2 * margin, high + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(axes)
    return figure


def pareto_chart(record: SearchRecord) -> Figure:
    """The metric against latency and size: what nothing beats, and the limits."""
    completed = [trial for trial in record.completed if trial.result is not None]
    results = [trial.result for trial in completed if trial.result is not None]
    metric, settings = record.config.metric, record.config
    kept = set(front(results, metric))
    values = np.array([result.metrics[metric] for result in results])
    figure = Figure(figsize=(10.4, 4.2), layout="constrained")
    panels = (
        ("latency_ms", "latency of one call (ms)", settings.max_latency_ms),
        ("size_kb", "size of the file (KiB)", settings.max_size_kb),
    )
    sides = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    for axes, (cost, title, limit) in zip(sides, panels, strict=True):
        costs = np.array([getattr(result, cost) for result in results])
        on_front = np.array([i in kept for i in range(len(results))], dtype=bool)
        axes.plot(costs[~on_front], values[~on_front], "o", color="#B8B8B8", label="beaten")
        line = list(front(results, metric, (cost,)))
        axes.step(
            costs[line],
            values[line],
            where="post",
            color=COLOURS[0],
            linewidth=1,
            linestyle="--",
            label="best for this cost",
        )
        axes.plot(costs[on_front], values[on_front], "o", color=COLOURS[0], label="Pareto front")
        for i in np.flatnonzero(on_front):
            axes.annotate(
                completed[i].id, (costs[i], values[i]), fontsize=7, xytext=(4, 4),
                textcoords="offset points",
            )  # fmt: skip
        for i, trial in enumerate(completed):
            if record.best is not None and trial.id == record.best.id:
                axes.plot(
                    costs[i], values[i], "*", markersize=16, color=COLOURS[4],
                    markeredgecolor="black", label="winner",
                )  # fmt: skip
        if limit is not None:
            axes.axvline(limit, color=COLOURS[1], linewidth=1.4, label="limit")
            right = max(axes.get_xlim()[1], 1.05 * limit)
            axes.axvspan(limit, right, color=COLOURS[1], alpha=0.08)
            axes.set_xlim(right=right)
        axes.set_xlabel(title)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    low, high = objective_range(np.array([signed(metric, result) for result in results]))
    margin = 0.08 * (high - low)
    bottom, top = low - margin, high + margin
    if lower_is_better(metric):
        sides[0].set_ylabel(f"{metric_title(metric)} (less is better, upwards)")
        sides[0].set_ylim(-bottom, -top)
    else:
        sides[0].set_ylabel(metric_title(metric))
        sides[0].set_ylim(bottom, top)
    handles: dict[str, object] = {}
    for axes in sides:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        list(handles.values()), list(handles), loc="outside upper center", ncols=6, fontsize=8,
        frameon=False,
    )  # fmt: skip
    return figure


def left_out(record: SearchRecord) -> int:
    """Trials whose metric lies below the Pareto charts."""
    results: list[TrialResult] = [t.result for t in record.completed if t.result is not None]
    values = np.array([signed(record.config.metric, result) for result in results])
    low, high = objective_range(values)
    return int((values < low - 0.08 * (high - low)).sum())
