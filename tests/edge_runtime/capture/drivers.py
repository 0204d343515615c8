"""Cameras that misbehave, opened in the capture process by ``python:`` sources."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edge_runtime.cameras.base import Camera
from edge_runtime.errors import CameraError, FrameError
from edge_runtime.frame import Frame


def numbered_frame(index: int, side: int = 32) -> Frame:
    """A frame whose pixels all hold its number."""
    return Frame(
        pixels=np.full((side, side), index, np.uint16),
        time=datetime.now(UTC),
        exposure_s=0.0,
        camera="test",
        sequence=index,
    )


class CountingCamera(Camera):
    """``frames`` numbered frames, with an accident at one of them.

    ``hang`` blocks, ``hang_in_c`` blocks without letting Python run, ``exit``
    ends the process, ``raise`` raises what no driver should, ``fault`` raises
    FrameError, ``gone`` raises CameraError. With ``marker``, the path of a file,
    the accident happens only until the file exists.
    """

    live = False
    name = "test"

    def __init__(
        self,
        frames: str = "10",
        accident: str = "",
        at: str = "-1",
        side: str = "32",
        marker: str = "",
    ) -> None:
        self._frames = int(frames)
        self._accident = accident
        self._at = int(at)
        self._side = int(side)
        self._marker = Path(marker) if marker else None
        self._next = 0

    def open(self) -> None:
        self._next = 0

    def close(self) -> None:
        pass

    def skip(self, count: int) -> None:
        self._next += count

    def read(self) -> Frame | None:
        index = self._next
        if index >= self._frames:
            return None
        self._next += 1
        if index == self._at:
            self._have_accident(index)
        return numbered_frame(index, self._side)

    def _have_accident(self, index: int) -> None:
        if self._marker is not None:
            if self._marker.exists():
                return
            self._marker.touch()
        if self._accident == "hang":
            threading.Event().wait()
        elif self._accident == "hang_in_c":
            ctypes.PyDLL(None).sleep(3600)  # keeps the interpreter lock
        elif self._accident == "exit":
            os._exit(7)
        elif self._accident == "raise":
            raise ZeroDivisionError("driver bug")
        elif self._accident == "fault":
            raise FrameError(f"frame {index} is bad")
        elif self._accident == "gone":
            raise CameraError("cable pulled")


class LiveCountingCamera(CountingCamera):
    """The same as a camera that makes a frame every 5 ms and never ends."""

    live = True

    def read(self) -> Frame | None:
        time.sleep(0.005)
        self._frames = self._next + 1
        return super().read()


class GrowingCamera(CountingCamera):
    """Frames of very different sizes."""

    def read(self) -> Frame | None:
        self._side = 16 if self._next % 2 else 200 * (self._next + 1)
        return super().read()


class MissingLiveCamera(Camera):
    """A live camera that is not there until a marker file exists."""

    name = "absent"
    live = True

    def __init__(self, marker: str) -> None:
        self._marker = Path(marker)

    def open(self) -> None:
        if not self._marker.exists():
            raise CameraError("absent: not plugged in")

    def read(self) -> Frame | None:
        time.sleep(0.005)
        return numbered_frame(0)

    def close(self) -> None:
        pass


class HangingOpenCamera(MissingLiveCamera):
    """A camera whose driver never comes back from connecting."""

    def open(self) -> None:
        threading.Event().wait()
