from __future__ import annotations

import socket
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.cameras.opencv_capture import LiveCapture
from edge_runtime.cameras.rtsp import RtspCamera
from edge_runtime.cameras.v4l2 import V4L2Camera, VideoDevice, list_devices
from edge_runtime.errors import CameraError, FrameError


def test_devices_are_listed_by_number_with_their_names(tmp_path):
    for number, label in ((10, "Capture stick\n"), (2, "USB camera\n")):
        (tmp_path / f"video{number}").mkdir()
        (tmp_path / f"video{number}" / "name").write_text(label)
    (tmp_path / "v4l-subdev0").mkdir()
    (tmp_path / "video3").mkdir()
    assert list_devices(tmp_path) == (
        VideoDevice("/dev/video2", "USB camera", "v4l2:2"),
        VideoDevice("/dev/video3", "", "v4l2:3"),
        VideoDevice("/dev/video10", "Capture stick", "v4l2:10"),
    )
    assert list_devices(tmp_path / "absent") == ()


def test_a_missing_device_is_an_error_that_names_it_and_the_ones_there_are():
    with pytest.raises(CameraError, match=r"/dev/video93: no such camera; .*(no /dev/video|avail)"):
        V4L2Camera("93").open()


def test_a_device_that_is_no_camera_is_an_error(capfd):
    with pytest.raises(CameraError, match="/dev/null: cannot open it as a camera"):
        V4L2Camera("/dev/null").open()
    assert capfd.readouterr().err == ""


def test_a_network_camera_that_does_not_answer_is_an_error_without_its_password(capfd):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(CameraError, match=rf"rtsp://me:\*\*\*@127\.0\.0\.1:{port}/x: .*not answer"):
        RtspCamera(f"rtsp://me:secret@127.0.0.1:{port}/x").open()
    assert "secret" not in capfd.readouterr().err


class FileAsCamera(LiveCapture):
    """A camera that plays a video file and then stops answering."""

    def __init__(self, path: Path) -> None:
        super().__init__("file camera")
        self._path = path

    def connect(self) -> cv2.VideoCapture:
        return cv2.VideoCapture(str(self._path))


def test_single_bad_reads_are_frame_errors_and_many_in_a_row_a_dead_camera(tmp_path):
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for _ in range(3):
        writer.write(np.full((48, 64, 3), 90, np.uint8))
    writer.release()
    with FileAsCamera(path) as camera:
        assert camera.live
        frames = [camera.read() for _ in range(3)]
        assert [frame.sequence for frame in frames] == [0, 1, 2]
        assert frames[2].time >= frames[0].time
        for _ in range(9):
            with pytest.raises(FrameError, match="could not be read"):
                camera.read()
        with pytest.raises(CameraError, match="sends no more frames"):
            camera.read()
    with pytest.raises(CameraError, match="not open"):
        camera.read()
