"""A new detector and the classifier of an existing bundle make a sound bundle."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import tiny_models
from tiny_bundles import SELFTEST_FRAME, SQUARE_BOX, make_tiny_bundle, tiny_manifest

from edge_runtime.bundle.combining import build_combined, combined_manifest, read_new_detector
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.bundle.selftest import run_selftest
from edge_runtime.errors import BundleError

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def base(tmp_path):
    """A bundle with a self-test, whose threshold is 0.5."""
    expected = {"frame": SELFTEST_FRAME, "detections": []}
    return load_bundle(make_tiny_bundle(tmp_path / "base", selftest=[expected]))


@pytest.fixture
def exported(tmp_path):
    """A detector as 'quantise detector' leaves it."""
    folder = tmp_path / "quantised"
    folder.mkdir()
    path = folder / "detector_int8.tflite"
    path.write_bytes(tiny_models.retinanet_detector(quantised=False))
    description = {
        "detector": tiny_manifest()["detector"] | {"score_threshold": 0.4},
        "provenance": {"data": "squares", "seeds": [7]},
    }
    path.with_suffix(".json").write_text(json.dumps(description))
    return path


def test_the_detector_is_new_and_the_rest_is_the_other_bundles(base, exported, tmp_path):
    made = read_new_detector(exported)
    manifest = combined_manifest(
        made, base, name="mine", version="2.0.0", created=NOW, score_threshold=0.6
    )
    bundle = load_bundle(build_combined(tmp_path / "mine", made, base, manifest))
    assert bundle.read("detector.tflite") == exported.read_bytes()
    assert bundle.read("classifier.tflite") == base.read("classifier.tflite")
    assert bundle.manifest.classifier == base.manifest.classifier
    assert bundle.manifest.detector.score_threshold == 0.4
    assert (bundle.name, bundle.version, bundle.manifest.score_threshold) == ("mine", "2.0.0", 0.6)
    assert bundle.manifest.metrics == {}  # they were the other detector's
    provenance = bundle.manifest.provenance
    assert provenance.seeds == (7,)
    assert provenance.data == (
        f"detector: squares; classifier: as in bundle tiny 1.2.3 ({base.sha256[:12]})"
    )


def test_the_selftest_is_recorded_anew_and_holds(base, exported, tmp_path):
    made = read_new_detector(exported)
    manifest = combined_manifest(made, base, name="mine", version="2.0.0", created=NOW)
    bundle = load_bundle(build_combined(tmp_path / "mine", made, base, manifest))
    (expected,) = bundle.manifest.selftest[0].detections
    assert expected.box_xyxy_px == pytest.approx(SQUARE_BOX, abs=0.5)
    assert [result.problems for result in run_selftest(bundle)] == [()]
    assert bundle.manifest.reference_latency is not None


def test_a_detector_that_does_not_fit_its_description_is_refused(base, exported, tmp_path):
    description = json.loads(exported.with_suffix(".json").read_text())
    description["detector"]["input_size_px"] = 128
    exported.with_suffix(".json").write_text(json.dumps(description))
    made = read_new_detector(exported)
    manifest = combined_manifest(made, base, name="mine", version="2.0.0", created=NOW)
    with pytest.raises(BundleError, match=r"the manifest says \(128, 128, 3\)"):
        build_combined(tmp_path / "mine", made, base, manifest)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "'galaxy-edge quantise detector' writes it beside"),
        ("{", "not valid JSON"),
        ('{"anchors": 1}', "key 'detector' is missing"),
        ('{"detector": {}, "provenance": 3}', "'provenance' is no object"),
    ],
)
def test_a_missing_or_damaged_description_is_named(exported, content, message):
    path = exported.with_suffix(".json")
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(BundleError, match=message) as caught:
        read_new_detector(exported)
    assert str(path) in str(caught.value)


def test_the_command_writes_a_bundle_and_warns_of_the_old_threshold(base, exported, tmp_path):
    def build() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edge_runtime.cli", "bundle", "build"]
        command += ["--detector", str(exported), "--classifier-from", str(base.path)]
        return subprocess.run(
            [*command, "--output", str(tmp_path / "mine")],
            capture_output=True,
            text=True,
            check=False,
        )

    first, second = build(), build()
    assert first.returncode == 0, first.stderr
    assert "threshold 0.5 was chosen for another detector" in first.stderr
    assert load_bundle(tmp_path / "mine").name == "custom"
    assert second.returncode == 1
    assert str(tmp_path / "mine") in second.stderr
