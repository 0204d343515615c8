"""The report of one detector, or of two on the same frames, as one HTML file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from annotations.html_page import figure_uri, write_page
from detection.evaluation import charts
from detection.evaluation.collection import Collection, collect, empty_pictures
from detection.evaluation.figures import (
    Comparison,
    DetectorFigures,
    Estimate,
    compare,
    detector_figures,
    picture_errors,
)
from detection.evaluation.gallery import LEGEND, error_gallery
from detection.evaluation.strata import Stratum
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.coco import read_coco

MOST_GALLERY_FRAMES = 40


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of the page: title and data URI."""

    title: str
    picture: str


@dataclass(frozen=True, slots=True)
class DetectorReport:
    """What `report_detector` found.

    Attributes
    ----------
    figures : tuple of DetectorFigures
        One or two.
    comparison : Comparison or None
        The second against the first.
    """

    figures: tuple[DetectorFigures, ...]
    comparison: Comparison | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "detectors": [figures.as_dict() for figures in self.figures],
            "comparison": None if self.comparison is None else asdict(self.comparison),
        }


def report_detector(
    images: Path,
    annotations: Path,
    empty: Sequence[Path],
    output: Path,
    *,
    bundles: Sequence[Path | None] = (None,),
    score_threshold: float | None = None,
    threads: int = 2,
    most_frames: int = MOST_GALLERY_FRAMES,
    progress: Callable[[int, int], None] | None = None,
) -> DetectorReport:
    """Evaluate one or two bundles and write the page.

    Parameters
    ----------
    images : Path
        Folder of the annotated pictures.
    annotations : Path
        COCO JSON; boxes with ``difficult`` = 1 are ignored both ways.
    empty : sequence of Path
        Frames without a galaxy.
    output : Path
        HTML file.
    bundles : sequence of Path or None
        One, or two to compare; None is the shipped bundle.
    score_threshold : float, optional
        The bundle's own where not given.
    threads : int
    most_frames : int
        Frames in the gallery of errors.
    progress : callable, optional
        Called with the number of pictures done and their total.

    Raises
    ------
    GalaxyEdgeError
        The annotations or a bundle are wrong, no picture is readable, or the
        page cannot be written.
    """
    pictures = [*read_coco(annotations, images), *empty_pictures(empty)]
    total = len(pictures) * len(bundles)
    collections: list[Collection] = []
    for i, path in enumerate(bundles):
        before = i * len(pictures)

        def step(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, total)

        collected = collect(load_bundle(path), pictures, threads=threads, progress=step)
        if score_threshold is not None:
            collected = collected.at_threshold(score_threshold)
        collections.append(collected)
    return write_report(output, collections, most_frames=most_frames)


def write_report(
    output: Path,
    collections: Sequence[Collection],
    *,
    most_frames: int = MOST_GALLERY_FRAMES,
) -> DetectorReport:
    """Write the page about one or two collections of the same frames.

    Raises
    ------
    GalaxyEdgeError
        There are more than two collections, they have no frame with a galaxy,
        or the page cannot be written.
    """
    if not 1 <= len(collections) <= 2:
        raise GalaxyEdgeError(f"a report is of one detector or two, not {len(collections)}")
    if not collections[0].with_galaxies:
        raise GalaxyEdgeError("a report needs at least one frame with a galaxy")
    figures = tuple(detector_figures(collection) for collection in collections)
    comparison = compare(*collections) if len(collections) == 2 else None
    write_page(
        output,
        "detection.evaluation",
        "detector_report.html",
        figures=figures,
        comparison=comparison,
        rules=[collection.rule for collection in collections],
        charts=_charts(collections, figures),
        strata=_strata_tables(figures),
        legend=LEGEND,
        galleries=[
            error_gallery(collection, picture_errors(collection), most_frames)
            for collection in collections
        ],
        estimate=_estimate_text,
        number=_number_text,
        up=_rounded_up,
    )
    return DetectorReport(figures, comparison)


def _charts(collections: Sequence[Collection], figures: Sequence[DetectorFigures]) -> list[Chart]:
    names = _short_names(figures)
    drawn = [
        ("Recall against threshold", charts.recall_chart(collections, names)),
        ("Precision against threshold", charts.precision_chart(collections, names)),
    ]
    if figures[0].empty_frames:
        drawn += [
            ("False positives against threshold", charts.false_positive_chart(collections, names)),
            ("Recall against false positives", charts.froc_chart(collections, names)),
        ]
    for title, axis, strata in _strata(figures):
        labels = [_interval_text(row) for row in strata[0]]
        drawn.append((title, charts.strata_chart(strata, names, labels, axis)))
    return [Chart(title, figure_uri(figure)) for title, figure in drawn]


def _strata(
    figures: Sequence[DetectorFigures],
) -> list[tuple[str, str, list[tuple[Stratum, ...]]]]:
    return [
        ("Recall by size", "side of the box, px", [f.by_size for f in figures]),
        (
            "Recall by size in the frame",
            "side of the box over that of the frame",
            [f.by_relative_size for f in figures],
        ),
        (
            "Recall by surface brightness",
            "mean level above the sky, deviations",
            [f.by_brightness for f in figures],
        ),
    ]


def _strata_tables(figures: Sequence[DetectorFigures]) -> list[dict[str, Any]]:
    return [
        {
            "title": title,
            "axis": axis,
            "rows": [
                {
                    "interval": _interval_text(rows[0]),
                    "galaxies": rows[0].galaxies,
                    "recalls": [
                        _estimate_text(Estimate(r.recall, r.recall_low, r.recall_high))
                        for r in rows
                    ],
                }
                for rows in zip(*strata, strict=True)
            ],
        }
        for title, axis, strata in _strata(figures)
    ]


def _short_names(figures: Sequence[DetectorFigures]) -> list[str]:
    """Names without the hash, which is in the tables, unless they are then the same."""
    short = [f.name.rpartition(" ")[0] for f in figures]
    return short if len(set(short)) == len(short) else [f.name for f in figures]


def _interval_text(stratum: Stratum) -> str:
    if math.isinf(stratum.low):
        return f"< {stratum.high:g}"
    if math.isinf(stratum.high):
        return f"≥ {stratum.low:g}"
    return f"{stratum.low:g}–{stratum.high:g}"


def _estimate_text(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def _number_text(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _rounded_up(threshold: float) -> str:
    """Four digits, never below the threshold, so that what is printed keeps the rate too."""
    return f"{math.ceil(threshold * 1e4 - 1e-9) / 1e4:.4f}"
