from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.cameras.base import Camera
from edge_runtime.cameras.folder import FolderCamera
from edge_runtime.cameras.rtsp import RtspCamera
from edge_runtime.cameras.uri import SCHEMES, SourceSpec, open_camera, parse_source
from edge_runtime.cameras.v4l2 import V4L2Camera
from edge_runtime.cameras.video import VideoCamera
from edge_runtime.errors import ConfigError


@pytest.mark.parametrize(
    ("uri", "spec"),
    [
        ("sim:", SourceSpec("sim", "")),
        ("sim:?targets=M51,M81&seed=3", SourceSpec("sim", "", {"targets": "M51,M81", "seed": "3"})),
        ("folder:/data/x", SourceSpec("folder", "/data/x")),
        ("folder:/d?recursive=1&glob=*.fits",
         SourceSpec("folder", "/d", {"recursive": "1", "glob": "*.fits"})),
        ("folder:/data/frame_??.png", SourceSpec("folder", "/data/frame_??.png")),
        ("video:a b.mp4", SourceSpec("video", "a b.mp4")),
        ("v4l2:0", SourceSpec("v4l2", "0")),
        ("V4L2:/dev/video0?fps=5", SourceSpec("v4l2", "/dev/video0", {"fps": "5"})),
        ("rtsp://u:p@host/s?channel=1", SourceSpec("rtsp", "rtsp://u:p@host/s?channel=1")),
        ("python:my.module:Cam?x=1", SourceSpec("python", "my.module:Cam", {"x": "1"})),
        ("/data/night", SourceSpec("folder", "/data/night")),
        ("m51.fits.fz", SourceSpec("folder", "m51.fits.fz")),
        ("clip.MP4", SourceSpec("video", "clip.MP4")),
        (" sim: ", SourceSpec("sim", "")),
    ],
)  # fmt: skip
def test_sources_are_parsed(uri, spec):
    assert parse_source(uri) == spec


def test_a_file_with_a_colon_in_its_name_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ngc:224.jpg").touch()
    assert parse_source("ngc:224.jpg") == SourceSpec("folder", "ngc:224.jpg")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("", "the source is empty"),
        ("usb:0", "unknown scheme 'usb'; known: sim:, folder:, video:, v4l2:, rtsp:"),
        ("http://u:secret@host/", r"http://u:\*\*\*@host/"),
        ("folder:", "nothing follows the colon; example: folder:"),
        ("v4l2:", "nothing follows"),
        ("rtsp:camera", "not an address; example: rtsp://"),
        ("rtsp://", "not an address"),
    ],
)
def test_wrong_sources_are_errors_that_help(uri, message):
    with pytest.raises(ConfigError, match=message):
        parse_source(uri)


@given(st.text(max_size=40))
def test_any_text_is_a_source_or_a_configuration_error(text):
    try:
        spec = parse_source(text)
    except ConfigError:
        return
    assert spec.scheme in SCHEMES


def test_passwords_are_never_shown():
    spec = parse_source("rtsp://me:secret@host/stream")
    assert spec.display == "rtsp://me:***@host/stream"
    assert "secret" not in open_camera(spec).name


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("folder:/data", FolderCamera),
        ("video:/a.mp4", VideoCamera),
        ("v4l2:0?width=640&height=480&fps=5&fourcc=MJPG", V4L2Camera),
        ("v4l2:/dev/video9", V4L2Camera),
        ("rtsp://host/x", RtspCamera),
        (f"python:{__name__}:OwnCamera?colour=red", Camera),
    ],
)
def test_each_scheme_makes_its_driver_without_opening_it(uri, kind):
    assert isinstance(open_camera(uri), kind)


def test_the_simulated_sky_is_made_from_its_options():
    camera = open_camera("sim:?targets=M51&seed=3")
    assert isinstance(camera, Camera)
    assert not camera.live


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "python"])
def test_the_example_of_every_scheme_works(scheme):
    assert isinstance(open_camera(SCHEMES[scheme].example), Camera)
    assert SCHEMES[scheme].summary


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("folder:/data?colour=red", "unknown option 'colour'; known: recursive, glob"),
        ("folder:/data?recursive=maybe", "recursive='maybe' must be 1 or 0"),
        ("video:/a.mp4?fps=3", "unknown option 'fps'; it has none"),
        ("v4l2:0?width=-3", "width='-3' must be a number greater than 0"),
        ("v4l2:0?fps=nan", "must be a number"),
        ("v4l2:camera", "write the device as v4l2:0"),
        ("v4l2:0?fourcc=MJPEG", "up to 4 letters"),
        ("python:no.such.module:Camera", "cannot import it: No module named 'no'"),
        ("python:os:Camera", "has no attribute 'Camera'"),
        ("python::", "cannot import it"),
        ("python:builtins:str", "not an edge_runtime"),
        (f"python:{__name__}:OwnCamera?size=1", "unexpected keyword argument 'size'"),
    ],
)
def test_wrong_options_are_errors_that_name_them(uri, message):
    with pytest.raises(ConfigError, match=message):
        open_camera(uri)


def test_a_source_is_read_through_its_uri(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((20, 20), np.uint8))
    with open_camera(f"folder:{tmp_path}?glob=*.png") as camera:
        assert camera.read().name == "a.png"
        assert camera.read() is None


def test_drivers_and_their_libraries_are_imported_only_when_used():
    program = (
        "import sys; import edge_runtime.cameras.uri; "
        "print(sorted({'cv2', 'numpy.linalg', 'astropy', 'edge_runtime.cameras.simulated'} "
        "& set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "cv2" not in result.stdout
    assert "astropy" not in result.stdout
    assert "simulated" not in result.stdout


class OwnCamera(Camera):
    def __init__(self, colour: str = "") -> None:
        self.colour = colour

    def open(self):
        pass

    def read(self):
        return None

    def close(self):
        pass
