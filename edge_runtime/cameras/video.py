"""Video files through OpenCV."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.cameras.base import Camera
from edge_runtime.cameras.opencv_capture import quiet_opencv, rgb_pixels
from edge_runtime.errors import CameraError, FrameError
from edge_runtime.frame import Frame
from edge_runtime.pictures import modification_time

_DEFAULT_FPS = 25.0
# Containers without an index only estimate their number of frames.
_COUNT_TOLERANCE_FRAMES = 2


class VideoCamera(Camera):
    """Reads every frame of a video file.

    The file is taken to have been closed as the recording ended, so frame i has
    the time: modification time - (frames - i) / fps.

    Parameters
    ----------
    path : str or path
        The video file.
    """

    live = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).expanduser()
        self._capture: cv2.VideoCapture | None = None
        self._next = 0
        self._frame_count = 0
        self._fps = _DEFAULT_FPS
        self._end: datetime | None = None
        self._finished = False
        self.name = self._path.name

    @property
    def frame_count(self) -> int:
        """Number of frames the container announces; 0 where it does not say."""
        return self._frame_count

    def open(self) -> None:
        if not self._path.is_file():
            raise CameraError(f"{self._path}: no such video file")
        quiet_opencv()
        self.close()
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            capture.release()
            raise CameraError(
                f"{self._path}: cannot open the video; it is damaged, truncated "
                "or of a kind that OpenCV does not decode"
            )
        self._capture = capture
        fps = capture.get(cv2.CAP_PROP_FPS)
        self._fps = fps if np.isfinite(fps) and 0 < fps <= 10_000 else _DEFAULT_FPS
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._frame_count = int(count) if 0 < count < 1e9 else 0
        self._end = modification_time(self._path)
        self._next = 0
        self._finished = False

    def read(self) -> Frame | None:
        if self._capture is None or self._end is None:
            raise CameraError(f"{self._path}: the video is not open")
        if self._finished:
            return None
        try:
            more, pixels = self._capture.read()
        except cv2.error as error:
            self._finished = True
            raise FrameError(f"{self._path}: frame {self._next} is damaged: {error}") from error
        if not more or pixels is None:
            self._finished = True
            missing = self._frame_count - self._next
            if self._next == 0 or missing > _COUNT_TOLERANCE_FRAMES:
                raise FrameError(
                    f"{self._path}: the video ends after {self._next} of "
                    f"{self._frame_count} frames; it is truncated or damaged"
                )
            return None
        index = self._next
        self._next += 1
        since_end_s = (self._frame_count - index) / self._fps
        return Frame(
            pixels=rgb_pixels(pixels, f"{self._path} frame {index}"),
            time=self._end - timedelta(seconds=since_end_s),
            exposure_s=0.0,
            camera=self.name,
            sequence=index,
            name=self._path.name,  # one target: tracking goes on from frame to frame
        )

    def skip(self, count: int) -> None:
        """Pass over frames without converting them."""
        for _ in range(count):
            if self._capture is None or not self._capture.grab():
                return
            self._next += 1

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None
