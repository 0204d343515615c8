"""Charts of a set of galaxies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import AnnotationError
from annotations.galaxies.dataset import ClassLabels
from annotations.galaxy_inspection import SchemeBalance
from annotations.html_page import figure_uri
from edge_runtime.decision_tree import ANSWER_NAMES, COLUMN_INDEX, QUESTIONS, VOTE_COLUMNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colour-blind safe (Okabe and Ito 2008).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")
DEFAULT_PAIRS = ("Class1.1", "Class2.1", "Class4.1", "Class6.1", "Class7.1")
MOST_PAIRS = 8
_BINS = 40
_CHARTS_ABREAST = 4
_NEAR_ZERO_BINS = 4
_MOST_OVER_REST = 4
_CURVE_POINTS = 201
_MOST_POINTS = 4000


def parse_pairs(text: str) -> tuple[str, ...]:
    """Read names of votes, as ``Class1.1,Class2.1``.

    Raises
    ------
    AnnotationError
        One is unknown or named twice, or there are too few or too many.
    """
    columns = tuple(name.strip() for name in text.split(","))
    strange = [name for name in columns if name not in COLUMN_INDEX]
    if strange:
        raise AnnotationError(
            f"unknown vote {strange[0]!r}; known are {VOTE_COLUMNS[0]} to {VOTE_COLUMNS[-1]}"
        )
    if len(set(columns)) != len(columns) or not 2 <= len(columns) <= MOST_PAIRS:
        raise AnnotationError(f"{text!r}: name 2 to {MOST_PAIRS} different votes")
    return columns


def balance_chart(scheme: SchemeBalance, splits: Sequence[str]) -> str:
    """Bars of the classes of a scheme, one part for each split, as a data URI."""
    from matplotlib.figure import Figure

    labels = list(scheme.counts)
    figure = Figure(figsize=(6, 0.7 + 0.3 * len(labels)))
    axes = figure.subplots()
    start = np.zeros(len(labels))
    for split, colour in zip(splits, COLOURS, strict=False):
        counts = np.array([scheme.counts[label][split] for label in labels])
        bars = axes.barh(labels, counts, left=start, color=colour, label=split)
        start += counts
    axes.bar_label(bars, labels=[f"{total:.0f}" for total in start], padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("galaxies")
    axes.tick_params(labelsize=8)
    _bare(axes)
    if len(splits) > 1:
        axes.legend(fontsize=8, frameon=False)
    return figure_uri(figure)


def vote_charts(votes: NDArray[np.floating]) -> list[tuple[str, str]]:
    """Histograms of the votes with their density, one figure for each question.

    Parameters
    ----------
    votes : ndarray, shape (N, 37)
        Without NaN.

    Returns
    -------
    list of (str, str)
        Question and data URI.
    """
    from matplotlib.figure import Figure

    charts = []
    for question in QUESTIONS:
        columns = question.columns
        high, wide = -(-len(columns) // _CHARTS_ABREAST), min(_CHARTS_ABREAST, len(columns))
        figure = Figure(figsize=(3.0 * wide, 2.1 * high))
        spaces = {"wspace": 0.1, "hspace": 0.55}
        grid = figure.subplots(high, wide, squeeze=False, gridspec_kw=spaces)
        for axes, column in zip(grid.flat, columns, strict=False):
            _histogram(axes, votes[:, COLUMN_INDEX[column]], column)
        for axes in grid.flat[len(columns) :]:
            axes.set_visible(False)
        charts.append((f"{question.number}. {question.text}", figure_uri(figure)))
    return charts


def correlation_chart(correlation: NDArray[np.float64]) -> str:
    """Heat map of the correlation of all votes, as a data URI."""
    from matplotlib.figure import Figure

    names = [
        f"{column.removeprefix('Class')} {answer}"
        for column, answer in zip(VOTE_COLUMNS, ANSWER_NAMES, strict=True)
    ]
    figure = Figure(figsize=(9.5, 8.5))
    axes = figure.subplots()
    axes.set_facecolor("#dddddd")  # where a vote never changes
    image = axes.imshow(correlation, cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    start = 0
    for question in QUESTIONS[:-1]:
        start += len(question.answers)
        axes.axhline(start - 0.5, color="#555555", linewidth=0.4)
        axes.axvline(start - 0.5, color="#555555", linewidth=0.4)
    figure.colorbar(image, shrink=0.7, label="Pearson's correlation")
    return figure_uri(figure)


def pair_chart(
    votes: NDArray[np.floating], columns: Sequence[str], classes: ClassLabels | None, seed: int = 0
) -> str:
    """Every chosen vote against every other, as a data URI.

    Parameters
    ----------
    votes : ndarray, shape (N, 37)
        Without NaN. Of more than 4,000 galaxies a random part is drawn.
    columns : sequence of str
    classes : ClassLabels, optional
        Of the same galaxies, for the colours.
    seed : int
        Of the random part.
    """
    from matplotlib.figure import Figure

    count = len(columns)
    rows = np.arange(len(votes))
    if len(rows) > _MOST_POINTS:
        rows = np.random.default_rng(seed).choice(rows, _MOST_POINTS, replace=False)
    values = votes[np.ix_(rows, [COLUMN_INDEX[column] for column in columns])]
    colours = _colours(classes, rows)
    figure = Figure(figsize=(2.0 * count, 2.0 * count), dpi=80)
    grid = figure.subplots(
        count, count, squeeze=False, sharex="col", gridspec_kw={"wspace": 0.2, "hspace": 0.1}
    )
    for i in range(count):
        for j in range(count):
            axes = grid[i, j]
            if i == j:
                column = COLUMN_INDEX[columns[i]]
                _histogram(axes, votes[:, column], columns[i], titled=False)
            elif i > j:
                axes.scatter(
                    values[:, j],
                    values[:, i],
                    s=3,
                    c=colours,
                    alpha=0.5,
                    linewidths=0,
                    rasterized=True,
                )
                axes.set_ylim(-0.03, 1.03)
            else:
                axes.set_visible(False)
            axes.set_xlim(-0.03, 1.03)
            axes.tick_params(labelsize=7)
            if i == count - 1:
                axes.set_xlabel(_short(columns[j]), fontsize=8)
            if j == 0 and i:
                axes.set_ylabel(_short(columns[i]), fontsize=8)
    _legend(figure, classes)
    return figure_uri(figure)


def density(values: NDArray[np.floating], at: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Density of votes by Gaussian kernels, folded back at 0 and 1.

    The values are counted in narrow bins first, so that the time does not grow
    with their number; the width of the kernels is Scott's.

    Parameters
    ----------
    values : ndarray, shape (N,)
        0 to 1.
    at : ndarray, shape (M,)
        Where to tell it.

    Returns
    -------
    ndarray, shape (M,), float64, or None
        Adding up to 1 over 0 to 1; None where all values are the same.
    """
    from scipy.stats import gaussian_kde

    counts, edges = np.histogram(values, bins=500, range=(0, 1))
    if np.count_nonzero(counts) < 2:
        return None
    centres = (edges[:-1] + edges[1:]) / 2
    kernels = gaussian_kde(centres, bw_method=len(values) ** -0.2, weights=counts)
    return np.asarray(kernels(at) + kernels(-at) + kernels(2 - at))


