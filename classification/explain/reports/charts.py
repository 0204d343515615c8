"""Charts of how far explanations can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from classification.explain.faithfulness.curves import Curve, CurvePair
from classification.explain.faithfulness.randomisation import RandomisationCheck
from classification.explain.faithfulness.scores import REFERENCES, ScoreTable
from classification.explain.galaxy_mask import REGIONS
from classification.reports.charts import COLOURS, HATCHES, axes_of, legend_above, line_style

PANEL_PX = (300, 180)
"""Width and height of a panel of curves."""

_REFERENCE_GREY = ("#777777", "#aaaaaa")
_DASHES = ("", "7 3", "7 2 2 2", "4 2", "1.5 2.5")
_SHARE_COLOURS = (COLOURS[4], COLOURS[5], COLOURS[1], "#bbbbbb", "#e3e3e3")


@dataclass(frozen=True, slots=True)
class CurveLine:
    """Both curves of one map, as the page draws them.

    Attributes
    ----------
    name, colour, dash : str
        Dash in the units of the points.
    deletion, insertion : str
        Points of the lines: from 0 to ``PANEL_PX`` across and, downwards, up.
    """

    name: str
    colour: str
    dash: str
    deletion: str
    insertion: str


def curve_lines(curves: Mapping[str, CurvePair]) -> tuple[CurveLine, ...]:
    """Deletion and insertion of each map, ready to be drawn by the page itself.

    A page for each of hundreds of galaxies should not take a drawing library's second each.
    """
    lines = []
    for number, (name, pair) in enumerate(curves.items()):
        if name in REFERENCES:
            colour, dash = _REFERENCE_GREY[REFERENCES.index(name)], _DASHES[-1]
        else:
            colour, dash = COLOURS[number % len(COLOURS)], _DASHES[number % (len(_DASHES) - 1)]
        lines.append(CurveLine(name, colour, dash, _points(pair.deletion), _points(pair.insertion)))
    return tuple(lines)


def _points(curve: Curve) -> str:
    width, height = PANEL_PX
    x = np.linspace(0.0, width, len(curve.answers))
    y = height * (1.0 - np.clip(curve.answers, 0.0, 1.0))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def randomisation_chart(checks: Mapping[str, RandomisationCheck]) -> Figure:
    """Likeness to the trained network's maps while its weights are redrawn."""
    figure, axes = axes_of("", "absolute rank correlation")
    figure.set_size_inches(8.2, 4.2)
    first = next(iter(checks.values()))
    places = np.arange(len(first.stages) + 1)
    for number, (name, check) in enumerate(checks.items()):
        means = [check.itself.value, *(each.value for each in check.correlation)]
        values = np.array([np.nan if value is None else value for value in means])
        axes.plot(
            places,
            values,
            label=name.replace("_", " "),
            marker="o",
            markersize=4,
            **line_style(number),
        )
        for place, each in zip(places[1:], check.correlation, strict=True):
            if each.low is not None and each.high is not None:
                axes.vlines(place, each.low, each.high, color=line_style(number)["color"])
    axes.axhline(first.margin, color="#444444", linestyle=":", linewidth=1.2)
    axes.text(places[-1], first.margin, "margin", fontsize=8, va="bottom", ha="right")
    labels = ["none\n(other seed)", *(label.replace(" (", "\n(") for label in first.stages)]
    axes.set_xticks(places, labels, fontsize=7, rotation=20, ha="right")
    axes.set_xlabel("layers whose weights are redrawn")
    axes.set_ylim(0, 1.03)
    legend_above(axes)
    return figure


def placement_chart(table: ScoreTable) -> Figure:
    """Where the positive attribution of each method lies, as stacked bars."""
    names = [name for name in table.means if table.means[name]["inside"].value is not None]
    figure = Figure(figsize=(9.0, 0.42 * len(names) + 1.3), layout="constrained")
    axes = figure.add_subplot()
    left = np.zeros(len(names))
    for number, region in enumerate(REGIONS):
        key = "inside" if region == "galaxy" else region
        widths = np.array([table.means[name][key].value or 0.0 for name in names])
        bars = axes.barh(
            range(len(names)),
            widths,
            left=left,
            color=_SHARE_COLOURS[number],
            hatch=HATCHES[number % len(HATCHES)],
            edgecolor="white",
            label=region,
        )
        if number == 0:
            axes.bar_label(bars, fmt="{:.0%}", label_type="center", fontsize=8)
        left += widths
    axes.set_yticks(range(len(names)), [n.replace("_", " ") for n in names], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("part of the positive attribution")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=5, fontsize=8, frameon=False)
    return figure


def agreement_chart(agreements: Mapping[str, Sequence[float]]) -> Figure:
    """Rank correlations of two networks' maps of the same galaxies, by method."""
    figure, axes = axes_of("rank correlation of the two networks' maps", "galaxies")
    edges = np.linspace(-1, 1, 41)
    for number, (name, values) in enumerate(agreements.items()):
        known = np.array([v for v in values if np.isfinite(v)])
        axes.hist(
            known,
            edges,
            histtype="step",
            linewidth=1.8,
            label=f"{name.replace('_', ' ')}, mean {known.mean():.2f}" if len(known) else name,
            **line_style(number),
        )
    axes.legend(fontsize=8, loc="upper left")
    return figure
