"""What is checked before labelImg opens."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from annotations.labelling.launch import require_display, require_labelimg, settings_file
from annotations.labelling.session import LabellingSession, prepare_session
from edge_runtime.errors import GalaxyEdgeError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "night"
    made.mkdir()
    for name in ("b.JPG", "a.png", "notes.md"):
        (made / name).touch()
    return made


def test_labels_go_beside_the_pictures_and_the_class_is_galaxy(folder):
    session = prepare_session(folder)
    assert session == LabellingSession(folder, folder, ("galaxy",), "voc")
    assert LabellingSession.from_json(session.to_json()) == session


def test_output_is_made_and_classes_are_read(folder):
    (folder / "classes.lst").write_text("galaxy\n  star cluster \n\n", encoding="utf-8")
    output = folder / "deep" / "labels"
    session = prepare_session(folder, classes_file=folder / "classes.lst", output=output)
    assert session.classes == ("galaxy", "star cluster")
    assert output.is_dir()


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing", "no such folder"), ("a.png", "is not a folder"), ("empty", "holds no picture")],
)
def test_a_folder_that_is_none_or_has_no_picture_is_named(folder, name, message):
    (folder / "empty").mkdir()
    (folder / "empty" / "notes.md").touch()
    with pytest.raises(GalaxyEdgeError, match=rf"{name}: {message}"):
        prepare_session(folder / name)


def test_two_pictures_with_one_label_file_are_refused(folder):
    (folder / "a.jpg").touch()
    with pytest.raises(GalaxyEdgeError, match=r"a\.jpg and a\.png would share .* a\.xml"):
        prepare_session(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": lists no label"),
        (b"\n \n", ": lists no label"),
        (b"galaxy\nstar\ngalaxy\n", ":3: label 'galaxy' is listed twice"),
        (b"\xff\xfe\x00", ": not a text file"),
        (None, ": cannot be read"),
    ],
)
def test_a_bad_list_of_classes_is_named(folder, content, message):
    path = folder / "classes.lst"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GalaxyEdgeError, match=rf"classes\.lst{message}"):
        prepare_session(folder, classes_file=path)


@pytest.mark.parametrize(("existing", "asked"), [("a.txt", "voc"), ("a.xml", "yolo")])
def test_labels_in_the_other_format_are_not_mixed_with(folder, existing, asked):
    (folder / existing).touch()
    with pytest.raises(GalaxyEdgeError, match=rf"{existing}: labels in the format"):
        prepare_session(folder, label_format=asked)
    prepare_session(folder, label_format=asked, output=folder / "labels")


def test_text_files_of_other_things_are_no_labels(folder):
    (folder / "readme.txt").touch()
    assert prepare_session(folder).classes == ("galaxy",)


def test_the_classes_beside_earlier_labels_are_offered_again(folder):
    (folder / "labels.txt").write_text("nebula\ngalaxy\n", encoding="utf-8")
    assert prepare_session(folder).classes == ("nebula", "galaxy")
    assert prepare_session(folder, output=folder / "new").classes == ("galaxy",)


def test_yolo_keeps_the_numbers_that_its_classes_have(folder):
    (folder / "classes.txt").write_text("nebula\ngalaxy\n", encoding="utf-8")
    assert prepare_session(folder, label_format="yolo").classes == ("nebula", "galaxy")
    wanted = folder / "wanted.lst"
    wanted.write_text("nebula\ngalaxy\ncomet\n", encoding="utf-8")
    session = prepare_session(folder, label_format="yolo", classes_file=wanted)
    assert session.classes == ("nebula", "galaxy", "comet")
    wanted.write_text("galaxy\nnebula\n", encoding="utf-8")
    with pytest.raises(GalaxyEdgeError, match="must begin with the same, in the same order"):
        prepare_session(folder, label_format="yolo", classes_file=wanted)


def test_without_a_display_the_error_says_how_to_get_one():
    with pytest.raises(GalaxyEdgeError, match=r"\$DISPLAY is not set.*xvfb-run"):
        require_display({"DISPLAY": ""}, "linux")
    require_display({"DISPLAY": ":0"}, "linux")
    require_display({"WAYLAND_DISPLAY": "wayland-0"}, "linux")
    require_display({}, "darwin")


def test_without_labelimg_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(GalaxyEdgeError, match=r"pip install 'galaxy-edge\[annotate\]'"):
        require_labelimg()


def test_settings_are_kept_apart_from_those_of_labelimg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert settings_file() == tmp_path / "galaxy-edge" / "labelimg.pkl"


def test_the_command_ends_with_an_error_line_and_no_traceback(folder):
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment.pop("QT_QPA_PLATFORM", None)
    done = subprocess.run(
        [sys.executable, "-m", "edge_runtime.cli", "annotate", str(folder / "missing")],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert (
        done.stderr == f"error: {folder / 'missing'}: no such folder; name a folder of pictures\n"
    )
