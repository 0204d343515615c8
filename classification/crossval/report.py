"""The result of a cross-validation as JSON, Markdown and one HTML page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from annotations.formats.outputs import new_file
from classification.crossval.comparison import RMSE, CrossvalResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JSON_NAME = "crossval.json"
MARKDOWN_NAME = "crossval.md"
HTML_NAME = "crossval.html"

_MOST_CHARTS = 4


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page; its first column names the rows."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_report(result: CrossvalResult, output: Path) -> list[Path]:
    """Write ``crossval.json``, ``crossval.md`` and ``crossval.html`` into the folder.

    Returns
    -------
    list of Path
        The three files.
    """
    from annotations.html_page import figure_uri, write_page

    files = [output / name for name in (JSON_NAME, MARKDOWN_NAME, HTML_NAME)]
    with new_file(files[0]) as partial:
        text = json.dumps(result.as_dict(), indent=2, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")
    with new_file(files[1]) as partial:
        partial.write_text(markdown(result), encoding="utf-8")
    write_page(
        files[2],
        "classification.crossval",
        "crossval.html",
        result=result,
        summary=summary(result),
        tables=tables(result),
        chart=figure_uri(_chart(result)),
    )
    return files


def markdown(result: CrossvalResult) -> str:
    """The tables as Markdown."""
    lines = [
        f"# {result.settings.folds}-fold cross-validation of classifiers",
        "",
        summary(result),
        "",
    ]
    for table in tables(result):
        lines += [f"## {table.title}", "", _row(table.head)]
        lines.append("|" + "|".join([" --- ", *[" ---: "] * (len(table.head) - 1)]) + "|")
        lines += [_row(row) for row in table.rows]
        lines.append("")
    return "\n".join(lines)


def summary(result: CrossvalResult) -> str:
    """What was done, in a sentence."""
    settings = result.settings
    words = [f"{result.galaxies} galaxies of {result.data}"]
    words.append("with those of test" if settings.everything else "without those of test")
    if result.copies:
        words.append(f"{result.copies} of them copies that share a fold with their original")
    if settings.epochs is not None:
        words.append(f"at most {settings.epochs} epochs a training")
    if settings.limit is not None:
        words.append(f"{settings.limit} training pictures")
    if settings.turned_views > 1:
        words.append(f"predictions averaged over {settings.turned_views} views")
    return "; ".join([*words, f"seed {settings.seed}"]) + "."


def tables(result: CrossvalResult) -> list[Table]:
    """All tables in their order."""
    return [
        _preset_table(result),
        *_test_tables(result),
        *_fold_tables(result),
        *_count_tables(result),
    ]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _figure_names(result: CrossvalResult) -> list[str]:
    return list(dict.fromkeys(name for preset in result.presets for name in preset.spread))


def _preset_table(result: CrossvalResult) -> Table:
    names = _figure_names(result)
    rows = []
    for preset in result.presets:
        spreads = [preset.spread.get(name) for name in names]
        cells = [
            "–" if spread is None else f"{spread.mean:.4f} ± {spread.sd:.4f}" for spread in spreads
        ]
        rows.append((preset.preset, *cells, f"{preset.parameters:,}"))
    return Table(
        "Mean ± standard deviation over the folds",
        ("preset", *[_title(name) for name in names], "parameters"),
        tuple(rows),
    )


def _fold_tables(result: CrossvalResult) -> list[Table]:
    found = []
    for preset in result.presets:
        names = list(preset.spread)
        rows = [
            (
                str(fold.fold),
                *[f"{fold.figures[name]:.4f}" for name in names],
                str(fold.training_galaxies),
                str(fold.held_out_galaxies),
                str(fold.epochs),
                f"{fold.training_s:.0f} s",
            )
            for fold in preset.folds
        ]
        head = ("fold", *map(_title, names), "trained on", "held out", "epochs", "time")
        found.append(Table(f"Folds of {preset.preset}", head, tuple(rows)))
    return found


def _test_tables(result: CrossvalResult) -> list[Table]:
    found = []
    for comparison in result.comparisons:
        rows = []
        for name, test in comparison.over_galaxies.items():
            rows.append(
                (
                    f"{name}, {test.pairs} galaxies, Wilcoxon",
                    f"{test.difference:+.5f}",
                    _p(test.p_value),
                )
            )
        for name, tests in comparison.over_folds.items():
            title = f"{_title(name)}, {tests.t_test.pairs} folds"
            difference = f"{tests.t_test.difference:+.5f}"
            rows.append((f"{title}, corrected t-test", difference, _p(tests.t_test.p_value)))
            rows.append((f"{title}, Wilcoxon", difference, _p(tests.wilcoxon.p_value)))
        found.append(
            Table(
                f"{comparison.second} against {comparison.first}",
                ("figure", "difference", "p"),
                tuple(rows),
            )
        )
    return found


def _count_tables(result: CrossvalResult) -> list[Table]:
    found = []
    for scheme, counts in result.class_counts.items():
        head = ("class", *[f"fold {fold + 1}" for fold in range(len(counts))], "all")
        rows = []
        for name in counts[0]:
            of_folds = [fold[name] for fold in counts]
            rows.append((name, *map(str, of_folds), str(sum(of_folds))))
        found.append(Table(f"Held-out galaxies of each class: {scheme}", head, tuple(rows)))
    return found


def _title(name: str) -> str:
    return "RMSE of the votes" if name == RMSE else name


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _chart(result: CrossvalResult) -> Figure:
    """Each fold a dot, each preset a column, a chart for each figure."""
    from matplotlib.figure import Figure

    from classification.reports.charts import COLOURS

    names = [name for name in _figure_names(result) if not name.endswith("log-loss")]
    names = names[:_MOST_CHARTS] or _figure_names(result)[:1]
    figure = Figure(figsize=(2.6 * len(names) + 1.0, 3.2), layout="constrained")
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        for place, preset in enumerate(result.presets):
            spread = preset.spread.get(name)
            if spread is None:
                continue
            values = [fold.figures[name] for fold in preset.folds]
            offsets = np.linspace(-0.12, 0.12, len(values))
            colour = COLOURS[place % len(COLOURS)]
            axes.plot(place + offsets, values, "o", color=colour, alpha=0.7)
            axes.errorbar(place + 0.25, spread.mean, spread.sd, fmt="_", color=colour, capsize=4)
        axes.set_xticks(
            range(len(result.presets)), [p.preset for p in result.presets], rotation=30, ha="right"
        )
        axes.set_xlim(-0.5, len(result.presets) - 0.5)
        axes.set_title(_title(name), fontsize=10)
        axes.grid(axis="y", alpha=0.3)
    return figure
