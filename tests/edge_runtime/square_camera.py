"""A camera whose galaxies are the bright squares that the tiny bundle finds.

Named in tests as ``python:square_camera:SquareCamera?option=value``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from tiny_bundles import square_picture

from edge_runtime.cameras.base import Camera
from edge_runtime.errors import FrameError
from edge_runtime.frame import Frame

SOURCE = "python:square_camera:SquareCamera"


class SquareCamera(Camera):
    """Shows one square for some frames, then the next target.

    Parameters are text, as they come from a source URI.

    Parameters
    ----------
    frames : str
        Number of frames; 0 for no end.
    frames_per_target : str
        Frames before the target's name changes.
    interval_s : str
        Time between frames.
    broken : str
        Every so many frames one is unreadable; 0 for none.
    live : str
        ``1`` where frames happen whether or not they are read.
    """

    def __init__(
        self,
        frames: str = "0",
        frames_per_target: str = "5",
        interval_s: str = "0.01",
        broken: str = "0",
        live: str = "0",
    ) -> None:
        self.name = "squares"
        self.live = live == "1"
        self._frames = int(frames)
        self._frames_per_target = int(frames_per_target)
        self._interval_s = float(interval_s)
        self._broken = int(broken)
        self._next = 0

    def open(self) -> None:
        self._next = 0

    def read(self) -> Frame | None:
        if self._frames and self._next >= self._frames:
            return None
        time.sleep(self._interval_s)
        index = self._next
        self._next += 1
        if self._broken and index % self._broken == self._broken - 1:
            raise FrameError(f"squares: frame {index} is torn")
        return Frame(
            pixels=square_picture(),
            time=datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=index),
            exposure_s=1.0,
            camera=self.name,
            sequence=index,
            name=f"target {index // self._frames_per_target}",
        )

    def close(self) -> None:
        self._next = 0
