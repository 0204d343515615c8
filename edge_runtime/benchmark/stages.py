"""Time of each stage of a frame's way, and of the bare network calls in it."""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge_runtime.benchmark.frames import source_uri
from edge_runtime.bundle.loading import Bundle
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.litert import LiteRtModel

WARM_UP_FRAMES = 5
TIMED_ROUNDS = 15


@dataclass(frozen=True, slots=True)
class _OpenedBundle(Bundle):
    """A bundle that remembers the models opened from it."""

    detectors: list[LiteRtModel] = field(default_factory=list)
    classifiers: list[LiteRtModel] = field(default_factory=list)

    def open_detector(self, threads: int = 1) -> LiteRtModel:
        model = Bundle.open_detector(self, threads)
        self.detectors.append(model)
        return model

    def open_classifier(self, threads: int = 1) -> LiteRtModel:
        model = Bundle.open_classifier(self, threads)
        self.classifiers.append(model)
        return model


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Where the time of a frame goes.

    Attributes
    ----------
    stage_ms : dict of str to dict
        ``p50`` and ``p95`` of ``capture`` (waiting for the frame and copying
        it from shared memory), ``condition``, ``detect``, ``classify``,
        ``track`` and ``publish`` (to the dashboard), in milliseconds.
    detector_calls, classifier_calls : float
        Mean number of network calls for a frame.
    detector_call_ms, classifier_call_ms : float
        Median time of one bare call.
    interpreter_ms : float
        Time of a frame's bare calls, made as the pipeline makes them: the
        detector's by ``threads`` interpreters at the same time, then the
        classifier's one after the other.
    """

    stage_ms: dict[str, dict[str, float]]
    detector_calls: float
    classifier_calls: float
    detector_call_ms: float
    classifier_call_ms: float
    interpreter_ms: float


def measure_stages(bundle: Bundle, folder: Path, *, frames: int, threads: int) -> StageTimes:
    """Send prepared frames through the parts of the daemon and time each part.

    Parameters
    ----------
    bundle : Bundle
    folder : Path
        Prepared frames.
    frames : int
        Number of frames to time.
    threads : int
        Interpreters of the detector.
    """
    from edge_runtime.capture import CaptureProcess
    from edge_runtime.frame import Frame
    from edge_runtime.pipeline import Pipeline
    from edge_runtime.tracked_sighting import BundleIdentity
    from edge_runtime.tracking import Tracker, TrackingParams
    from edge_runtime.web import DashboardState, Health

    opened = _OpenedBundle(bundle.path, bundle.manifest, bundle.sha256, bundle.contents)
    identity = BundleIdentity(bundle.name, bundle.version, bundle.sha256)
    times_ms: dict[str, list[float]] = defaultdict(list)
    tracker = Tracker(TrackingParams(), identity)
    state = DashboardState(lambda: None)
    calls_before = (0, 0)
    done = 0
    with (
        closing(Pipeline(opened, threads=threads)) as pipeline,
        CaptureProcess(source_uri(folder, frames + WARM_UP_FRAMES)) as capture,
    ):
        asked_s = time.perf_counter()
        while done < frames + WARM_UP_FRAMES:
            item = capture.get(0.5)
            if item is None:
                continue
            if not isinstance(item, Frame):
                raise GalaxyEdgeError(f"the prepared frames cannot be had: {item}")
            got_s = time.perf_counter()
            result = pipeline.process(item)
            processed_s = time.perf_counter()
            tracker.update(result)
            tracked_s = time.perf_counter()
            state.publish(result, Health())
            published_s = time.perf_counter()
            done += 1
            if done == WARM_UP_FRAMES:
                calls_before = _calls(opened)
            elif done > WARM_UP_FRAMES:
                for stage, stage_ms in result.stage_ms.items():
                    times_ms[stage].append(stage_ms)
                times_ms["capture"].append(1e3 * (got_s - asked_s))
                times_ms["track"].append(1e3 * (tracked_s - processed_s))
                times_ms["publish"].append(1e3 * (published_s - tracked_s))
            asked_s = time.perf_counter()
    calls = [
        (after - before) / frames
        for after, before in zip(_calls(opened), calls_before, strict=True)
    ]
    detector_ms = call_ms(opened.detectors[0])
    classifier_ms = call_ms(opened.classifiers[0])
    return StageTimes(
        stage_ms={
            stage: {
                "p50": float(np.percentile(values, 50)),
                "p95": float(np.percentile(values, 95)),
            }
            for stage, values in times_ms.items()
        },
        detector_calls=calls[0],
        classifier_calls=calls[1],
        detector_call_ms=detector_ms,
        classifier_call_ms=classifier_ms,
        interpreter_ms=_parallel_ms(opened.detectors, calls[0]) + classifier_ms * calls[1],
    )


def _calls(bundle: _OpenedBundle) -> tuple[int, int]:
    return (
        sum(model.calls for model in bundle.detectors),
        sum(model.calls for model in bundle.classifiers),
    )


def call_ms(model: LiteRtModel) -> float:
    """Median time of a bare call on the input that was set last, in milliseconds.

    A model that was never called gets a grey picture.
    """
    if model.calls == 0:
        model.run(np.full(model.input.shape, 127, np.uint8))
    times_ms = []
    for _ in range(TIMED_ROUNDS + 1):
        start = time.perf_counter()
        model.invoke()
        times_ms.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times_ms[1:]))


def _parallel_ms(models: list[LiteRtModel], calls: float) -> float:
    """Median time of a frame's bare calls, spread over the interpreters."""
    for model in models:
        call_ms(model)
    shares = [len(part) for part in np.array_split(np.arange(round(calls)), len(models))]

    def invoke(model: LiteRtModel, times: int) -> None:
        for _ in range(times):
            model.invoke()

    times_ms = []
    with ThreadPoolExecutor(len(models)) as pool:
        for _ in range(TIMED_ROUNDS + 1):
            start = time.perf_counter()
            list(pool.map(invoke, models, shares))
            times_ms.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times_ms[1:]))
