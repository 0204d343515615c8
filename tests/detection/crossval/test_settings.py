"""Settings are checked, and data are told apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from drawn_frames import drawn_frames

from detection.crossval.settings import (
    CrossvalSettings,
    data_hash,
    parse_checkpoints,
)
from edge_runtime.errors import ConfigError

SETTINGS = CrossvalSettings(("ssd_mobilenet",), init_checkpoints={"ssd_mobilenet": "/a"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"families": ("yolo",)}, "no family of detectors is called 'yolo'"),
        ({"families": ("ssd_mobilenet", "ssd_mobilenet")}, "twice"),
        ({"families": ("efficientdet_d0",)}, "ssd_mobilenet: not among --families"),
        ({"folds": 1}, "at least 2"),
        ({"steps": 0}, "at least 1"),
        ({"input_size_px": 100}, "take a multiple of 32 px, such as 96"),
    ],
)
def test_wrong_settings_are_named(change, message):
    with pytest.raises(ConfigError, match=message):
        replace(SETTINGS, **change)


def test_hash_changes_with_boxes_and_groups(tmp_path: Path):
    few = drawn_frames(tmp_path, 3)
    grouped = replace(few, pictures=tuple(replace(p, group="a") for p in few.pictures))
    moved = replace(few, pictures=tuple(replace(p, boxes=()) for p in few.pictures))
    assert len({data_hash(one) for one in (few, grouped, moved)}) == 3
    assert data_hash(few) == data_hash(replace(few))


def test_checkpoints_are_named_by_family(tmp_path: Path):
    assert parse_checkpoints([f"ssd_mobilenet={tmp_path}"]) == {"ssd_mobilenet": str(tmp_path)}
    with pytest.raises(ConfigError, match="expected FAMILY=PATH"):
        parse_checkpoints(["runs/detector"])
    with pytest.raises(ConfigError, match="twice"):
        parse_checkpoints(["a=b", "a=c"])
