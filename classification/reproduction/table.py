"""The table of all rows, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from classification.reproduction.plans import Budget, RowPlan
from classification.reproduction.published import published_for
from classification.reproduction.results import RowResult, TrainedPart
from classification.reproduction.runner import Outcome

_NONE = "—"
_MAIN_HEADER = (
    "network",
    "RMSE",
    "5 classes",
    "F1",
    "Galaxy10",
    "F1",
    "elliptical",
    "parameters",
    "training",
    "epochs",
    "int8 size",
    "latency",
    "published",
)
_LEGEND = """\
RMSE is over all 37 votes, F1 the macro F1, the other scores are accuracies; all of the test
split, {test}.
Votes become classes by `classification/class_rules.py`; a network of classes has no votes, and
where it has several schemes it was trained once for each. Training is the time of all of a
row's trainings, validation included. Size is that of the first one's int8 file, latency the
median of one call with one thread in the fastest of five rounds. Scores are of the float
network, except those of the bundle's network, which are of its int8 file. — : no such answer.
{seeds}"""


def markdown(
    rows: Sequence[RowPlan],
    outcomes: Sequence[Outcome],
    budget: Budget,
    seeds: Sequence[int],
    command: str,
) -> str:
    """The whole document.

    Parameters
    ----------
    rows : sequence of RowPlan
        In the order of the table.
    outcomes : sequence of Outcome
    budget : Budget
    seeds : sequence of int
    command : str
        That made it.
    """
    found = [outcome.result for outcome in outcomes if outcome.result is not None]
    lines = [
        "# Classifiers side by side",
        "",
        f"Made by `{command}`{_where(found)}.",
        "",
        _row(_MAIN_HEADER),
        _row(["---"] * len(_MAIN_HEADER)),
    ]
    lines += [_row(_cells(row, [o for o in outcomes if o.row == row.name], seeds)) for row in rows]
    several = f"Mean ± sd over the seeds {', '.join(map(str, seeds))}." if len(seeds) > 1 else ""
    lines += ["", _LEGEND.format(test=_test_rows(found), seeds=several).strip()]
    lines += _published_section(rows)
    lines += _quantised_section(rows, outcomes)
    lines += _shortened_section(rows, outcomes, budget)
    lines += _failures_section(outcomes)
    return "\n".join(lines) + "\n"


def as_dict(
    outcomes: Sequence[Outcome], budget: Budget, seeds: Sequence[int], command: str
) -> dict[str, Any]:
    """Everything, for JSON."""
    return {
        "command": command,
        "budget": str(budget),
        "seeds": list(seeds),
        "rows": [
            {
                "row": outcome.row,
                "seed": outcome.seed,
                "error": outcome.error or None,
                "figures": None if outcome.result is None else asdict(outcome.result.figures),
                "result": None if outcome.result is None else asdict(outcome.result),
                "published": [asdict(each) for each in published_for(outcome.row)],
            }
            for outcome in outcomes
        ],
    }


def _cells(row: RowPlan, outcomes: Sequence[Outcome], seeds: Sequence[int]) -> list[str]:
    results = [outcome.result for outcome in outcomes if outcome.result is not None]
    published = "; ".join(f"{each.value:g}" for each in published_for(row.name))
    title = row.title
    if any(part.shortened for result in results for part in result.parts):
        title += " ⏱"
    if not results:
        return [title, *["failed" if outcomes else _NONE], *[_NONE] * 10, published or _NONE]
    if len(results) < len(outcomes):
        title += f" ({len(results)} of {len(seeds)} seeds)"

    def figure(name: str, digits: int = 3) -> str:
        return _spread([getattr(result.figures, name) for result in results], f"{{:.{digits}f}}")

    def of_first(value: Callable[[TrainedPart], float | None], text: str) -> str:
        return _spread([value(result.parts[0]) for result in results], text, spread=False)

    size = of_first(lambda part: _per(part.size_bytes, 1e3), "{:,.0f} kB")
    if any(part.precision == "dynamic range" for result in results for part in result.parts[:1]):
        size += " (dynamic range)"
    return [
        title,
        figure("rmse", 4),
        figure("class5_accuracy"),
        figure("class5_macro_f1"),
        figure("galaxy10_accuracy"),
        figure("galaxy10_macro_f1"),
        figure("elliptical_accuracy"),
        of_first(lambda part: part.parameters, "{:,.0f}"),
        _spread([result.training_s for result in results], "{:.0f} s", spread=False),
        " + ".join(
            _spread([result.parts[i].epochs for result in results], "{:.0f}", spread=False)
            for i in range(len(results[0].parts))
        ),
        size,
        of_first(lambda part: part.latency_ms, "{:.2f} ms"),
        published or _NONE,
    ]


def _published_section(rows: Sequence[RowPlan]) -> list[str]:
    numbers = [each for row in rows for each in published_for(row.name)]
    if not numbers:
        return []
    return [
        "",
        "## Published numbers",
        "",
        _row(("row", "published", "value", "trained on")),
        _row(["---"] * 4),
        *(_row((each.row, each.what, f"{each.value:g}", each.data)) for each in numbers),
    ]


def _quantised_section(rows: Sequence[RowPlan], outcomes: Sequence[Outcome]) -> list[str]:
    lines = []
    for row in rows:
        results = [o.result for o in outcomes if o.row == row.name and o.result is not None]
        for i in range(len(results[0].parts) if results else 0):
            parts = [result.parts[i] for result in results]
            if not any(part.precision for part in parts) or parts[0].same_answer is None:
                continue
            lines.append(_row(_quantised_cells(row, parts)))
    if not lines:
        return []
    header = (
        "network", "trained for", "file", "RMSE", "5 classes", "Galaxy10", "elliptical",
        "same answer", "million multiply-adds", "latency p95",
    )  # fmt: skip
    return [
        "",
        "## Quantised files",
        "",
        "Scores of the exported file, and how often it gives the answer of the float network.",
        "",
        _row(header),
        _row(["---"] * len(header)),
        *lines,
    ]


def _quantised_cells(row: RowPlan, parts: Sequence[TrainedPart]) -> list[str]:
    def figure(name: str, text: str) -> str:
        return _spread([getattr(part.int8_figures, name) for part in parts], text)

    notes = {note for part in parts for note in (part.notes, part.reason) if note}
    file = ", ".join(sorted({part.precision for part in parts}))
    return [
        row.title,
        parts[0].target,
        f"{file} ({'; '.join(sorted(notes))})" if notes else file,
        figure("rmse", "{:.4f}"),
        figure("class5_accuracy", "{:.3f}"),
        figure("galaxy10_accuracy", "{:.3f}"),
        figure("elliptical_accuracy", "{:.3f}"),
        _spread([part.same_answer for part in parts], "{:.3f}"),
        _spread([_per(part.multiply_adds, 1e6) for part in parts], "{:.1f}", spread=False),
        _spread([part.latency_p95_ms for part in parts], "{:.2f} ms", spread=False),
    ]


def _shortened_section(
    rows: Sequence[RowPlan], outcomes: Sequence[Outcome], budget: Budget
) -> list[str]:
    lines = []
    for row in rows:
        told: dict[str, list[str]] = {}
        for outcome in outcomes:
            if outcome.row != row.name or outcome.result is None:
                continue
            for part in outcome.result.parts:
                if part.shortened:
                    what = f"{part.target}: {', '.join(part.shortened)}"
                    told.setdefault(what, []).append(str(outcome.seed))
        lines += [f"- {row.title}, {what}" for what in told]
    if not lines:
        return []
    return ["", f"## What is shortened (⏱) in the {budget} table", "", *lines]


def _failures_section(outcomes: Sequence[Outcome]) -> list[str]:
    failed = [outcome for outcome in outcomes if outcome.result is None]
    if not failed:
        return []
    return [
        "",
        "## Failed",
        "",
        *(f"- {outcome.row}, seed {outcome.seed}: {outcome.error}" for outcome in failed),
    ]


def _where(results: Sequence[RowResult]) -> str:
    if not results:
        return ""
    environment = results[0].environment
    names = ("keras", "tensorflow", "ai-edge-litert")
    versions = ", ".join(f"{name} {environment[name]}" for name in names if name in environment)
    return f" on {environment['processor']} with {versions}"


def _test_rows(results: Sequence[RowResult]) -> str:
    if not results:
        return "no rows"
    counts = results[0].test_pictures
    named = {
        "votes": "galaxies with votes",
        "class5": "with one of five classes",
        "galaxy10": "with a Galaxy10 class",
        "elliptical": "elliptical or other",
    }
    return ", ".join(f"{counts[key]} {text}" for key, text in named.items() if key in counts)


def _spread(values: Sequence[float | None], text: str, *, spread: bool = True) -> str:
    known = [float(value) for value in values if value is not None and np.isfinite(value)]
    if not known:
        return _NONE
    mean = text.format(float(np.mean(known)))
    if len(known) < 2 or not spread:
        return mean
    return f"{mean} ± {text.format(float(np.std(known, ddof=1)))}"


def _per(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
