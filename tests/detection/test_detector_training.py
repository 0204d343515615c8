"""Training, export and decoding agree with the Model Garden."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("official", reason="workstation extra not installed")

pytestmark = pytest.mark.slow


def test_edge_anchors_are_the_model_gardens():
    from official.vision.ops import anchor

    from detection import experiment
    from edge_runtime.anchors import anchor_boxes
    from edge_runtime.bundle.schema import AnchorSpec

    spec = AnchorSpec(
        min_level=experiment.MIN_LEVEL,
        max_level=experiment.MAX_LEVEL,
        num_scales=experiment.ANCHOR.num_scales,
        aspect_ratios=tuple(experiment.ANCHOR.aspect_ratios),
        anchor_size=experiment.ANCHOR.anchor_size,
    )
    ours = anchor_boxes(spec, experiment.INPUT_SIZE_PX)
    generator = anchor.build_anchor_generator(
        experiment.MIN_LEVEL,
        experiment.MAX_LEVEL,
        experiment.ANCHOR.num_scales,
        experiment.ANCHOR.aspect_ratios,
        experiment.ANCHOR.anchor_size,
    )
    levels = generator(image_size=(experiment.INPUT_SIZE_PX, experiment.INPUT_SIZE_PX))
    theirs = np.concatenate([np.reshape(levels[k], (-1, 4)) for k in levels])
    centres = (theirs[:, :2] + theirs[:, 2:]) / 2
    assert ours[:, :2] == pytest.approx(centres, abs=1e-3)
    assert ours[:, 2:] == pytest.approx(theirs[:, 2:] - theirs[:, :2], abs=1e-3)


def test_edge_decoding_undoes_the_model_gardens_encoding():
    import tensorflow as tf
    from official.vision.ops import box_ops

    from edge_runtime.anchors import decode_boxes

    rng = np.random.default_rng(0)
    low = rng.uniform(0, 200, (50, 2))
    anchors = np.concatenate([low, low + rng.uniform(10, 100, (50, 2))], axis=1)
    low = rng.uniform(0, 200, (50, 2))
    boxes = np.concatenate([low, low + rng.uniform(10, 100, (50, 2))], axis=1)
    offsets = box_ops.encode_boxes(
        tf.constant(boxes, tf.float32), tf.constant(anchors, tf.float32)
    ).numpy()
    centred = np.concatenate(
        [(anchors[:, :2] + anchors[:, 2:]) / 2, anchors[:, 2:] - anchors[:, :2]], axis=1
    )
    decoded = decode_boxes(offsets, centred.astype(np.float32))
    assert decoded == pytest.approx(boxes[:, [1, 0, 3, 2]], abs=0.05)


def test_training_writes_a_checkpoint_that_exports_to_an_equal_float_file(small_data, tmp_path):
    import tensorflow as tf

    from detection.export import Export, float32
    from detection.train import train_detector
    from detection.trained_detector import load_detector, normalised, raw_outputs
    from edge_runtime.litert import LiteRtModel

    train_detector(small_data, tmp_path / "run", steps=2, batch=2, seed=3)
    assert tf.train.latest_checkpoint(str(tmp_path / "run")) is not None
    detector = load_detector(tmp_path / "run")
    assert detector.geometry.input_size_px == 320
    picture = np.random.default_rng(0).integers(0, 90, (320, 320, 3), dtype=np.uint8)
    answers = LiteRtModel(float32(Export(detector))).run_raw(normalised(picture))
    by_width = {a.values.shape[-1]: a.real() for a in answers}
    expected = raw_outputs(detector, normalised(picture)[None])
    assert by_width[1] == pytest.approx(np.asarray(expected["scores"]), abs=2e-3)
    assert by_width[4] == pytest.approx(np.asarray(expected["boxes"]), abs=2e-3)
