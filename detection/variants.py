"""A detector in every number format, and what each costs and finds."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.combining import NewDetector, combine, combined_manifest
from edge_runtime.bundle.loading import Bundle, load_bundle
from edge_runtime.conditioning import condition
from edge_runtime.detector import Detector
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.coco import AnnotatedPicture
from edge_runtime.evaluation.matching import (
    ScoredPicture,
    average_precision,
    false_positives,
    recall,
)
from edge_runtime.pictures import read_picture

log = logging.getLogger(__name__)

POSTPROCESSED = "int8_postprocessed"
CALL_THREADS = (1, 2)
FRAME_THREADS = 2
FRAME_SIZE = (1920, 1080)
LOWEST_SCORE = 0.05  # average precision needs the detections below the threshold too

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Variant:
    """One file.

    Attributes
    ----------
    name : str
        Number format, or ``int8_postprocessed``.
    content : bytes
        The ``.tflite`` file.
    detector : dict
        The part of ``bundle.json`` that goes with it.
    """

    name: str
    content: bytes
    detector: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians, in milliseconds, of variants that took turns.

    Attributes
    ----------
    call_ms : dict of int to float
        One bare call of the interpreter, by its threads.
    frame_ms : float
        `Detector.detect` of a frame of 1920 x 1080, two views at a time.
    views : int
        Of that frame.
    """

    call_ms: dict[int, float]
    frame_ms: float
    views: int


@dataclass(frozen=True, slots=True)
class Quality:
    """The detector alone, without the veto, on annotated frames.

    Attributes
    ----------
    recall_iou30, recall_iou50, precision_iou30 : float
        At the threshold.
    ap50 : float
        Over all scores of at least 0.05.
    threshold : float
    frames, galaxies : int
    """

    recall_iou30: float
    recall_iou50: float
    precision_iou30: float
    ap50: float
    threshold: float
    frames: int
    galaxies: int


def bundle_of(content: bytes, detector: Mapping[str, Any]) -> Bundle:
    """A bundle in memory of a detector's file and the shipped classifier."""
    shipped = load_bundle()
    made = NewDetector(content, dict(detector), {})
    manifest = combined_manifest(
        made, shipped, name="variant", version="0.0.0", created=datetime.now(UTC)
    )
    return combine(made, shipped, manifest)


def time_variants(
    variants: Sequence[Variant],
    picture: NDArray[np.uint8],
    *,
    rounds: int = 40,
    frame_rounds: int = 10,
    progress: Progress | None = None,
) -> dict[str, Timing]:
    """Time variants in turns, so that whatever else the machine does falls on all.

    Parameters
    ----------
    variants : sequence of Variant
    picture : ndarray, shape (H, W, 3), uint8, RGB
        Conditioned frame.
    rounds, frame_rounds : int
        Calls and frames timed.
    """
    bundles = {v.name: bundle_of(v.content, v.detector) for v in variants}
    detectors = {name: Detector(bundle, FRAME_THREADS) for name, bundle in bundles.items()}
    calls_ms: dict[str, dict[int, list[float]]] = {
        name: {threads: [] for threads in CALL_THREADS} for name in bundles
    }
    frames_ms: dict[str, list[float]] = {name: [] for name in bundles}
    for threads in CALL_THREADS:
        models = {name: bundle.open_detector(threads) for name, bundle in bundles.items()}
        for model in models.values():
            model.run_raw(_centre(picture, model.input.shape[1]))
        for done in range(rounds):
            for name, model in models.items():
                calls_ms[name][threads].append(_ms(model.invoke))
            if progress is not None:
                progress(done + 1, rounds)
    for detector in detectors.values():
        detector.detect(picture)
    for done in range(frame_rounds):
        for name, detector in detectors.items():
            frames_ms[name].append(_ms(lambda detector=detector: detector.detect(picture)))
        if progress is not None:
            progress(done + 1, frame_rounds)
    for detector in detectors.values():
        detector.close()
    height, width = picture.shape[:2]
    return {
        name: Timing(
            call_ms={t: float(np.median(values)) for t, values in calls_ms[name].items()},
            frame_ms=float(np.median(frames_ms[name])),
            views=len(detector.tiles(width, height)),
        )
        for name, detector in detectors.items()
    }


def measure_quality(
    variant: Variant,
    pictures: Sequence[AnnotatedPicture],
    threshold: float,
    *,
    progress: Progress | None = None,
) -> Quality:
    """Score a variant on annotated frames, as the edge looks at them, without the veto.

    Parameters
    ----------
    variant : Variant
    pictures : sequence of AnnotatedPicture
    threshold : float
        Score that recalls and precision are taken at.

    Raises
    ------
    FrameError
        A picture cannot be read.
    """
    spec = dict(variant.detector) | {"score_threshold": LOWEST_SCORE}
    detector = Detector(bundle_of(variant.content, spec), FRAME_THREADS)
    scored = []
    try:
        for done, picture in enumerate(pictures, start=1):
            found = detector.detect(condition(read_picture(picture.path)))
            scored.append(
                ScoredPicture(picture.boxes_xyxy_px, picture.difficult, found.xyxy_px, found.scores)
            )
            if progress is not None:
                progress(done, len(pictures))
    finally:
        detector.close()
    at_threshold = [picture.above(threshold) for picture in scored]
    wrong = false_positives(at_threshold, 0.3)
    galaxies = sum(int((~p.difficult).sum()) for p in scored)
    right = round(recall(at_threshold, 0.3) * galaxies)
    return Quality(
        recall_iou30=recall(at_threshold, 0.3),
        recall_iou50=recall(at_threshold, 0.5),
        precision_iou30=right / (right + wrong) if right + wrong else 0.0,
        ap50=average_precision(scored, 0.5),
        threshold=threshold,
        frames=len(scored),
        galaxies=galaxies,
    )


def simulated_frame() -> NDArray[np.uint8]:
    """A conditioned frame of the simulated sky, the size that speed is stated for."""
    from edge_runtime.benchmark.frames import prepare_frames

    with tempfile.TemporaryDirectory(prefix="galaxy-edge-frame-") as name:
        prepare_frames(Path(name), *FRAME_SIZE, targets=("M81",), per_target=1)
        from edge_runtime.benchmark.frames import RepeatedFrames

        with RepeatedFrames(name, "1") as camera:
            frame = camera.read()
    if frame is None:
        raise GalaxyEdgeError("the simulated sky gave no frame")
    return condition(frame)


def _centre(picture: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    top, left = (picture.shape[0] - size_px) // 2, (picture.shape[1] - size_px) // 2
    if min(top, left) < 0:
        raise GalaxyEdgeError(f"an input of {size_px} px is larger than the frame timed")
    return np.ascontiguousarray(picture[top : top + size_px, left : left + size_px])


def _ms(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)
