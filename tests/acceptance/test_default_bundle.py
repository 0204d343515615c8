"""What the shipped bundle promises, on real data and on the simulated sky."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from annotations.empty_frames import empty_frame_split
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.bundle.selftest import run_selftest
from edge_runtime.cameras.simulated import SimulatedCamera, SimulatedSkyConfig
from edge_runtime.config import Config
from edge_runtime.daemon import RunSummary, run_daemon
from edge_runtime.evaluation.classifier import evaluate_classifier
from edge_runtime.evaluation.detector import evaluate_detector

pytestmark = pytest.mark.slow

BRIGHT_MAG = 11.0


def observe(tmp_path: Path, source: str, frames: int) -> RunSummary:
    config = Config.model_validate(
        {
            "camera": {"source": source},
            "store": {"url": str(tmp_path / "s.sqlite"), "media_dir": str(tmp_path / "media")},
            "web": {"enabled": False},
        }
    )
    return run_daemon(config, frame_limit=frames)


def test_selftest_passes_and_the_bundle_is_small():
    bundle = load_bundle()
    assert len(run_selftest(bundle)) == len(bundle.manifest.selftest) >= 3
    size = sum(p.stat().st_size for p in bundle.path.rglob("*") if p.is_file())
    assert size < 8e6


def test_every_bright_galaxy_of_a_tour_becomes_exactly_one_sighting(tmp_path):
    expected: Counter[str] = Counter()
    config = SimulatedSkyConfig.from_query({"loops": "1", "frames_per_target": "1"})
    with SimulatedCamera(config) as camera:
        while (frame := camera.read()) is not None:
            assert frame.truth is not None
            expected[frame.name] += sum(t.magnitude < BRIGHT_MAG for t in frame.truth)
    assert len(expected) == 5
    summary = observe(tmp_path, "sim:", 60)
    assert summary.frames == 60
    assert Counter(s.target for s in summary.sightings) == expected


def test_field_of_stars_gives_no_sighting(tmp_path):
    summary = observe(tmp_path, "sim:?stars_only=true", 40)
    assert summary.frames == 40
    assert summary.sightings == ()


def test_detector_on_real_telescope_frames(data_dir):
    folder = data_dir / "frames" / "telescope_galaxies"
    scores = evaluate_detector(
        folder / "images", folder / "annotations.json", empty_frame_split(data_dir)[1]
    )
    assert scores["frames"] == 61 + 136
    assert scores["recall_iou30"] >= 0.75
    assert scores["false_positives_per_empty_frame"] <= 0.3


def test_classifier_on_the_test_split(data_dir):
    scores = evaluate_classifier(
        data_dir / "galaxies" / "labels.csv", split="test", sources=("kaggle", "gz2")
    )
    assert scores["accuracy"] >= 0.88
    assert scores["macro_f1"] >= 0.78
    assert scores["rmse"] <= 0.118
    assert scores["constraint_violation"] < 1e-3


def test_int8_is_as_good_as_float_by_the_recorded_figures():
    metrics = load_bundle().manifest.metrics
    floats, ints = metrics["float"], metrics["int8"]

    def figure(tree: object, group: str, key: str) -> float:
        assert isinstance(tree, dict)
        return float(tree[group][key])

    for group, key, tolerance in (
        ("classifier_test", "accuracy", 0.01),
        ("classifier_test", "rmse", 0.003),
        ("detector_validation", "recall_iou30", 0.02),
    ):
        assert figure(ints, group, key) == pytest.approx(figure(floats, group, key), abs=tolerance)
