"""``evaluate detector`` end to end on a tiny bundle; COCO files that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_bundles import encode_png, square_picture

from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.coco import read_coco
from edge_runtime.evaluation.detector import evaluate_detector


@pytest.fixture
def annotated(tmp_path: Path) -> tuple[Path, Path]:
    images = tmp_path / "images"
    images.mkdir()
    (images / "square.png").write_bytes(encode_png(square_picture()))
    (images / "blank.png").write_bytes(encode_png(square_picture() * 0 + 20))
    annotations = tmp_path / "annotations.json"
    annotations.write_text(
        json.dumps(
            {
                "images": [
                    {"id": 1, "file_name": "square.png"},
                    {"id": 2, "file_name": "blank.png"},
                ],
                "annotations": [
                    {"id": 1, "image_id": 1, "bbox": [20, 20, 16, 16], "category_id": 1}
                ],
                "categories": [{"id": 1, "name": "galaxy"}],
            }
        )
    )
    return images, annotations


def test_square_is_recalled_and_the_blank_picture_is_an_empty_frame(annotated, tiny_bundle_dir):
    images, annotations = annotated
    scores = evaluate_detector(images, annotations, bundle_path=tiny_bundle_dir)
    assert scores["recall_iou30"] == 1.0
    assert scores["frames"] == 2
    assert scores["empty_frames"] == 1
    assert scores["galaxies"] == 1
    assert scores["latency_ms"]["p50"] > 0


def test_detections_on_empty_frames_are_false_positives(annotated, tiny_bundle_dir, tmp_path):
    images, annotations = annotated
    path = tmp_path / "not-so-empty.png"
    path.write_bytes(encode_png(square_picture()))
    scores = evaluate_detector(images, annotations, [path], bundle_path=tiny_bundle_dir)
    assert scores["empty_frames"] == 2
    assert scores["false_positives_per_empty_frame"] >= 0.5


def test_unreadable_picture_is_listed_and_the_rest_is_scored(annotated, tiny_bundle_dir):
    images, annotations = annotated
    (images / "blank.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    scores = evaluate_detector(images, annotations, bundle_path=tiny_bundle_dir)
    assert scores["unreadable"] == ["blank.png"]
    assert scores["frames"] == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"images": [{"id": 1, "file_name": "gone.png"}]}, "gone.png: not found"),
        ({"annotations": [{"id": 7, "image_id": 9, "bbox": [0, 0, 1, 1]}]}, "7: no image 9"),
        ({"annotations": [{"id": 7, "image_id": 1, "bbox": [0, 0, 0, 1]}]}, "no area"),
        ({"annotations": [{"id": 7, "image_id": 1}]}, "not COCO annotations"),
        ({"images": [], "annotations": []}, "lists no image"),
    ],
)
def test_wrong_annotations_are_named(annotated, change, says):
    images, annotations = annotated
    content = json.loads(annotations.read_text())
    annotations.write_text(json.dumps(content | change))
    with pytest.raises(GalaxyEdgeError, match=says):
        read_coco(annotations, images)


def test_file_that_is_no_json_is_named(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{")
    with pytest.raises(GalaxyEdgeError, match=r"a\.json: not valid JSON"):
        read_coco(path, tmp_path)
    with pytest.raises(GalaxyEdgeError, match="cannot be read"):
        read_coco(tmp_path / "missing.json", tmp_path)


def test_annotations_of_the_real_frames_are_readable(data_dir):
    folder = data_dir / "frames" / "telescope_galaxies"
    pictures = read_coco(folder / "annotations.json", folder / "images")
    assert len(pictures) == 61
    assert sum(len(p.boxes_xyxy_px) for p in pictures) == 126
