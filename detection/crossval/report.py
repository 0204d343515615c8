"""The result of a cross-validation as JSON, Markdown and one HTML page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import LabelledSet
from annotations.formats.outputs import new_file
from detection.crossval.comparison import (
    METRICS,
    CrossvalResult,
    best_overlaps,
    held_out_detections,
)
from detection.crossval.runner import held_out_pictures
from detection.crossval.views import fitted
from edge_runtime.evaluation.matching import ScoredPicture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JSON_NAME = "crossval.json"
MARKDOWN_NAME = "crossval.md"
HTML_NAME = "crossval.html"

_GALLERY = 12
_THUMBNAIL_PX = 320
_BRIGHTENING = 1.6
_GALAXY_RGB = (90, 220, 110)
_DIFFICULT_RGB = (110, 150, 255)
_FOUND_RGB = (255, 90, 70)


def write_report(labelled: LabelledSet, result: CrossvalResult, output: Path) -> list[Path]:
    """Write ``crossval.json``, ``crossval.md`` and ``crossval.html`` into the folder.

    Returns
    -------
    list of Path
        The three files.
    """
    from annotations.html_page import figure_uri, picture_uri, write_page

    files = [output / name for name in (JSON_NAME, MARKDOWN_NAME, HTML_NAME)]
    with new_file(files[0]) as partial:
        text = json.dumps(result.as_dict(), indent=2, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")
    with new_file(files[1]) as partial:
        partial.write_text(markdown(result), encoding="utf-8")
    best = max(result.families, key=lambda family: family.spread["ar1"].mean)
    gallery = [
        {"uri": picture_uri(picture), "text": text}
        for picture, text in _worst(labelled, result, output, best.family)
    ]
    write_page(
        files[2],
        "detection.crossval",
        "crossval.html",
        result=result,
        tables=[_family_table(result), _fold_table(result), *_test_tables(result)],
        chart=figure_uri(_chart(result)),
        best=best.family,
        gallery=gallery,
    )
    return files


def markdown(result: CrossvalResult) -> str:
    """The tables as Markdown."""
    settings = result.settings
    lines = [
        f"# {settings.folds}-fold cross-validation of detectors",
        "",
        _summary(result),
        "",
    ]
    for table in (_family_table(result), _fold_table(result), *_test_tables(result)):
        lines += [f"## {table['title']}", "", _row(table["head"])]
        lines.append("|" + "|".join([" --- ", *[" ---: "] * (len(table["head"]) - 1)]) + "|")
        lines += [_row(row) for row in table["rows"]]
        lines.append("")
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _summary(result: CrossvalResult) -> str:
    settings = result.settings
    return (
        f"{result.pictures} pictures with {result.galaxies} galaxies ({result.difficult} more are "
        f"difficult and count neither way); {settings.steps} steps of {settings.batch} pictures of "
        f"{settings.input_size_px} px a fold; seed {settings.seed}."
    )


def _family_table(result: CrossvalResult) -> dict[str, Any]:
    rows = [
        [
            family.family,
            *[_spread(family.spread[m].mean, family.spread[m].sd) for m in METRICS],
            f"{family.parameters / 1e6:.2f} M",
        ]
        for family in result.families
    ]
    head = ["family", *METRICS.values(), "weights"]
    return {"title": "Mean ± standard deviation over the folds", "head": head, "rows": rows}


def _fold_table(result: CrossvalResult) -> dict[str, Any]:
    rows = [
        [
            f"{family.family}, fold {fold.fold}",
            *[_number(fold.metrics[metric]) for metric in METRICS],
            str(fold.held_out_pictures),
            f"{fold.training_s:.0f} s",
        ]
        for family in result.families
        for fold in family.folds
    ]
    head = ["fold", *METRICS.values(), "held out", "training"]
    return {"title": "Folds", "head": head, "rows": rows}


def _test_tables(result: CrossvalResult) -> list[dict[str, Any]]:
    tables = []
    for test in result.comparisons:
        rows = [
            [
                f"{METRICS[metric]} over folds, corrected t-test",
                f"{t.difference:+.4f}",
                _p(t.p_value),
            ]
            for metric, t in test.over_folds.items()
        ]
        frames = test.over_frames
        rows.append(
            [
                f"overlap of the best detection, {frames.pairs} frames, Wilcoxon",
                f"{frames.difference:+.4f}",
                _p(frames.p_value),
            ]
        )
        ap50 = test.ap50
        interval = f"{ap50.difference:+.4f} ({ap50.low:+.4f} to {ap50.high:+.4f})"
        rows.append(["MAP@0.5 over all frames, bootstrap", interval, _p(ap50.p_value)])
        title = f"{test.second} against {test.first}"
        tables.append({"title": title, "head": ["figure", "difference", "p"], "rows": rows})
    return tables


def _spread(mean: float, sd: float) -> str:
    return f"{mean:.3f} ± {sd:.3f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _chart(result: CrossvalResult) -> Figure:
    """Each fold a dot, each family a column, MAP@0.5 and AR@1 side by side."""
    from matplotlib.figure import Figure

    from detection.evaluation.charts import COLOURS

    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), ("ap50", "ar1"), strict=True):
        for place, family in enumerate(result.families):
            values = [fold.metrics[metric] or 0.0 for fold in family.folds]
            offsets = np.linspace(-0.12, 0.12, len(values))
            colour = COLOURS[place % len(COLOURS)]
            axes.plot(place + offsets, values, "o", color=colour, alpha=0.7)
            spread = family.spread[metric]
            axes.errorbar(place + 0.25, spread.mean, spread.sd, fmt="_", color=colour, capsize=4)
        axes.set_xticks(range(len(result.families)), [f.family for f in result.families])
        axes.set_xlim(-0.5, len(result.families) - 0.5)
        axes.set_title(METRICS[metric], fontsize=10)
        axes.grid(axis="y", alpha=0.3)
    return figure


def _worst(
    labelled: LabelledSet, result: CrossvalResult, output: Path, family: str
) -> list[tuple[NDArray[np.uint8], str]]:
    """Frames whose best detection fits the galaxy least."""
    settings = result.settings
    scored = held_out_detections(labelled, settings, output, family)
    pictures = [
        picture
        for fold in range(1, settings.folds + 1)
        for picture in held_out_pictures(labelled, settings, fold)
    ]
    counting = [i for i, one in enumerate(scored) if (~one.difficult).any()]
    overlaps = best_overlaps(scored)
    drawn = []
    for place in np.argsort(overlaps, kind="stable")[:_GALLERY]:
        index = counting[place]
        pixels, scale = fitted(pictures[index], _THUMBNAIL_PX)
        text = f"{pictures[index].name}, overlap {overlaps[place]:.2f}"
        drawn.append((_drawn(pixels, scored[index], scale), text))
    return drawn


def _drawn(pixels: NDArray[np.uint8], scored: ScoredPicture, scale: float) -> NDArray[np.uint8]:
    bright = np.clip(pixels.astype(np.float32) * _BRIGHTENING, 0, 255).astype(np.uint8)
    found = scored.found_xyxy_px[:1]
    boxes = [
        *[
            (box, _DIFFICULT_RGB if hard else _GALAXY_RGB)
            for box, hard in zip(scored.boxes_xyxy_px, scored.difficult, strict=True)
        ],
        *[(box, _FOUND_RGB) for box in found],
    ]
    for box, colour in boxes:
        x0, y0, x1, y1 = (round(float(value) * scale) for value in box)
        cv2.rectangle(bright, (x0, y0), (x1 - 1, y1 - 1), colour, 1)
    return bright
