"""A labelled set as an HTML page: numbers, charts, problems, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import LabelledPicture, LabelledSet
from annotations.formats.problems import Problem, errors_of
from annotations.html_page import figure_uri, picture_uri, write_page
from annotations.inspection import Histogram, Summary

PICTURES_SHOWN = 36
PROBLEMS_SHOWN = 500
_LONGEST_SIDE_PX = 420
# Colour-blind safe (Okabe and Ito 2008), RGB, light enough for a dark sky.
_COLOURS = ((230, 159, 0), (86, 180, 233), (0, 190, 140), (240, 228, 66), (213, 94, 0))
_DIFFICULT_RGB = (190, 190, 190)


def write_inspection_page(
    path: Path,
    source: Path,
    labelled: LabelledSet,
    summary: Summary,
    problems: Sequence[Problem],
    *,
    pictures_shown: int = PICTURES_SHOWN,
) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
        HTML file.
    source : Path
        Where the set comes from.
    labelled : LabelledSet
    summary : Summary
    problems : sequence of Problem
    pictures_shown : int
        Most pictures on the page, spread evenly over the set.
    """
    shown = spread(labelled.pictures, pictures_shown)
    write_page(
        path,
        "annotations",
        "inspection.html",
        source=str(source),
        summary=summary,
        charts=[(each.title, _chart(each)) for each in summary.histograms if summary.boxes],
        problems=list(problems[:PROBLEMS_SHOWN]),
        problem_count=len(problems),
        error_count=len(errors_of(problems)),
        pictures=[
            {
                "uri": picture_uri(draw_boxes(picture, labelled.labels)),
                "name": picture.name,
                "group": picture.group,
                "size": f"{picture.width_px} × {picture.height_px}",
                "boxes": len(picture.boxes),
            }
            for picture in shown
        ],
        colours=[
            (label, f"rgb{_COLOURS[index % len(_COLOURS)]}")
            for index, label in enumerate(labelled.labels)
        ],
    )


def spread(pictures: Sequence[LabelledPicture], most: int) -> list[LabelledPicture]:
    """Pick pictures evenly over a set; those with boxes go before empty ones."""
    marked = [picture for picture in pictures if picture.boxes]
    empty = [picture for picture in pictures if not picture.boxes]
    chosen = []
    for held in (marked, empty):
        count = min(len(held), most - len(chosen))
        chosen += [held[index * len(held) // count] for index in range(count)]
    return chosen


def draw_boxes(picture: LabelledPicture, labels: Sequence[str]) -> NDArray[np.uint8]:
    """Draw a picture's boxes into a small copy of it.

    Parameters
    ----------
    picture : LabelledPicture
    labels : sequence of str
        A label's place tells its colour; difficult boxes are grey.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8, RGB
        Dark grey where the picture cannot be decoded.
    """
    scale = min(1.0, _LONGEST_SIDE_PX / max(picture.width_px, picture.height_px))
    size = (max(1, round(picture.width_px * scale)), max(1, round(picture.height_px * scale)))
    data = np.frombuffer(picture.encoded(), dtype=np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if decoded is None:
        small = np.full((size[1], size[0], 3), 60, dtype=np.uint8)
    else:
        small = cv2.resize(
            cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), size, interpolation=cv2.INTER_AREA
        )
    for box in picture.boxes:
        colour = _COLOURS[labels.index(box.label) % len(_COLOURS)]
        x0, y0, x1, y1 = (round(edge * scale) for edge in box.xyxy_px)
        for shade, line_px in (((0, 0, 0), 4), (_DIFFICULT_RGB if box.difficult else colour, 2)):
            cv2.rectangle(small, (x0, y0), (x1, y1), shade, line_px)
    return np.asarray(small, dtype=np.uint8)


def _chart(histogram: Histogram) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 2.8))
    axes = figure.subplots()
    bars = axes.bar(range(len(histogram.counts)), histogram.counts, color="#0072b2")
    axes.bar_label(bars, fontsize=8)
    axes.set_xticks(
        range(len(histogram.counts)), histogram.names, rotation=40, ha="right", fontsize=8
    )
    axes.set_xlabel(histogram.title)
    axes.set_ylabel("boxes")
    axes.spines[["top", "right"]].set_visible(False)
    return figure_uri(figure)
