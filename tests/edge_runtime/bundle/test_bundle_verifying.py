import json

import pytest
import tiny_models
from tiny_bundles import SELFTEST_FRAME, SQUARE_BOX, make_tiny_bundle

from edge_runtime.bundle import load_bundle
from edge_runtime.bundle.schema import ReferenceLatency
from edge_runtime.bundle.verifying import (
    Latency,
    judge_latency,
    measure_probe_ms,
    measure_reference,
    verify_bundle,
)
from edge_runtime.errors import BundleError

REFERENCE = ReferenceLatency(detector_ms=3.0, classifier_ms=0.5, probe_ms=1.0)


def latency(best_ms):
    return Latency(best_ms=best_ms, p50_ms=best_ms * 2, p95_ms=best_ms * 50)


def test_a_good_bundle_is_reported_in_numbers(tmp_path):
    found = {"box_xyxy_px": SQUARE_BOX, "score": 0.997, "label": "smooth_inbetween"}
    folder = make_tiny_bundle(
        tmp_path / "tiny",
        selftest=[{"frame": SELFTEST_FRAME, "detections": [found]}],
        reference_latency=measure_reference(load_bundle(make_tiny_bundle(tmp_path / "first"))),
    )
    report = verify_bundle(folder)
    assert (report.name, report.version, report.files) == ("tiny", "1.2.3", 3)
    assert report.sha256 == load_bundle(folder).sha256
    assert report.size_bytes == sum(len(c) for c in load_bundle(folder).contents.values())
    assert 0 < report.detector.best_ms <= report.detector.p50_ms <= report.detector.p95_ms < 1000
    assert report.warnings == ()
    assert [result.detections for result in report.selftest] == [1]
    assert json.loads(json.dumps(report.as_dict()))["detector_ms"]["p50"] == report.detector.p50_ms


def test_what_cannot_be_judged_is_said(tiny_bundle_dir):
    warnings = verify_bundle(tiny_bundle_dir).warnings
    assert any("no reference latency" in text for text in warnings)
    assert any("no self-test" in text for text in warnings)


def test_a_failing_selftest_fails_verification(tmp_path):
    folder = make_tiny_bundle(
        tmp_path / "tiny", selftest=[{"frame": SELFTEST_FRAME, "detections": []}]
    )
    with pytest.raises(BundleError, match=r"self-test fails.*unexpected smooth_inbetween"):
        verify_bundle(folder)


def test_a_model_that_the_runtime_refuses_fails_verification(tmp_path):
    # Building would refuse it, so put a broken model in with its right hash.
    import hashlib

    folder = make_tiny_bundle(tmp_path / "tiny")
    broken = tiny_models.retinanet_detector()[:-700]
    (folder / "detector.tflite").write_bytes(broken)
    document = json.loads((folder / "bundle.json").read_text())
    document["files"]["detector.tflite"] = hashlib.sha256(broken).hexdigest()
    (folder / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match=r"detector\.tflite: .*refuses this model"):
        verify_bundle(folder)


def test_a_slow_path_is_warned_about_whatever_the_machine():
    # The case seen: tflite-runtime 2.14 ran an int8 detector 50 times slower.
    (warning,) = judge_latency(latency(150.0), latency(0.5), 1.0, REFERENCE)
    assert "one call of the detector takes 150.0 ms, 50 times longer than expected" in warning
    assert "ai-edge-litert" in warning
    # A machine eight times slower: eight times the latency is right there.
    assert judge_latency(latency(24.0), latency(4.0), 8.0, REFERENCE) == ()
    assert len(judge_latency(latency(24.0 * 50), latency(4.0 * 50), 8.0, REFERENCE)) == 2


def test_the_probe_is_steady():
    times_ms = [measure_probe_ms() for _ in range(5)]
    assert max(times_ms) < 5 * min(times_ms)