def _histogram(
    axes: Axes, values: NDArray[np.floating], column: str, *, titled: bool = True
) -> None:
    heights, edges = np.histogram(values, bins=_BINS, range=(0, 1), density=True)
    axes.stairs(heights, edges, fill=True, color="#56b4e9")
    top = float(heights.max())
    at = np.linspace(0, 1, _CURVE_POINTS)
    curve = density(values, at)
    if curve is not None:
        axes.plot(at, curve, color="#0b3c5d", linewidth=1)
        rest = float(heights[_NEAR_ZERO_BINS:].max())
        if rest > 0:
            top = min(top, _MOST_OVER_REST * rest)  # the bars at 0 would hide the rest
    axes.set_ylim(0, 1.08 * top)
    axes.set_xlim(-0.02, 1.02)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    _bare(axes)
    if titled:
        zero = float((values == 0).mean())
        axes.set_title(f"{_short(column)}\n{zero:.0%} are 0", fontsize=8)


def _short(column: str) -> str:
    return f"{column.removeprefix('Class')} {ANSWER_NAMES[COLUMN_INDEX[column]]}"


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _colours(classes: ClassLabels | None, rows: NDArray[np.intp]) -> NDArray[np.str_]:
    grey = "#999999"
    if classes is None or len(classes.names) > len(COLOURS):
        return np.full(len(rows), COLOURS[0] if classes is None else grey)
    return np.array([*COLOURS[: len(classes.names)], grey])[classes.index[rows]]


def _legend(figure: Figure, classes: ClassLabels | None) -> None:
    if classes is None or len(classes.names) > len(COLOURS):
        return
    from matplotlib.lines import Line2D

    names = [*classes.names, "no class"]
    colours = [*COLOURS[: len(classes.names)], "#999999"]
    figure.legend(
        [Line2D([], [], marker="o", linestyle="", color=colour) for colour in colours],
        names,
        loc="upper right",
        fontsize=9,
        frameon=False,
    )
