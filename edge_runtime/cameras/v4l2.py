"""Cameras of this computer through Video4Linux (USB webcams, capture sticks)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2

from edge_runtime.cameras.opencv_capture import LiveCapture
from edge_runtime.errors import CameraError, ConfigError

_SYSFS = Path("/sys/class/video4linux")


@dataclass(frozen=True, slots=True)
class VideoDevice:
    """A Video4Linux device node.

    Attributes
    ----------
    path : str
        Device file, for example ``/dev/video0``.
    label : str
        What the driver calls it.
    uri : str
        Source URI that opens it.
    """

    path: str
    label: str
    uri: str


def list_devices(sysfs: Path = _SYSFS) -> tuple[VideoDevice, ...]:
    """List the video devices of this computer without opening them.

    One camera can have several nodes, of which only the first may give
    pictures (the others carry metadata).

    Parameters
    ----------
    sysfs : Path
        Where the kernel lists them.

    Returns
    -------
    tuple of VideoDevice
        In the order of their numbers; empty where there are none.
    """
    nodes = sysfs.glob("video*") if sysfs.is_dir() else ()
    numbers = sorted(
        int(node.name.removeprefix("video"))
        for node in nodes
        if node.name.removeprefix("video").isdecimal()
    )
    return tuple(
        VideoDevice(f"/dev/video{number}", _label(sysfs / f"video{number}"), f"v4l2:{number}")
        for number in numbers
    )


def _label(node: Path) -> str:
    try:
        return (node / "name").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


class V4L2Camera(LiveCapture):
    """A Video4Linux camera.

    Parameters
    ----------
    device : str
        Number or device file: ``"0"`` or ``"/dev/video0"``.
    width, height : int, optional
        Wanted size in pixels; the driver may choose the nearest it has.
    fps : float, optional
        Wanted frames per second.
    fourcc : str, optional
        Wanted pixel format, for example ``"MJPG"`` or ``"Y16 "``.

    Raises
    ------
    ConfigError
        ``device`` is neither a number nor a path, or ``fourcc`` not four
        letters.
    """

    def __init__(
        self,
        device: str,
        *,
        width: int | None = None,
        height: int | None = None,
        fps: float | None = None,
        fourcc: str | None = None,
    ) -> None:
        if not device.isdecimal() and not device.startswith("/"):
            raise ConfigError(
                f"source v4l2:{device}: write the device as v4l2:0 or v4l2:/dev/video0"
            )
        if fourcc is not None and not (fourcc.isascii() and 1 <= len(fourcc) <= 4):
            raise ConfigError(f"source v4l2:{device}: fourcc={fourcc!r} must be up to 4 letters")
        self._device = f"/dev/video{device}" if device.isdecimal() else device
        super().__init__(self._device)
        self._wanted: dict[int, float] = {}
        if fourcc is not None:
            self._wanted[cv2.CAP_PROP_FOURCC] = cv2.VideoWriter.fourcc(*fourcc.ljust(4))
            if fourcc.upper().startswith("Y16"):
                self._wanted[cv2.CAP_PROP_CONVERT_RGB] = 0
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, width),
            (cv2.CAP_PROP_FRAME_HEIGHT, height),
            (cv2.CAP_PROP_FPS, fps),
        ):
            if value is not None:
                self._wanted[key] = value
        # Old frames are of no use; drivers that cannot do this ignore it.
        self._wanted[cv2.CAP_PROP_BUFFERSIZE] = 1

    def connect(self) -> cv2.VideoCapture:
        if not Path(self._device).exists():
            raise CameraError(f"{self._device}: no such camera; {_available()}")
        capture = cv2.VideoCapture(self._device, cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            raise CameraError(
                f"{self._device}: cannot open it as a camera; it may be in use, or this user "
                f"may not read it (group video); {_available()}"
            )
        for key, value in self._wanted.items():
            capture.set(key, value)
        return capture


def _available() -> str:
    devices = list_devices()
    if not devices:
        return "this computer has no /dev/video* device"
    return "available: " + ", ".join(f"{device.path} ({device.label})" for device in devices)
