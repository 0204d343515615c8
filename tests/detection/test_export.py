"""A training folder becomes files of every number format, for any input that fits."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("official", reason="workstation extra not installed")

from tiny_trainings import INPUT_SIZE_PX, write_training

from edge_runtime.errors import ConfigError, GalaxyEdgeError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def training(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    write_training(folder)
    return folder


@pytest.fixture(scope="module")
def views() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    return tuple(
        rng.normal(20, 6, (INPUT_SIZE_PX, INPUT_SIZE_PX, 3)).clip(0, 255).astype(np.uint8)
        for _ in range(8)
    )


@pytest.fixture(scope="module")
def detector(training):
    from detection.trained_detector import load_detector

    return load_detector(training)


def test_another_input_size_has_the_same_weights_and_more_anchors(training, detector):
    from detection.export import Export, float32
    from detection.trained_detector import load_detector
    from edge_runtime.litert import LiteRtModel

    larger = load_detector(training, input_size_px=128)
    assert larger.geometry.anchors == detector.geometry.anchors
    for ours, theirs in zip(larger.network.variables, detector.network.variables, strict=True):
        assert np.array_equal(ours.numpy(), theirs.numpy())
    model = LiteRtModel(float32(Export(larger)))
    assert model.input.shape == (1, 128, 128, 3)
    anchors = 9 * (16**2 + 8**2 + 4**2 + 2**2)
    assert {output.shape for output in model.outputs} == {(1, anchors, 1), (1, anchors, 4)}


def test_int8_without_pictures_or_with_wrong_ones_is_refused(detector):
    from detection.export import Export, int8

    with pytest.raises(GalaxyEdgeError, match="needs representative pictures"):
        int8(Export(detector))
    with pytest.raises(GalaxyEdgeError, match=r"shapes \[\(32, 32, 3\)\], the detector's input"):
        int8(Export(detector, (np.zeros((32, 32, 3), np.uint8),)))


def test_an_unfinished_training_is_refused_unless_asked_for(tmp_path):
    from detection.trained_detector import load_detector

    write_training(tmp_path, step=3, steps=9)
    with pytest.raises(GalaxyEdgeError, match="unfinished \\(step 3 of 9\\)"):
        load_detector(tmp_path)
    assert load_detector(tmp_path, unfinished=True).checkpoint.endswith("ckpt-3")


def test_a_folder_without_a_checkpoint_is_refused(training, tmp_path):
    from detection.trained_detector import load_detector

    shutil.copy(training / "params.yaml", tmp_path)
    with pytest.raises(GalaxyEdgeError, match="no checkpoint found; train first"):
        load_detector(tmp_path)


def test_a_checkpoint_of_another_architecture_is_refused(training, tmp_path):
    from detection.trained_detector import load_detector

    shutil.copytree(training, tmp_path / "run")
    settings = (tmp_path / "run" / "params.yaml").read_text()
    assert "num_filters: 16" in settings
    (tmp_path / "run" / "params.yaml").write_text(
        settings.replace("num_filters: 16", "num_filters: 24")
    )
    with pytest.raises(GalaxyEdgeError, match="damaged or of another architecture"):
        load_detector(tmp_path / "run")


def test_a_damaged_checkpoint_is_refused(training, tmp_path):
    from detection.trained_detector import load_detector

    shutil.copytree(training, tmp_path / "run")
    for path in (tmp_path / "run").glob("*.data-*"):
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(GalaxyEdgeError, match="cannot be restored"):
        load_detector(tmp_path / "run")


def test_an_unknown_family_is_refused(training):
    from detection.trained_detector import load_detector

    with pytest.raises(ConfigError, match="no family of detectors is called 'yolo'"):
        load_detector(training, family="yolo")


def test_post_processing_in_the_graph_decodes_and_suppresses_as_the_edge_does(detector, views):
    from detection.bundle_building import DetectorUse, geometry_manifest
    from detection.export import Export, float32
    from detection.parity import KerasDetector
    from detection.postprocessing import PostProcessing
    from detection.variants import bundle_of
    from edge_runtime.anchors import anchor_boxes, decode_boxes
    from edge_runtime.boxes import non_maximum_suppression
    from edge_runtime.detector import PostProcessedDecoder

    answers = [KerasDetector(detector)(view) for view in views]
    # few enough candidates that neither side's limit on their number counts
    least = float(np.quantile([answer.logits for answer in answers], 0.9))
    threshold = 1.0 / (1.0 + np.exp(-least))
    use = DetectorUse(score_threshold=threshold)
    bundle = bundle_of(
        float32(Export(detector, postprocessing=PostProcessing(threshold, use.nms_iou))),
        geometry_manifest(detector.geometry, postprocessed=True, use=use),
    )
    model = bundle.open_detector()
    decode = PostProcessedDecoder(bundle, model)
    anchors = anchor_boxes(detector.geometry.anchors, INPUT_SIZE_PX)
    found = 0
    for view, answer in zip(views, answers, strict=True):
        chosen = np.flatnonzero(answer.logits >= least)
        scores = 1.0 / (1.0 + np.exp(-answer.logits[chosen]))
        boxes = decode_boxes(answer.offsets[chosen], anchors[chosen])
        kept = non_maximum_suppression(boxes, scores, use.nms_iou)
        inside = decode(model.run_raw(view))
        assert inside.scores == pytest.approx(scores[kept], abs=1e-5)
        assert inside.xyxy_px == pytest.approx(boxes[kept], abs=1e-2)
        found += len(kept)
    assert found > 50


def test_an_unfinished_record_is_refused_whatever_the_checkpoint_says(training, tmp_path):
    from detection.trained_detector import load_detector
    from detection.training_record import TrainingRecord

    shutil.copytree(training, tmp_path / "run")
    record = TrainingRecord(
        family="ssd_mobilenet",
        input_size_px=INPUT_SIZE_PX,
        batch=2,
        seed=0,
        steps=8,
        data="",
        data_sha256="",
        code_version="",
        step=4,
    )
    record.write(tmp_path / "run")
    with pytest.raises(GalaxyEdgeError, match="unfinished \\(step 4 of 8\\)"):
        load_detector(tmp_path / "run")
    record.at_end(4).write(tmp_path / "run")
    assert load_detector(tmp_path / "run").geometry.input_size_px == INPUT_SIZE_PX
