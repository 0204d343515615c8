"""What the drivers on top of ``cv2.VideoCapture`` share."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_runtime.cameras.base import Camera
from edge_runtime.errors import CameraError, FrameError
from edge_runtime.frame import Frame
from edge_runtime.pictures import frame_pixels

# One bad read is a glitch; so many in a row are a camera that is gone.
_FAILED_READS_LIMIT = 10


def quiet_opencv() -> None:
    """Keep OpenCV and FFmpeg from writing to stderr what the errors say anyway."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def rgb_pixels(pixels: NDArray[Any], where: str) -> NDArray[np.generic]:
    """Turn a decoded picture, blue first, into frame pixels.

    Parameters
    ----------
    pixels : ndarray, shape (H, W), (H, W, 1) or (H, W, 3)
        As ``cv2.VideoCapture.read`` gives it.
    where : str
        Named in errors.

    Returns
    -------
    ndarray, shape (H, W) or (H, W, 3), uint8, uint16 or float32

    Raises
    ------
    FrameError
        The picture has another shape.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    elif pixels.ndim == 3 and pixels.shape[2] == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    elif pixels.ndim != 2:
        raise FrameError(f"{where}: pixels have shape {pixels.shape}")
    return frame_pixels(pixels)[0]


class LiveCapture(Camera):
    """A live camera behind ``cv2.VideoCapture``; drivers say how to connect.

    Frames are stamped when they arrive; the exposure time is not known.
    """

    live = True

    def __init__(self, name: str) -> None:
        self.name = name
        self._capture: cv2.VideoCapture | None = None
        self._sequence = 0
        self._failed_reads = 0

    def connect(self) -> cv2.VideoCapture:
        """Return an opened capture.

        Raises
        ------
        CameraError
            The camera is missing or does not answer.
        """
        raise NotImplementedError

    def open(self) -> None:
        self.close()
        quiet_opencv()
        self._capture = self.connect()
        self._failed_reads = 0

    def read(self) -> Frame | None:
        if self._capture is None:
            raise CameraError(f"{self.name}: the camera is not open")
        try:
            more, pixels = self._capture.read()
        except cv2.error as error:
            raise CameraError(f"{self.name}: reading failed: {error}") from error
        time = datetime.now(UTC)
        if not more or pixels is None:
            self._failed_reads += 1
            if self._failed_reads >= _FAILED_READS_LIMIT or not self._capture.isOpened():
                raise CameraError(f"{self.name}: the camera sends no more frames")
            raise FrameError(f"{self.name}: a frame could not be read")
        self._failed_reads = 0
        sequence = self._sequence
        self._sequence += 1
        return Frame(
            pixels=rgb_pixels(pixels, self.name),
            time=time,
            exposure_s=0.0,
            camera=self.name,
            sequence=sequence,
        )

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None
