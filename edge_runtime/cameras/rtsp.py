"""Network cameras over RTSP."""

from __future__ import annotations

import cv2

from edge_runtime.cameras.opencv_capture import LiveCapture
from edge_runtime.cameras.uri import hide_password
from edge_runtime.errors import CameraError

_OPEN_TIMEOUT_MS = 10_000
_READ_TIMEOUT_MS = 10_000


class RtspCamera(LiveCapture):
    """A network camera.

    Parameters
    ----------
    url : str
        ``rtsp://`` or ``rtsps://`` address; a password in it is never shown.
    """

    def __init__(self, url: str) -> None:
        super().__init__(hide_password(url))
        self._url = url

    def connect(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(
            self._url,
            cv2.CAP_FFMPEG,
            [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                _OPEN_TIMEOUT_MS,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                _READ_TIMEOUT_MS,
            ],
        )
        if not capture.isOpened():
            capture.release()
            raise CameraError(
                f"{self.name}: the network camera does not answer; "
                "check the address, the password and that the camera is on"
            )
        return capture
