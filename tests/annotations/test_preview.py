"""The preview sheet shows pictures and boxes, and its command says what it needs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from annotations.composites import Composite
from annotations.preview import preview, sheet_of, write_sheet
from edge_runtime.errors import ConfigError, GalaxyEdgeError

app = typer.Typer()
app.command()(preview)


def run(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_sheet_holds_every_picture_with_its_box():
    composites = [
        Composite(np.full((40, 40, 3), value, np.uint8), np.array([[5, 10, 20, 30]], np.float32))
        for value in (10, 20, 30)
    ]
    sheet = sheet_of(composites, columns=2)
    assert sheet.shape == (84, 84, 3)
    assert sheet[35, 35, 0] == 10
    assert sheet[35, 44 + 35, 0] == 20
    assert sheet[44 + 35, 35, 0] == 30
    red = (sheet == (255, 80, 60)).all(axis=2)
    assert red[10, 5:20].all()
    assert red[29, 44 + 5 : 44 + 20].all()
    assert red.sum() == 3 * (2 * 15 + 2 * 18)
    assert composites[0].picture.max() == 10  # boxes are drawn on a copy


def test_simulated_frames_need_no_data_and_repeat_by_seed(tmp_path: Path):
    options = ("--count", 3, "--size", 96)
    for name, seed in (("a.png", 1), ("b.png", 1), ("c.png", 2)):
        done = run("--output", tmp_path / name, "--seed", seed, *options)
        assert done.exit_code == 0, done.output
    first, same, other = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png", "c.png"))
    assert first == same != other
    assert cv2.imread(str(tmp_path / "a.png")).shape == (96, 3 * 96 + 2 * 4, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--source", "composites", "--output", "a.png"), "composites needs --data"),
        (("--source", "mixed", "--output", "a.png"), "mixed needs --data"),
        (("--output", "a.gif"), r"a\.gif: write to a \.png or \.jpg file"),
    ],
)
def test_options_that_do_not_fit_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_a_folder_that_is_no_data_folder_is_named(tmp_path: Path):
    arguments = ["--data", str(tmp_path), "--output", str(tmp_path / "a.png")]
    with pytest.raises(GalaxyEdgeError, match=str(tmp_path)):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert not (tmp_path / "a.png").exists()


def test_a_sheet_that_cannot_be_written_is_named(tmp_path: Path):
    with pytest.raises(GalaxyEdgeError, match="cannot be written"):
        write_sheet(tmp_path / "missing" / "a.png", np.zeros((4, 4, 3), np.uint8))


@pytest.mark.slow
def test_composites_and_simulated_frames_are_mixed_from_real_data(data_dir, tmp_path):
    done = run("--data", data_dir, "--count", 4, "--size", 160, "--output", tmp_path / "a.jpg")
    assert done.exit_code == 0, done.output
    assert cv2.imread(str(tmp_path / "a.jpg")).shape == (160, 4 * 160 + 3 * 4, 3)
