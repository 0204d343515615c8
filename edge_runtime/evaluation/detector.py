"""``galaxy-edge evaluate detector``: the whole chain on annotated frames."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TypedDict

import numpy as np

from edge_runtime.bundle.loading import load_bundle
from edge_runtime.errors import FrameError, GalaxyEdgeError
from edge_runtime.evaluation.coco import AnnotatedPicture, read_coco
from edge_runtime.evaluation.matching import (
    ScoredPicture,
    average_precision,
    average_recall,
    false_positives,
    match,
    recall,
)
from edge_runtime.pictures import read_picture
from edge_runtime.pipeline import Pipeline

_log = logging.getLogger(__name__)

_ANY_SCORE = 0.01  # average precision needs the detections below the threshold too


class Percentiles(TypedDict):
    """Median and 95th percentile."""

    p50: float
    p95: float


class DetectorScores(TypedDict):
    """What ``evaluate detector`` writes; see `evaluate_detector`."""

    recall_iou30: float
    recall_iou50: float
    ap50: float
    ar1: float
    precision_iou30: float
    false_positives_per_empty_frame: float
    false_positives_per_galaxy_frame: float
    score_threshold: float
    frames: int
    empty_frames: int
    galaxies: int
    unreadable: list[str]
    latency_ms: Percentiles
    bundle: str


def evaluate_detector(
    images: Path,
    annotations: Path,
    empty: Sequence[Path] = (),
    *,
    bundle_path: Path | None = None,
    score_threshold: float | None = None,
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> DetectorScores:
    """Score a bundle's detector together with its veto.

    Pictures without a box, and ``empty``, are the empty frames.
    Recalls, precision and false positives are at one score threshold; average
    precision and recall use all scores.

    Parameters
    ----------
    images : Path
        Folder of the annotated pictures.
    annotations : Path
        COCO JSON; boxes with ``difficult`` = 1 are ignored both ways.
    empty : sequence of Path, optional
        Frames without a galaxy.
    bundle_path : Path, optional
        Folder or zip; the shipped bundle where not given.
    score_threshold : float, optional
        The bundle's where not given.
    threads : int
    progress : callable, optional
        Called with the number of frames done and their total.

    Raises
    ------
    GalaxyEdgeError
        The annotations are wrong, the bundle cannot be loaded, or no picture
        is readable. Single unreadable pictures are listed in the result.
    """
    bundle = load_bundle(bundle_path)
    threshold = bundle.manifest.score_threshold if score_threshold is None else score_threshold
    pictures = read_coco(annotations, images) + _empty_pictures(empty)
    with_galaxies: list[ScoredPicture] = []
    without: list[ScoredPicture] = []
    latencies: list[float] = []
    unreadable: list[str] = []
    pipeline = Pipeline(bundle, threads, score_threshold=min(_ANY_SCORE, threshold))
    try:
        for done, picture in enumerate(pictures, start=1):
            try:
                frame = read_picture(picture.path)
                start = perf_counter()
                result = pipeline.process(frame)
            except FrameError as error:
                _log.warning("%s", error)
                unreadable.append(picture.path.name)
                continue
            latencies.append(1e3 * (perf_counter() - start))
            found = result.detections
            scored = ScoredPicture(
                boxes_xyxy_px=picture.boxes_xyxy_px,
                difficult=picture.difficult,
                found_xyxy_px=np.asarray([d.box_xyxy_px for d in found], dtype=np.float32).reshape(
                    -1, 4
                ),
                scores=np.asarray([d.score for d in found], dtype=np.float32),
            )
            (without if picture.empty else with_galaxies).append(scored)
            if progress is not None:
                progress(done, len(pictures))
    finally:
        pipeline.close()
    if not latencies:
        raise GalaxyEdgeError(f"{images}: none of {len(pictures)} pictures is readable")
    at_threshold = [picture.above(threshold) for picture in with_galaxies]
    wrong = false_positives(at_threshold, 0.3)
    counted = [_judged(picture) for picture in at_threshold]
    return DetectorScores(
        recall_iou30=recall(at_threshold, 0.3),
        recall_iou50=recall(at_threshold, 0.5),
        ap50=average_precision(with_galaxies, 0.5),
        ar1=average_recall(with_galaxies, 1),
        precision_iou30=1.0 - wrong / sum(counted) if sum(counted) else 0.0,
        false_positives_per_empty_frame=_per_frame(
            sum(len(p.above(threshold).scores) for p in without), len(without)
        ),
        false_positives_per_galaxy_frame=_per_frame(wrong, len(with_galaxies)),
        score_threshold=threshold,
        frames=len(latencies),
        empty_frames=len(without),
        galaxies=sum(int((~p.difficult).sum()) for p in with_galaxies),
        unreadable=unreadable,
        latency_ms=Percentiles(
            p50=float(np.percentile(latencies, 50)), p95=float(np.percentile(latencies, 95))
        ),
        bundle=f"{bundle.name} {bundle.version} {bundle.sha256[:12]}",
    )


def _judged(picture: ScoredPicture) -> int:
    """Detections that are right or wrong, not ignored."""
    return int((~match(picture, 0.3).ignored).sum())


def _empty_pictures(paths: Sequence[Path]) -> list[AnnotatedPicture]:
    nothing = np.zeros((0, 4), dtype=np.float32)
    return [AnnotatedPicture(path, nothing, np.zeros(0, dtype=bool)) for path in paths]


def _per_frame(count: int, frames: int) -> float:
    return count / frames if frames else 0.0
