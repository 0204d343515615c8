"""Settings are checked, and a folder is resumed with the same ones only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from drawn_frames import drawn_frames

from detection.crossval.settings import (
    CrossvalSettings,
    claim_folder,
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


def test_a_folder_is_resumed_with_the_same_settings_only(tmp_path: Path):
    claim_folder(tmp_path, SETTINGS)
    claim_folder(tmp_path, SETTINGS)
    with pytest.raises(ConfigError, match="with steps 1000, not 7; name another --output"):
        claim_folder(tmp_path, replace(SETTINGS, steps=7))
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        claim_folder(tmp_path, SETTINGS)


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
