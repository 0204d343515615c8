"""Candidates collected once give what the edge itself finds, and all other scorings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from square_frames import write_square_frames
from tiny_bundles import SQUARE_BOX, make_tiny_bundle

from annotations.empty_frames import empty_frame_split
from detection.evaluation.chain import bundle_around, with_overrides
from detection.evaluation.coco_metrics import coco_metrics
from detection.evaluation.collection import (
    CollectedPicture,
    ScoringRule,
    collect,
    empty_pictures,
)
from edge_runtime.bundle.loading import Bundle, load_bundle
from edge_runtime.bundle.schema import ScoreFusion
from edge_runtime.detector import Boxes
from edge_runtime.errors import BundleError, GalaxyEdgeError
from edge_runtime.evaluation.coco import read_coco
from edge_runtime.evaluation.detector import evaluate_detector
from edge_runtime.evaluation.matching import recall
from edge_runtime.pictures import read_picture
from edge_runtime.pipeline import Pipeline


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return load_bundle(make_tiny_bundle(tmp_path / "tiny"))


def candidate(detector: list[float], galaxy: list[float]) -> CollectedPicture:
    count = len(detector)
    return CollectedPicture(
        path=Path("made.png"),
        width_px=64,
        height_px=64,
        boxes_xyxy_px=np.zeros((0, 4), np.float32),
        difficult=np.zeros(0, dtype=bool),
        brightness_sigma=np.zeros(0),
        found_xyxy_px=np.arange(4 * count, dtype=np.float32).reshape(count, 4),
        detector_scores=np.array(detector, np.float32),
        galaxy_probabilities=np.array(galaxy, np.float32),
        stage_ms={},
    )


def test_scores_fuse_and_veto_as_done_by_hand():
    picture = candidate([0.9, 0.64, 0.5], [0.1, 0.81, 0.04])
    fused = picture.scored(ScoringRule(ScoreFusion(weight=0.5), 0.05, 0.5))
    assert fused.scores.tolist() == pytest.approx([0.72, 0.3])  # best first, the third vetoed
    assert fused.found_xyxy_px[0, 0] == 4.0
    product = picture.scored(ScoringRule(ScoreFusion(kind="product"), 0.0, 0.5))
    assert product.scores.tolist() == pytest.approx([0.5184, 0.09, 0.02])
    alone = picture.scored(ScoringRule.detector_only(0.5))
    assert alone.scores.tolist() == pytest.approx([0.9, 0.64, 0.5])


def test_collection_agrees_with_the_pipeline(bundle: Bundle, tmp_path: Path):
    images, annotations = write_square_frames(tmp_path / "frames")
    collection = collect(bundle, read_coco(annotations, images), threads=1)
    assert_same_as_pipeline(bundle, collection)
    assert len(collection.with_galaxies) == 3
    assert len(collection.without_galaxies) == 4
    first = collection.with_galaxies[0]
    assert first.brightness_sigma[0] > 50.0
    assert (first.width_px, first.height_px) == (64, 64)


def assert_same_as_pipeline(bundle: Bundle, collection) -> None:
    rule = collection.rule
    pipeline = Pipeline(bundle, threads=1)
    found = 0
    for picture in collection.pictures:
        detections = pipeline.process(read_picture(picture.path)).detections
        scored = picture.scored(rule).above(rule.score_threshold)
        assert scored.found_xyxy_px.tolist() == [list(d.box_xyxy_px) for d in detections]
        assert scored.scores.tolist() == pytest.approx([d.score for d in detections], abs=1e-6)
        found += len(detections)
    pipeline.close()
    assert found


def test_figures_are_those_of_evaluate_detector(bundle: Bundle, tmp_path: Path):
    images, annotations = write_square_frames(tmp_path / "frames")
    collection = collect(bundle, read_coco(annotations, images))
    scores = evaluate_detector(images, annotations, bundle_path=bundle.path)
    assert_same_figures(collection, scores)
    assert scores["recall_iou30"] == 0.75
    assert scores["false_positives_per_empty_frame"] == 0.25


def assert_same_figures(collection, scores) -> None:
    threshold = collection.rule.score_threshold
    pictures = collection.galaxy_frames()
    metrics = coco_metrics(pictures)
    assert metrics.ap50 == pytest.approx(scores["ap50"])
    assert metrics.ar1 == pytest.approx(scores["ar1"])
    assert recall([p.above(threshold) for p in pictures], 0.3) == scores["recall_iou30"]
    wrong = sum(len(p.above(threshold).scores) for p in collection.empty_frames())
    frames = max(len(collection.without_galaxies), 1)
    assert wrong / frames == scores["false_positives_per_empty_frame"]


@pytest.mark.slow
def test_figures_of_real_frames_are_those_of_evaluate_detector(data_dir: Path, tmp_path: Path):
    folder = data_dir / "frames" / "telescope_galaxies"
    pictures = read_coco(folder / "annotations.json", folder / "images")
    small = sorted(pictures, key=lambda picture: picture.path.stat().st_size)[:6]
    empty = empty_frame_split(data_dir)[1][:4]
    annotations = coco_of(small, tmp_path / "annotations.json")
    bundle = load_bundle()
    collection = collect(bundle, [*small, *empty_pictures(empty)])
    scores = evaluate_detector(folder / "images", annotations, empty)
    assert_same_figures(collection, scores)
    assert_same_as_pipeline(bundle, collection)
    assert scores["recall_iou30"] > 0.5


def coco_of(pictures, path: Path) -> Path:
    import json

    boxes = [
        {
            "id": 100 * i + j,
            "image_id": i,
            "bbox": [float(b[0]), float(b[1]), float(b[2] - b[0]), float(b[3] - b[1])],
            "difficult": int(picture.difficult[j]),
        }
        for i, picture in enumerate(pictures)
        for j, b in enumerate(picture.boxes_xyxy_px)
    ]
    images = [{"id": i, "file_name": picture.path.name} for i, picture in enumerate(pictures)]
    path.write_text(json.dumps({"images": images, "annotations": boxes}))
    return path


def test_without_the_classifier_the_detector_stands_alone(bundle: Bundle, tmp_path: Path):
    images, annotations = write_square_frames(tmp_path / "frames", squares=1)
    collection = collect(bundle, read_coco(annotations, images)[:1], classify=False)
    (picture,) = collection.pictures
    assert collection.rule == ScoringRule.detector_only(0.5)
    assert picture.galaxy_probabilities.tolist() == [1.0]
    assert picture.scored(collection.rule).scores.tolist() == picture.detector_scores.tolist()


def test_proposals_are_added_unless_the_detector_has_them(bundle: Bundle, tmp_path: Path):
    images, annotations = write_square_frames(tmp_path / "frames", squares=1)
    boxes = np.array([(20, 20, 36, 36), (40, 40, 60, 60)], np.float32)
    collection = collect(
        bundle,
        read_coco(annotations, images)[:1],
        proposals=lambda _: Boxes(boxes, np.array([0.3, 0.3], np.float32)),
    )
    (picture,) = collection.pictures
    assert picture.found_xyxy_px.tolist() == [list(SQUARE_BOX), [40, 40, 60, 60]]
    assert picture.detector_scores[1] == pytest.approx(0.3)
    assert picture.galaxy_probabilities[1] < picture.galaxy_probabilities[0]


def test_unreadable_pictures_are_named_and_all_unreadable_is_an_error(
    bundle: Bundle, tmp_path: Path
):
    images, annotations = write_square_frames(tmp_path / "frames", squares=1, empty=0, decoys=0)
    broken = images / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    pictures = [*read_coco(annotations, images), *empty_pictures([broken])]
    collection = collect(bundle, pictures)
    assert collection.unreadable == ("broken.png",)
    assert len(collection.pictures) == 1
    with pytest.raises(GalaxyEdgeError, match="none of 1 pictures is readable"):
        collect(bundle, pictures[1:])


def test_overrides_change_only_their_keys(bundle: Bundle):
    changed = with_overrides(bundle, {"detector": {"tiling": {"scales": [0, 600]}}})
    assert changed.manifest.detector.tiling.scales == (0, 600)
    assert changed.manifest.detector.tiling.overlap == 0.25
    assert changed.manifest.classifier == bundle.manifest.classifier
    assert bundle.manifest.detector.tiling.scales == (0,)


def test_override_of_a_key_that_is_not_there_names_it(bundle: Bundle):
    with pytest.raises(BundleError, match=r"detector\.tiling\.sizes"):
        with_overrides(bundle, {"detector": {"tiling": {"sizes": [0]}}})


def test_bare_detector_file_can_be_evaluated(bundle: Bundle, tmp_path: Path):
    images, annotations = write_square_frames(tmp_path / "frames", squares=1)
    model = tmp_path / "new.tflite"
    model.write_bytes(tiny_models.retinanet_detector(quantised=False))
    spec = replace_file(bundle.manifest.detector, "new.tflite")
    bare = bundle_around(model, spec, like=bundle)
    assert bare.read(bare.manifest.detector.file) == model.read_bytes()
    collection = collect(bare, read_coco(annotations, images)[:1], classify=False)
    assert collection.pictures[0].found_xyxy_px.tolist() == [list(SQUARE_BOX)]
    with pytest.raises(BundleError, match=r"absent\.tflite: cannot be read"):
        bundle_around(tmp_path / "absent.tflite", spec, like=bundle)


def replace_file(spec, name: str):
    return spec.model_copy(update={"file": name})


def test_another_threshold_leaves_the_candidates(bundle: Bundle, tmp_path: Path):
    images, annotations = write_square_frames(tmp_path / "frames", squares=1)
    collection = collect(bundle, read_coco(annotations, images))
    other = collection.at_threshold(0.999)
    assert other.rule == replace(collection.rule, score_threshold=0.999)
    assert other.pictures is collection.pictures
