"""Pictures reach the network at its size, with their boxes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="workstation extra not installed")

from annotations.formats.dataset import LabelledBox, LabelledPicture
from annotations.formats.problems import ProblemList
from annotations.formats.registry import read_set
from detection.crossval.views import fitted, write_training_records


def picture(folder: Path, width: int, height: int, *boxes: LabelledBox) -> LabelledPicture:
    path = folder / "frame.png"
    rng = np.random.default_rng(0)
    cv2.imwrite(str(path), rng.integers(0, 255, (height, width, 3), dtype=np.uint8))
    return LabelledPicture(path, width, height, boxes)


@pytest.mark.parametrize(("width", "height"), [(200, 100), (100, 200), (40, 40), (128, 64)])
def test_longer_side_becomes_the_size(tmp_path, width, height):
    pixels, scale = fitted(picture(tmp_path, width, height), 128)
    assert max(pixels.shape[:2]) == 128
    assert pixels.shape[1] == round(width * scale)
    assert pixels.dtype == np.uint8


def test_records_hold_scaled_boxes_and_difficult_ones_marked(tmp_path):
    boxes = (
        LabelledBox((20.0, 10.0, 120.0, 90.0), "galaxy"),
        LabelledBox((150.0, 50.0, 200.2, 80.0), "galaxy", difficult=True),
    )
    write_training_records([picture(tmp_path, 200, 100, *boxes)], ("galaxy",), tmp_path, 100)
    problems = ProblemList()
    found = read_set(tmp_path / "train-00000-of-00001.tfrecord", problems)
    assert problems.found == []
    (small,) = found.pictures
    assert (small.width_px, small.height_px) == (100, 50)
    assert small.boxes[0].xyxy_px == pytest.approx((10, 5, 60, 45))
    assert small.boxes[1].xyxy_px == pytest.approx((75, 25, 100, 40))
    assert [box.difficult for box in small.boxes] == [False, True]
