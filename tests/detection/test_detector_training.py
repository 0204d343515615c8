"""Training, export and decoding agree with the Model Garden."""

from __future__ import annotations

from pathlib import Path

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


@pytest.fixture(scope="module")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with four drawn galaxies and one star field."""
    import cv2

    from edge_runtime.decision_tree import VOTE_COLUMNS

    folder = tmp_path_factory.mktemp("data")
    pictures = folder / "galaxies" / "images"
    pictures.mkdir(parents=True)
    rows, columns = np.mgrid[:264, :264] - 132.0
    header = ["file", "source", "frame_scale", "split", "class5", *VOTE_COLUMNS]
    lines = [",".join(header)]
    rng = np.random.default_rng(0)
    for i in range(4):
        light = 200 * np.exp(-np.hypot(columns / (8 + 3 * i), rows / 8))
        noisy = (light[:, :, None] + rng.normal(8, 2, (264, 264, 3))).clip(0, 255)
        cv2.imwrite(str(pictures / f"{i}.jpg"), noisy.astype(np.uint8))
        lines.append(",".join([f"images/{i}.jpg", "kaggle", "1.0", "train", "", *[""] * 37]))
    (folder / "galaxies" / "labels.csv").write_text("\n".join(lines) + "\n")
    frames = folder / "frames" / "no_galaxy" / "images"
    frames.mkdir(parents=True)
    for i in range(2):
        noise = rng.normal(15, 3, (640, 640, 3)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(frames / f"dsy_{i}.jpg"), noise)
    return folder


def test_training_writes_a_checkpoint_that_exports_to_an_equal_float_file(small_data, tmp_path):
    import tensorflow as tf

    from detection.export import export, load_model, normalised
    from detection.train import train_detector
    from edge_runtime.litert import LiteRtModel

    train_detector(small_data, tmp_path / "run", steps=2, batch=2, seed=3)
    assert tf.train.latest_checkpoint(str(tmp_path / "run")) is not None
    network = load_model(tmp_path / "run")
    path = export(network, tmp_path / "detector.tflite")
    picture = np.random.default_rng(0).integers(0, 90, (320, 320, 3), dtype=np.uint8)
    model = LiteRtModel(path)
    answers = model.run_raw(normalised(picture))
    by_width = {a.values.shape[-1]: a.real() for a in answers}
    scores, boxes, _ = network.head(
        network.decoder(network.backbone(normalised(picture)[None], training=False))
    )
    expected = np.concatenate([np.reshape(scores[k], (-1)) for k in sorted(scores)])
    assert by_width[1].ravel() == pytest.approx(expected, abs=2e-3)
    expected = np.concatenate([np.reshape(boxes[k], (-1, 4)) for k in sorted(boxes)])
    assert by_width[4][0] == pytest.approx(expected, abs=2e-3)
