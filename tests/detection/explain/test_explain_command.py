"""``galaxy-edge explain detection`` on a picture with one square."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
import typer
from tiny_bundles import encode_png, make_tiny_bundle, square_picture
from typer.testing import CliRunner

from detection.commands.explain import explain_detection
from edge_runtime.errors import ConfigError, FrameError, GalaxyEdgeError


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    make_tiny_bundle(folder / "tiny")
    (folder / "square.png").write_bytes(encode_png(square_picture()))
    (folder / "empty.png").write_bytes(encode_png(np.full((64, 64, 3), 20, np.uint8)))
    return folder


def run(files, picture, *arguments):
    app = typer.Typer()
    app.command()(explain_detection)
    command = [str(files / picture), "--bundle", str(files / "tiny"), "--masks", "40", *arguments]
    return CliRunner().invoke(app, command)


def test_the_page_holds_everything_in_one_file(files, tmp_path):
    done = run(files, "square.png", "--output", str(tmp_path / "why.html"))
    assert done.exit_code == 0, done.output
    page = (tmp_path / "why.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 3
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "Why box 1 was found" in page
    assert "tiny 1.2.3" in page
    assert all(f'alt="{word}' in page for word in ("The frame", "Occlusion", "RISE"))


def test_the_picture_shows_the_frame_and_the_maps_side_by_side(files, tmp_path):
    done = run(files, "square.png", "--at", "28,28", "--output", str(tmp_path / "why.png"))
    assert done.exit_code == 0, done.output
    drawn = cv2.imread(str(tmp_path / "why.png"))
    assert drawn.shape == (670, 3 * 640, 3)
    plain, covered = drawn[:640, :640].astype(int), drawn[:640, 640:1280].astype(int)
    change = covered - plain  # blue, green, red: amber adds red where it is dark, and no blue
    assert np.abs(change).max() > 30
    assert change[..., 2].sum() > change[..., 0].sum()


@pytest.mark.parametrize(
    ("picture", "arguments", "error", "message"),
    [
        ("empty.png", (), GalaxyEdgeError, "empty.png: no galaxy is detected"),
        ("square.png", ("--at", "3,60"), GalaxyEdgeError, "no box is at 3,60; there are: box 1"),
        ("square.png", ("--box", "9"), GalaxyEdgeError, "has no box 9"),
        ("none.png", (), FrameError, "does not exist"),
    ],
)
def test_what_cannot_be_explained_is_said(files, tmp_path, picture, arguments, error, message):
    done = run(files, picture, *arguments, "--output", str(tmp_path / "why.html"))
    assert isinstance(done.exception, error)
    assert message in str(done.exception)
    assert not (tmp_path / "why.html").exists()


def test_an_output_of_another_kind_is_refused_before_anything_is_computed(files, tmp_path):
    done = run(files, "none.png", "--output", str(tmp_path / "why.jpg"))
    assert isinstance(done.exception, ConfigError)
    assert "must end in .html or .png" in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--at", "here"), "is not X,Y"),
        (("--at", "1,2", "--box", "1"), "say one of them"),
        (("--method", "gradcam"), "not known"),
    ],
)
def test_wrong_usage_is_told_from_failure(files, tmp_path, arguments, message):
    done = run(files, "square.png", *arguments, "--output", str(tmp_path / "why.html"))
    assert done.exit_code == 2
    assert message in done.output
