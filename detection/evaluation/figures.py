"""Every figure of a detector on a collection of frames, for reports and JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from annotations.finite_values import finite
from detection.evaluation.coco_metrics import CocoMetrics, coco_metrics
from detection.evaluation.collection import Collection
from detection.evaluation.curves import (
    false_positive_curve,
    precision_curve,
    recall_curve,
    threshold_for_rate,
)
from detection.evaluation.errors import ErrorKind, FrameErrors, frame_errors
from detection.evaluation.significance import (
    BootstrapDifference,
    bootstrap_ap_difference,
    frame_f1,
)
from detection.evaluation.strata import (
    BRIGHTNESS_EDGES_SIGMA,
    RELATIVE_EDGES,
    SIZE_EDGES_PX,
    Stratum,
    box_sizes_px,
    recall_by,
    relative_sizes,
)
from edge_runtime.evaluation.matching import ScoredPicture
from edge_runtime.evaluation.paired_tests import PairedTest, wilcoxon_signed_rank

RATES = (0.3, 0.15, 0.05)
"""False positives per empty frame for which thresholds are given."""

STRATUM_IOU = 0.3


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its bootstrap interval at 95 %; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Figures at one score threshold.

    Attributes
    ----------
    rate : float or None
        False positives per empty frame asked for; None for the threshold in
        force.
    threshold : float
    recall_iou30, recall_iou50, precision_iou30 : Estimate
    false_positives_per_empty_frame : Estimate
    """

    rate: float | None
    threshold: float
    recall_iou30: Estimate
    recall_iou50: Estimate
    precision_iou30: Estimate
    false_positives_per_empty_frame: Estimate


@dataclass(frozen=True, slots=True)
class DetectorFigures:
    """What is known about one detector.

    Attributes
    ----------
    name : str
    galaxy_frames, empty_frames, galaxies : int
        Galaxies without the difficult ones.
    unreadable : tuple of str
    coco : CocoMetrics
        On the frames with galaxies.
    in_force : OperatingPoint
    at_rates : tuple of OperatingPoint
        Empty without empty frames.
    by_size, by_relative_size, by_brightness : tuple of Stratum
        Recall at IoU 0.3 at the threshold in force, over pixels, the side of
        the frame, and deviations of the sky.
    errors : dict of str to int
        Number of each kind at the threshold in force.
    frame_ms_p50, frame_ms_p95 : float
        With every candidate classified.
    """

    name: str
    galaxy_frames: int
    empty_frames: int
    galaxies: int
    unreadable: tuple[str, ...]
    coco: CocoMetrics
    in_force: OperatingPoint
    at_rates: tuple[OperatingPoint, ...]
    by_size: tuple[Stratum, ...]
    by_relative_size: tuple[Stratum, ...]
    by_brightness: tuple[Stratum, ...]
    errors: dict[str, int]
    frame_ms_p50: float
    frame_ms_p95: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON; open ends of strata are None."""
        content: dict[str, Any] = finite(asdict(self))
        return content


@dataclass(frozen=True, slots=True)
class Comparison:
    """A second detector against the first on the same frames.

    Attributes
    ----------
    ap50 : BootstrapDifference
    frame_f1 : PairedTest
        Wilcoxon test of the F1 of each frame, both at their thresholds in
        force; empty frames included.
    """

    ap50: BootstrapDifference
    frame_f1: PairedTest


def detector_figures(
    collection: Collection, *, rates: Sequence[float] = RATES, seed: int = 0
) -> DetectorFigures:
    """Compute all figures of a collection."""
    galaxy_frames, empty = collection.galaxy_frames(), collection.empty_frames()
    threshold = collection.rule.score_threshold
    above = [picture.above(threshold) for picture in galaxy_frames]
    pictures = collection.with_galaxies
    boxes = [picture.boxes_xyxy_px for picture in pictures]
    sizes = [box_sizes_px(b) for b in boxes]
    relative = [
        relative_sizes(b, p.width_px, p.height_px) for b, p in zip(boxes, pictures, strict=True)
    ]
    brightness = [picture.brightness_sigma for picture in pictures]
    wanted: list[float | None] = [None]
    thresholds = [threshold]
    if empty:
        wanted += list(rates)
        thresholds += [threshold_for_rate(empty, rate) for rate in rates]
    points = _operating_points(wanted, thresholds, galaxy_frames, empty, seed)
    kinds = Counter(
        error.kind
        for picture in [*galaxy_frames, *empty]
        for error in frame_errors(picture.above(threshold)).errors
    )
    total_ms = [sum(picture.stage_ms.values()) for picture in collection.pictures]
    return DetectorFigures(
        name=collection.name,
        galaxy_frames=len(galaxy_frames),
        empty_frames=len(empty),
        galaxies=sum(int((~p.difficult).sum()) for p in galaxy_frames),
        unreadable=collection.unreadable,
        coco=coco_metrics(galaxy_frames),
        in_force=points[0],
        at_rates=tuple(points[1:]),
        by_size=tuple(recall_by(sizes, above, SIZE_EDGES_PX, STRATUM_IOU)),
        by_relative_size=tuple(recall_by(relative, above, RELATIVE_EDGES, STRATUM_IOU)),
        by_brightness=tuple(recall_by(brightness, above, BRIGHTNESS_EDGES_SIGMA, STRATUM_IOU)),
        errors={kind.value: kinds[kind] for kind in ErrorKind},
        frame_ms_p50=float(np.percentile(total_ms, 50)),
        frame_ms_p95=float(np.percentile(total_ms, 95)),
    )


def compare(first: Collection, second: Collection, *, seed: int = 0) -> Comparison:
    """Test a second detector against the first.

    Raises
    ------
    ValueError
        The collections are not of the same frames.
    """
    f1 = [
        frame_f1(
            [*collection.galaxy_frames(), *collection.empty_frames()],
            collection.rule.score_threshold,
            STRATUM_IOU,
        )
        for collection in (first, second)
    ]
    return Comparison(
        ap50=bootstrap_ap_difference(first.galaxy_frames(), second.galaxy_frames(), seed=seed),
        frame_f1=wilcoxon_signed_rank(*f1),
    )


def picture_errors(collection: Collection) -> list[FrameErrors]:
    """Errors of each picture of a collection at the threshold in force, in its order."""
    rule = collection.rule
    return [
        frame_errors(picture.scored(rule).above(rule.score_threshold))
        for picture in collection.pictures
    ]


def _operating_points(
    rates: Sequence[float | None],
    thresholds: Sequence[float],
    galaxy_frames: Sequence[ScoredPicture],
    empty: Sequence[ScoredPicture],
    seed: int,
) -> list[OperatingPoint]:
    at = np.asarray(thresholds, dtype=np.float64)
    curves = [
        recall_curve(galaxy_frames, 0.3, thresholds=at, seed=seed),
        recall_curve(galaxy_frames, 0.5, thresholds=at, seed=seed),
        precision_curve(galaxy_frames, 0.3, thresholds=at, seed=seed),
        false_positive_curve(empty, thresholds=at, seed=seed),
    ]
    points = []
    for i, (rate, threshold) in enumerate(zip(rates, thresholds, strict=True)):
        estimates = [
            Estimate(_number(c.values[i]), _number(c.low[i]), _number(c.high[i])) for c in curves
        ]
        points.append(OperatingPoint(rate, threshold, *estimates))
    return points


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
