"""Everything that can be checked about a bundle, on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.bundle.loading import Bundle, load_bundle
from edge_runtime.bundle.schema import ReferenceLatency
from edge_runtime.bundle.selftest import (
    PipelineFactory,
    SelfTestResult,
    default_pipeline,
    run_selftest,
)
from edge_runtime.litert import LiteRtModel, probe_model

TIMED_CALLS = 20
WARM_UP_CALLS = 3
# A model this many times slower than the bundle's reference suggests, after
# allowing for the speed of the machine, has fallen off the fast int8 path.
# Between machines the ratio of a model to the probe varies by up to about 3;
# the case known to be bad (tflite-runtime 2.14) is 50.
SLOW_FACTOR = 10.0
# Products this small stay on one core in every BLAS, whatever else is running.
_PROBE_SIDE = 64
_PROBE_PRODUCTS = 100


@dataclass(frozen=True, slots=True)
class Latency:
    """Time of one bare call of a model, in milliseconds.

    ``best_ms`` is what the machine can do; the percentiles also show what else
    it was doing.
    """

    best_ms: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What ``galaxy-edge bundle verify`` found.

    Attributes
    ----------
    path : Path
        Folder or zip.
    name, version, sha256 : str
        Identity of the bundle.
    files, size_bytes : int
        Number and total size of the files whose hashes agree.
    selftest : tuple of SelfTestResult
        One for each frame.
    detector, classifier : Latency
        Bare calls, batch of one.
    probe_ms : float
        Time of the matrix products this machine's speed is judged by.
    warnings : tuple of str
        Nothing is broken, but somebody should know.
    """

    path: Path
    name: str
    version: str
    sha256: str
    files: int
    size_bytes: int
    selftest: tuple[SelfTestResult, ...]
    detector: Latency
    classifier: Latency
    probe_ms: float
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return the report as JSON types."""
        return {
            "path": str(self.path),
            "name": self.name,
            "version": self.version,
            "sha256": self.sha256,
            "files": self.files,
            "size_bytes": self.size_bytes,
            "selftest": [
                {
                    "frame": result.frame,
                    "detections": result.detections,
                    "worst_iou": result.worst_iou,
                    "worst_score_difference": result.worst_score_difference,
                }
                for result in self.selftest
            ],
            "detector_ms": _latency_dict(self.detector),
            "classifier_ms": _latency_dict(self.classifier),
            "probe_ms": self.probe_ms,
            "warnings": list(self.warnings),
        }


def verify_bundle(
    path: Path | None = None,
    *,
    pipeline_factory: PipelineFactory = default_pipeline,
    threads: int = 2,
) -> VerifyReport:
    """Check schema, hashes, models and self-test of a bundle, and measure it.

    Both models are first loaded in a child process, so that a hostile file
    cannot take this one down.

    Parameters
    ----------
    path : Path, optional
        Folder or ``.zip``; default is the bundle shipped with galaxy-edge.
    pipeline_factory : callable, optional
        Makes a pipeline from a bundle, for the self-test; default is the daemon's.
    threads : int
        Threads of the interpreters while measuring.

    Raises
    ------
    BundleError
        The bundle is damaged, hostile, too new, or fails its self-test.
    """
    bundle = load_bundle(path)
    manifest = bundle.manifest
    probe_bundle(bundle)
    detector = measure_latency(bundle.open_detector(threads))
    classifier = measure_latency(bundle.open_classifier(threads))
    probe = measure_probe_ms()
    warnings = judge_latency(detector, classifier, probe, manifest.reference_latency)
    if not manifest.selftest:
        warnings += ("the bundle has no self-test; its results on this machine are unknown",)
    return VerifyReport(
        path=bundle.path,
        name=bundle.name,
        version=bundle.version,
        sha256=bundle.sha256,
        files=len(bundle.contents),
        size_bytes=sum(len(content) for content in bundle.contents.values()),
        selftest=run_selftest(bundle, pipeline_factory),
        detector=detector,
        classifier=classifier,
        probe_ms=probe,
        warnings=warnings,
    )


def probe_bundle(bundle: Bundle) -> None:
    """Try the models of a bundle from elsewhere in a process that may crash.

    Raises
    ------
    BundleError
        A model cannot be run.
    """
    for file in (bundle.manifest.detector.file, bundle.manifest.classifier.file):
        probe_model(bundle.read(file), f"{bundle.path}: {file}")


def measure_reference(bundle: Bundle, threads: int = 1) -> ReferenceLatency:
    """Measure what a manifest records as its reference, on this machine."""
    return ReferenceLatency(
        detector_ms=round(measure_latency(bundle.open_detector(threads)).best_ms, 4),
        classifier_ms=round(measure_latency(bundle.open_classifier(threads)).best_ms, 4),
        probe_ms=round(measure_probe_ms(), 4),
    )


def judge_latency(
    detector: Latency,
    classifier: Latency,
    probe_ms: float,
    reference: ReferenceLatency | None,
) -> tuple[str, ...]:
    """Return a warning for each model that is far slower than it should be.

    The reference time of each model is scaled by how long this machine takes
    for the same matrix products, compared with the machine of the reference.
    Best times are compared, so that a busy machine is not taken for a slow path.
    """
    if reference is None:
        return ("the bundle has no reference latency; its speed here cannot be judged",)
    speed = probe_ms / reference.probe_ms
    warnings = []
    for name, latency, reference_ms in (
        ("detector", detector, reference.detector_ms),
        ("classifier", classifier, reference.classifier_ms),
    ):
        expected_ms = reference_ms * speed
        if latency.best_ms > SLOW_FACTOR * expected_ms:
            warnings.append(
                f"one call of the {name} takes {latency.best_ms:.1f} ms, "
                f"{latency.best_ms / expected_ms:.0f} times longer than expected of this machine "
                f"({expected_ms:.2f} ms): the runtime does not use its fast int8 path; "
                "install or upgrade ai-edge-litert"
            )
    return tuple(warnings)


def measure_latency(model: LiteRtModel, calls: int = TIMED_CALLS) -> Latency:
    """Time bare calls of a model on a grey picture."""
    model.run(np.full(model.input.shape, 127, np.uint8))
    times_ms = _times_ms(model.invoke, calls)
    p50_ms, p95_ms = (float(value) for value in np.percentile(times_ms, (50, 95)))
    return Latency(best_ms=min(times_ms), p50_ms=p50_ms, p95_ms=p95_ms)


def measure_probe_ms() -> float:
    """Time of 100 products of 64 x 64 float32 matrices in milliseconds, best of 20."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((_PROBE_SIDE, _PROBE_SIDE), dtype=np.float32)
    b = rng.standard_normal((_PROBE_SIDE, _PROBE_SIDE), dtype=np.float32)
    out = np.empty_like(a)

    def multiply() -> None:
        for _ in range(_PROBE_PRODUCTS):
            np.matmul(a, b, out=out)

    return min(_times_ms(multiply, TIMED_CALLS))


def _latency_dict(latency: Latency) -> dict[str, float]:
    return {"best": latency.best_ms, "p50": latency.p50_ms, "p95": latency.p95_ms}


def _times_ms(call: Callable[[], None], calls: int) -> list[float]:
    for _ in range(WARM_UP_CALLS):
        call()
    times_ms = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        times_ms.append((time.perf_counter() - start) * 1000.0)
    return times_ms
