"""A folder says whether its training came to its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detection.training_record import (
    RECORD_NAME,
    TrainingRecord,
    finished_record,
    following,
    read_record,
)
from edge_runtime.errors import GalaxyEdgeError

NEW = TrainingRecord(
    family="ssd_mobilenet",
    input_size_px=320,
    batch=8,
    seed=1,
    steps=100,
    data="data",
    data_sha256="a" * 64,
    code_version="0123456789ab",
)


def test_a_record_survives_the_file(tmp_path):
    record = following(None, NEW, tmp_path)
    assert read_record(tmp_path) is None
    record.write(tmp_path)
    assert read_record(tmp_path) == record
    assert [path.name for path in tmp_path.iterdir()] == [RECORD_NAME]


def test_only_the_last_step_makes_it_finished(tmp_path):
    record = following(None, NEW, tmp_path)
    record.write(tmp_path)
    assert record.status == "unfinished"
    assert finished_record(tmp_path, ["ckpt-100"]) is None
    record.at_end(100).write(tmp_path)
    assert finished_record(tmp_path, ["run/ckpt-50", "run/ckpt-100"]).step == 100
    assert finished_record(tmp_path, ["run/ckpt-50"]) is None


def test_an_interrupted_training_keeps_its_start(tmp_path):
    old = replace(NEW, started="2026-01-01T00:00:00+00:00", init_checkpoint="coco")
    again = following(old, NEW, tmp_path)
    assert again.started == old.started
    assert again.init_checkpoint == "coco"
    assert not again.is_finished


def test_a_finished_training_is_not_done_again(tmp_path):
    done = following(None, NEW, tmp_path).at_end(100)
    assert following(done, NEW, tmp_path) is done


def test_a_longer_one_goes_on_and_remembers_the_stage(tmp_path):
    done = following(None, NEW, tmp_path).at_end(100)
    longer = following(done, replace(NEW, steps=200, seed=2), tmp_path)
    assert not longer.is_finished
    assert [(stage["steps"], stage["seed"]) for stage in longer.earlier] == [(100, 1)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"family": "mobiledet"}, "detectors of another family"),
        ({"input_size_px": 256}, "another input size"),
        ({"data_sha256": "b" * 64}, "other data"),
    ],
)
def test_a_folder_is_not_shared_with_another_training(tmp_path, change, said):
    with pytest.raises(GalaxyEdgeError, match=said):
        following(following(None, NEW, tmp_path), replace(NEW, **change), tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"family": "ssd_mobilenet"}', '{"earlier": 3}'])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / RECORD_NAME).write_text(content)
    with pytest.raises(GalaxyEdgeError, match=r"training\.json: damaged"):
        read_record(tmp_path)
