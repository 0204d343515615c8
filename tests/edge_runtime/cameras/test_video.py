from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.cameras.video import VideoCamera
from edge_runtime.errors import CameraError, FrameError

FRAMES = 30


def record(path: Path, codec: str, frames: int = FRAMES) -> Path:
    """A video whose frames get brighter in red by 8 each."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10.0, (64, 48))
    assert writer.isOpened()
    for index in range(frames):
        frame = np.zeros((48, 64, 3), np.uint8)
        frame[..., 2] = 8 * index
        writer.write(frame)
    writer.release()
    return path


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "MJPG"), ("a.mp4", "mp4v")])
def test_every_frame_comes_once_in_order_with_its_time(tmp_path, name, codec):
    path = record(tmp_path / name, codec)
    end = datetime(2024, 1, 1, tzinfo=UTC)
    os.utime(path, (end.timestamp(), end.timestamp()))
    with VideoCamera(path) as camera:
        assert camera.frame_count == FRAMES
        assert not camera.live
        frames = [camera.read() for _ in range(FRAMES)]
        assert camera.read() is None
        assert camera.read() is None
    assert [frame.sequence for frame in frames] == list(range(FRAMES))
    assert {frame.name for frame in frames} == {name}
    red = np.array([frame.pixels[..., 0].mean() for frame in frames])
    assert np.abs(red - 8 * np.arange(FRAMES)).max() < 6
    assert max(frame.pixels[..., 2].mean() for frame in frames) < 10
    assert frames[0].time == end - timedelta(seconds=3)
    assert frames[10].time - frames[0].time == timedelta(seconds=1)


def test_skipping_passes_over_frames(tmp_path):
    with VideoCamera(record(tmp_path / "a.avi", "MJPG")) as camera:
        camera.skip(20)
        frame = camera.read()
    assert frame.sequence == 20
    assert abs(frame.pixels[..., 0].mean() - 160) < 6


def test_a_truncated_video_gives_its_frames_then_an_error_then_the_end(tmp_path):
    path = record(tmp_path / "a.avi", "MJPG")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with VideoCamera(path) as camera:
        for index in range(3):
            assert camera.read().sequence == index
        with pytest.raises(FrameError, match=r"a\.avi: the video ends after \d+ of 30 frames"):
            list(iter(camera.read, None))
        assert camera.read() is None


@pytest.mark.parametrize("content", [b"", b"rubbish" * 1000])
def test_what_is_no_video_is_an_error_that_names_the_file(tmp_path, content):
    (tmp_path / "bad.mp4").write_bytes(content)
    with pytest.raises(CameraError, match=r"bad\.mp4: cannot open the video"):
        VideoCamera(tmp_path / "bad.mp4").open()


def test_the_decoder_does_not_write_to_stderr(tmp_path):
    # In a process of its own: FFmpeg takes its log level once.
    (tmp_path / "bad.mp4").write_bytes(b"rubbish" * 1000)
    program = (
        "import sys\n"
        "from edge_runtime.cameras.video import VideoCamera\n"
        "from edge_runtime.errors import CameraError\n"
        "try:\n    VideoCamera(sys.argv[1]).open()\n"
        "except CameraError as error:\n    print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "bad.mp4")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot open the video" in result.stdout
    assert result.stderr == ""


def test_an_mp4_without_its_index_is_an_error(tmp_path):
    path = record(tmp_path / "a.mp4", "mp4v")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CameraError, match="damaged, truncated"):
        VideoCamera(path).open()


def test_a_missing_video_is_an_error(tmp_path):
    with pytest.raises(CameraError, match=r"none\.mp4: no such video file"):
        VideoCamera(tmp_path / "none.mp4").open()


def test_reading_before_opening_is_an_error(tmp_path):
    with pytest.raises(CameraError, match="not open"):
        VideoCamera(tmp_path / "a.mp4").read()
