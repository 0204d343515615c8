"""One command writes every variant, with a table that says what each costs and finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("official", reason="workstation extra not installed")

from tiny_trainings import INPUT_SIZE_PX, write_training

from edge_runtime.bundle.combining import read_new_detector
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.litert import LiteRtModel

pytestmark = pytest.mark.slow

FORMATS = ("float32", "float16", "dynamic", "int8")


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> Path:
    """Two annotated frames of 200 x 160 px."""
    folder = tmp_path_factory.mktemp("frames")
    rng = np.random.default_rng(0)
    images, boxes = [], []
    for number in range(2):
        picture = rng.normal(20, 5, (160, 200, 3)).clip(0, 255).astype(np.uint8)
        cv2.circle(picture, (100, 80), 20, (200, 200, 200), -1)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        images.append({"id": number, "file_name": f"{number}.png", "width": 200, "height": 160})
        boxes.append({"id": number, "image_id": number, "category_id": 1, "bbox": [80, 60, 40, 40]})
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "galaxy"}]}
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def quantised(tmp_path_factory, small_data, frames) -> tuple[Path, dict[str, Any]]:
    from detection.quantising import QuantisationPlan, quantise

    folder = tmp_path_factory.mktemp("quantising")
    write_training(folder / "training")
    plan = QuantisationPlan(
        checkpoint_dir=folder / "training",
        data_dir=small_data,
        output_dir=folder / "out",
        images=frames,
        annotations=frames / "annotations.json",
        views=12,
        threshold=0.2,
        rounds=4,
    )
    return folder / "out", quantise(plan)


def test_every_variant_runs_and_has_its_description(quantised):
    folder, _ = quantised
    for name in (*FORMATS, "int8_postprocessed"):
        path = folder / f"detector_{name}.tflite"
        model = LiteRtModel(path)
        assert model.input.shape == (1, INPUT_SIZE_PX, INPUT_SIZE_PX, 3)
        assert model.input.dtype == (np.int8 if name.startswith("int8") else np.float32)
        keys = {output.key for output in model.outputs}
        inside = name == "int8_postprocessed"
        assert keys == ({"boxes", "classes", "scores", "count"} if inside else {"boxes", "scores"})
        described = read_new_detector(path)
        assert described.spec["format"] == (
            "tflite_detection_postprocess" if inside else "retinanet_raw"
        )
        assert described.provenance["seeds"] == [1]
        assert "12 pictures: 6 composites" in described.provenance["data"]


def test_float32_is_exact_and_the_others_are_near(quantised):
    _, content = quantised
    rows = {row["variant"]: row for row in content["variants"]}
    exact = rows["float32"]["parity"]
    assert exact["pictures"] == 60
    assert exact["largest_logit_difference"] < 1e-3
    assert exact["largest_offset_difference"] < 1e-3
    assert exact["reference_detections"] > 0
    assert exact["kept"] > 0.99  # where scores tie, the order may differ
    assert exact["same_box"] > 0.95
    assert rows["int8"]["parity"]["largest_logit_difference"] > 1e-3
    for name in ("float16", "dynamic", "int8"):
        assert rows[name]["parity"]["score_difference_p95"] < 0.1, name


def test_quantised_files_are_smaller(quantised):
    folder, content = quantised
    sizes = {row["variant"]: row["size_bytes"] for row in content["variants"]}
    for name, size in sizes.items():
        assert size == (folder / f"detector_{name}.tflite").stat().st_size
    assert sizes["int8"] < sizes["float16"] < 0.8 * sizes["float32"]


def test_latencies_are_ratios_to_the_fastest_of_the_run(quantised):
    _, content = quantised
    for key in ("call_ratio_1_threads", "call_ratio_2_threads", "frame_ratio"):
        ratios = [row[key] for row in content["variants"]]
        assert min(ratios) == 1.0
    assert content["views"] == 9
    assert all(row["frame_ms"] > row["call_ms_1_threads"] for row in content["variants"])


def test_quality_is_of_the_annotated_frames_at_the_threshold(quantised):
    _, content = quantised
    for row in content["variants"]:
        quality = row["quality"]
        assert (quality["frames"], quality["galaxies"], quality["threshold"]) == (2, 2, 0.2)
        assert 0.0 <= quality["ap50"] <= 1.0
        assert quality["recall_iou50"] <= quality["recall_iou30"]


def test_the_table_for_people_has_a_row_a_variant_and_says_what_it_rests_on(quantised):
    folder, content = quantised
    text = (folder / "variants.md").read_text()
    assert json.loads((folder / "variants.json").read_text()) == content
    lines = text.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:7]] == [
        f"| {row['variant']}" for row in content["variants"]
    ]
    assert {line.count("|") for line in lines[:7]} == {12}
    assert "2 annotated frames with 2 galaxies, without the veto" in text
    assert "6 composites of training galaxies on training star fields" in text


def test_an_unfinished_training_leaves_no_folder(tmp_path, small_data):
    from detection.quantising import QuantisationPlan, quantise

    write_training(tmp_path / "training", step=1, steps=9)
    plan = QuantisationPlan(tmp_path / "training", small_data, tmp_path / "out")
    with pytest.raises(GalaxyEdgeError, match="unfinished"):
        quantise(plan)
    assert [path.name for path in tmp_path.iterdir()] == ["training"]
