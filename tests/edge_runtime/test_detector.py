"""The detector over views, with tiny real models; and its anchors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_models
from tiny_bundles import make_tiny_bundle, make_tiny_postprocess_bundle, square_picture

from edge_runtime.anchors import anchor_boxes, decode_boxes
from edge_runtime.boxes import iou
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.bundle.schema import AnchorSpec
from edge_runtime.detector import Detector
from edge_runtime.errors import BundleError

SQUARE = np.array([[20, 20, 36, 36]], dtype=np.float32)


@pytest.mark.parametrize("make", [make_tiny_bundle, make_tiny_postprocess_bundle])
def test_bright_square_is_found_by_both_kinds_of_detector(tmp_path: Path, make):
    detector = Detector(load_bundle(make(tmp_path / "bundle")), threads=2)
    found = detector.detect(square_picture())
    detector.close()
    assert len(found.scores) >= 1
    assert iou(found.xyxy_px[:1], SQUARE)[0, 0] > 0.5
    assert found.scores[0] > 0.5


def test_dark_picture_has_no_detection(tiny_bundle_dir: Path):
    detector = Detector(load_bundle(tiny_bundle_dir), threads=1)
    assert len(detector.detect(np.full((64, 64, 3), 20, np.uint8)).scores) == 0
    detector.close()


def test_number_of_threads_does_not_change_the_result(tiny_bundle_dir: Path):
    bundle = load_bundle(tiny_bundle_dir)
    picture = np.full((300, 400, 3), 20, np.uint8)
    picture[100:130, 200:230] = 250
    answers = []
    for threads in (1, 3):
        detector = Detector(bundle, threads)
        answers.append(detector.detect(picture))
        detector.close()
    assert (answers[0].xyxy_px == answers[1].xyxy_px).all()
    assert (answers[0].scores == answers[1].scores).all()


def test_detector_that_does_not_fit_its_anchors_is_refused(tmp_path: Path):
    wrong = {"min_level": 3, "max_level": 3, "num_scales": 1, "aspect_ratios": [1.0]}
    folder = make_tiny_bundle(tmp_path / "bundle")
    manifest = load_bundle(folder).manifest
    spec = manifest.detector.model_copy(
        update={"anchors": AnchorSpec.model_validate({**wrong, "anchor_size": 4.0})}
    )
    detector = spec.model_dump(mode="json")
    del detector["file"]
    other = make_tiny_bundle(tmp_path / "other", detector=detector)
    with pytest.raises(BundleError, match="no output of shape"):
        Detector(load_bundle(other))


def test_four_outputs_are_told_apart_by_the_names_of_both_exporters():
    from edge_runtime.detector import _scores_by_order
    from edge_runtime.litert import TensorSpec

    def outputs(*numbers_and_shapes: tuple[str, tuple[int, ...]]) -> list[TensorSpec]:
        return [
            TensorSpec(name, "", shape, np.dtype(np.float32), 0.0, 0)
            for name, shape in numbers_and_shapes
        ]

    # TensorFlow 1 exporter: boxes, classes, scores, count
    old = outputs(
        ("TFLite_Detection_PostProcess", (1, 10, 4)),
        ("TFLite_Detection_PostProcess:1", (1, 10)),
        ("TFLite_Detection_PostProcess:2", (1, 10)),
        ("TFLite_Detection_PostProcess:3", (1,)),
    )
    assert _scores_by_order(old, 0, 3, [1, 2]) == 2
    # TensorFlow 2 exporter: scores, boxes, count, classes
    new = outputs(
        ("StatefulPartitionedCall:1", (1, 10)),
        ("StatefulPartitionedCall:3", (1, 10, 4)),
        ("StatefulPartitionedCall:0", (1,)),
        ("StatefulPartitionedCall:2", (1, 10)),
    )
    assert _scores_by_order(new, 1, 2, [0, 3]) == 0


def test_anchor_without_offset_decodes_to_itself():
    spec = AnchorSpec(
        min_level=3, max_level=4, num_scales=2, aspect_ratios=(0.5, 2.0), anchor_size=2.5
    )
    anchors = anchor_boxes(spec, 64)
    assert anchors.shape == ((64 + 16) * 4, 4)
    boxes = decode_boxes(np.zeros_like(anchors), anchors)
    sides = np.stack([boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]], axis=1)
    assert sides == pytest.approx(anchors[:, 2:], rel=1e-5)
    assert (sides[0] / sides[0][::-1])[0] == pytest.approx(2.0)  # ratio 0.5 is tall
    assert np.prod(sides[0]) == pytest.approx(20.0**2)


def test_offsets_move_and_scale_the_anchor():
    anchors = np.array([[50.0, 40.0, 20.0, 10.0]], dtype=np.float32)
    offsets = np.array([[0.5, -1.0, np.log(2.0), 0.0]], dtype=np.float32)
    assert decode_boxes(offsets, anchors)[0].tolist() == pytest.approx([25, 40, 35, 80])


def test_damaged_offsets_stay_finite():
    anchors = np.array([[50.0, 40.0, 20.0, 10.0]], dtype=np.float32)
    huge = np.full((1, 4), 1e4, dtype=np.float32)
    assert np.isfinite(decode_boxes(huge, anchors)).all()


def test_tiny_detector_size_is_what_these_tests_assume():
    assert tiny_models.DETECTOR_SIZE_PX == 64
