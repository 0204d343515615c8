"""Trials of detectors."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.trials.spec import TrialSpec
from tuning.trials.values import Values

pytest.importorskip("official", reason="workstation extra not installed")

pytestmark = pytest.mark.slow  # the Model Garden takes seconds to import

VALUES = {
    "family": "ssd_mobilenet",
    "input_size_px": 128,
    "fpn_width": 32,
    "head_depth": 1,
    "anchors": 3,
    "tile_overlap": 0.1,
}


@pytest.mark.parametrize("family", ["ssd_mobilenet", "efficientdet_d0", "mobiledet"])
def test_the_knobs_turn_every_family(family: str) -> None:
    from detection.registry import experiment_of
    from tuning.trials.detector_trial import knobs

    config = experiment_of(family)
    values = VALUES | {"fpn_width": 48, "head_depth": 4, "anchors": 6}
    knobs(Values(values, "detector"), limit=100)(config)
    model = config.task.model
    pyramid = getattr(model.decoder, model.decoder.type)
    assert pyramid.num_filters == model.head.num_filters == 48
    assert model.head.num_convs == 4
    assert model.anchor.num_scales * len(model.anchor.aspect_ratios) == 6
    assert config.task.train_data.most_galaxies == 100


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"anchors": 4}, "anchors is a multiple of 3"),
        ({"fpn_width": 20}, "fpn_width is a multiple of 8, not 20"),
        ({"head_depth": 0}, "head_depth is at least 1"),
    ],
)
def test_impossible_values_are_named(change: dict[str, int], told: str) -> None:
    from tuning.trials.detector_trial import knobs

    with pytest.raises(ConfigError, match=told):
        knobs(Values(VALUES | change, "detector"))


def test_a_loss_that_is_no_number_ends_a_training() -> None:
    from detection.training_progress import Progress
    from tuning.trials.detector_trial import Watch

    watch = Watch(initial_step=100)
    watch(Progress(50, 100, 0.5, 1.0, None))
    assert watch.rows == [{"step": 150.0, "loss": 0.5}]
    with pytest.raises(GalaxyEdgeError, match="the loss is nan at step 100"):
        watch(Progress(100, 100, float("nan"), 1.0, None))


def test_frames_of_both_kinds_are_needed() -> None:
    from tuning.trials.detector_trial import chain_metrics

    empty = SimpleNamespace(empty=True)
    with pytest.raises(GalaxyEdgeError, match="frames with galaxies and frames without"):
        chain_metrics(b"", {}, [empty])  # type: ignore[list-item]


@pytest.fixture(scope="module")
def few_frames(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real galaxies, two annotated frames and six empty ones."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "galaxies").symlink_to(data_dir / "galaxies")
    images = folder / "frames" / "no_galaxy" / "images"
    images.mkdir(parents=True)
    empty = sorted((data_dir / "frames" / "no_galaxy" / "images").glob("dsy_*"))[:6]
    for path in empty:
        (images / path.name).symlink_to(path)
    source = data_dir / "frames" / "telescope_galaxies"
    content = json.loads((source / "annotations.json").read_text())
    content["images"] = content["images"][:2]
    kept = {image["id"] for image in content["images"]}
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] in kept]
    frames = folder / "frames" / "telescope_galaxies"
    frames.mkdir()
    (frames / "images").symlink_to(source / "images")
    (frames / "annotations.json").write_text(json.dumps(content))
    return folder


def test_a_trial_ends_in_a_measured_file(few_frames: Path, tmp_path: Path) -> None:
    from edge_runtime.litert import LiteRtModel
    from tuning.trials.detector_trial import run_detector_trial

    spec = TrialSpec("detector", "detector", VALUES, few_frames, tmp_path, epochs=2, limit=20)
    result = run_detector_trial(spec)
    assert set(result.metrics) == {"recall_iou30", "ap50", "float_recall_iou30", "float_ap50"}
    assert all(0 <= value <= 1 for value in result.metrics.values())
    assert [row["step"] for row in result.curve] == [2]
    assert result.size_kb == (tmp_path / "detector.tflite").stat().st_size / 1024
    assert 0 < result.latency_ms < 100
    model = LiteRtModel(tmp_path / "detector.tflite")
    cells = sum((128 // 2**level) ** 2 for level in range(3, 7))
    assert {output.shape for output in model.outputs} == {(1, 3 * cells, 1), (1, 3 * cells, 4)}
    assert model.input.dtype == np.int8
    description = json.loads((tmp_path / "detector.json").read_text())
    assert description["detector"]["tiling"]["overlap"] == 0.1
    assert description["detector"]["anchors"]["num_scales"] == 1
