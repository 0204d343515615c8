"""``galaxy-edge data boxes`` writes boxes and a sheet to judge them by."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("sep", reason="workstation extra not installed")

from annotations.commands_boxes import boxes
from annotations.formats.dataset import AnnotationError
from annotations.galaxy_zoo_boxes import label_frames, whole_frames
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.errors import ConfigError


def zoo(folder: Path, splits: list[str], source: str = "gz2") -> Path:
    """A data folder with drawn frames, one of each split named."""
    pictures = folder / "galaxies" / "images"
    pictures.mkdir(parents=True)
    rows, columns = np.mgrid[:128, :128] - 64.0
    lines = [",".join(["file", "source", "frame_scale", "split", "class5", *VOTE_COLUMNS])]
    rng = np.random.default_rng(0)
    for i, split in enumerate(splits):
        light = 200 * np.exp(-np.hypot(columns / (6 + i), rows / 6) / 1.5)
        noisy = (light[:, :, None] + rng.normal(8, 2, (128, 128, 3))).clip(0, 255)
        cv2.imwrite(str(pictures / f"{i}.jpg"), noisy.astype(np.uint8))
        lines.append(",".join([f"images/{i}.jpg", source, "1.0", split, "", *[""] * 37]))
    (folder / "galaxies" / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_test_frames_stay_out_unless_asked_for(tmp_path):
    data = zoo(tmp_path, ["train", "val", "test", "train"])
    boxes(data, tmp_path / "boxes.json")
    content = json.loads((tmp_path / "boxes.json").read_text())
    names = [picture["file_name"] for picture in content["images"]]
    assert names == ["images/0.jpg", "images/1.jpg", "images/3.jpg"]
    assert [picture["group"] for picture in content["images"]] == ["0", "1", "3"]
    boxes(data, tmp_path / "test.json", split=["test"])
    assert len(json.loads((tmp_path / "test.json").read_text())["images"]) == 1


def test_contact_sheet_shows_the_boxes(tmp_path):
    data = zoo(tmp_path, ["train"] * 5)
    boxes(data, tmp_path / "boxes.json", tmp_path / "sheet.png", count=4, columns=3)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (2 * 212, 3 * 212, 3)
    red = (sheet[:, :, 2] == 255) & (sheet[:, :, 1] == 64) & (sheet[:, :, 0] == 64)
    assert red[:212, :212].sum() > 80


def test_data_without_whole_frames_is_an_error(tmp_path):
    with pytest.raises(AnnotationError, match=r"labels\.csv: no row with source gz2"):
        boxes(zoo(tmp_path, ["train"], source="kaggle"), tmp_path / "boxes.json")
    assert not (tmp_path / "boxes.json").exists()


def test_an_empty_frame_is_left_out_with_a_warning(tmp_path, caplog):
    data = zoo(tmp_path, ["train", "train"])
    dark = np.random.default_rng(1).normal(8, 2, (128, 128, 3)).clip(0, 255).astype(np.uint8)
    cv2.imwrite(str(data / "galaxies" / "images" / "1.jpg"), dark)
    labelled = label_frames(whole_frames(data))
    assert [picture.name for picture in labelled.pictures] == ["images/0.jpg"]
    assert "images/1.jpg: no galaxy at the centre" in caplog.text
    cv2.imwrite(str(data / "galaxies" / "images" / "0.jpg"), dark)
    with pytest.raises(AnnotationError, match="no frame has a galaxy at its centre"):
        label_frames(whole_frames(data))


def test_unknown_split_and_sheet_format_are_errors(tmp_path):
    with pytest.raises(ConfigError, match="--split all: there are train, val, test"):
        boxes(tmp_path, tmp_path / "boxes.json", split=["all"])
    with pytest.raises(ConfigError, match=r"\.png or \.jpg"):
        boxes(tmp_path, tmp_path / "boxes.json", tmp_path / "sheet.gif")
