"""Frames prepared once and delivered again and again.

Drawing a simulated sky takes longer than finding the galaxies in it. A
benchmark of the pipeline must not pay for that, nor hold prepared frames in
the daemon's memory: they lie in files, and each delivery reads one anew, as a
camera's driver copies one from the device.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from edge_runtime.cameras.base import Camera
from edge_runtime.errors import CameraError
from edge_runtime.frame import Frame

TARGETS = ("M81", "M104")
FRAMES_PER_TARGET = 3
VISIT_FRAMES = 12
_INDEX = "frames.json"
_TIMES = "delivered_s.txt"


class RepeatedFrames(Camera):
    """Delivers prepared frames as fast as they are taken.

    Stays at each target for 12 frames, as the simulated tour does. Notes the
    time of every delivery in a file beside the frames.

    Parameters
    ----------
    folder : str
        Where ``prepare_frames`` put them.
    frames : str
        Number of frames to deliver; options of a URI are text.
    """

    live = False

    def __init__(self, folder: str, frames: str = "100") -> None:
        self.name = "prepared frames"
        self._folder = Path(folder)
        self._count = int(frames)
        self._targets: list[list[dict[str, Any]]] = []
        self._next = 0
        self._start = datetime.now(UTC)

    def open(self) -> None:
        """Read the index.

        Raises
        ------
        CameraError
            The folder holds no prepared frames.
        """
        try:
            self._targets = json.loads((self._folder / _INDEX).read_text())
        except (OSError, ValueError) as error:
            raise CameraError(f"{self._folder}: no prepared frames ({error})") from error
        self._next = 0
        self._start = datetime.now(UTC)

    def read(self) -> Frame | None:
        """Return the next frame, or None after the last."""
        if self._next >= self._count:
            return None
        visit, repeat = divmod(self._next, VISIT_FRAMES)
        target = self._targets[visit % len(self._targets)]
        fields = target[repeat % len(target)]
        pixels = np.load(self._folder / fields["file"], allow_pickle=False)
        with (self._folder / _TIMES).open("a") as stream:
            stream.write(f"{time.monotonic():.6f}\n")
        exposure_s = fields["exposure_s"]
        frame = Frame(
            pixels=pixels,
            time=self._start + timedelta(seconds=self._next * exposure_s),
            exposure_s=exposure_s,
            camera=self.name,
            sequence=self._next,
            name=fields["name"],
            bayer=fields["bayer"],
            ra_deg=fields["ra_deg"],
            dec_deg=fields["dec_deg"],
            header=fields["header"],
        )
        self._next += 1
        return frame

    def close(self) -> None:
        """Nothing is held open."""


def prepare_frames(
    folder: Path,
    width: int,
    height: int,
    *,
    targets: tuple[str, ...] = TARGETS,
    per_target: int = FRAMES_PER_TARGET,
) -> None:
    """Draw a few frames of the simulated sky and write them to files.

    Parameters
    ----------
    folder : Path
        Existing folder to put them in.
    width, height : int
        Size in pixels.
    targets : tuple of str
        Galaxies to look at.
    per_target : int
        Different frames of each.
    """
    from edge_runtime.cameras.simulated import SimulatedCamera, SimulatedSkyConfig

    config = SimulatedSkyConfig(
        targets=targets, width=width, height=height, frames_per_target=per_target, loops=1
    )
    index: list[list[dict[str, Any]]] = [[] for _ in targets]
    with SimulatedCamera(config) as camera:
        for number in range(len(targets) * per_target):
            frame = camera.read()
            if frame is None:
                raise CameraError(f"{camera.name}: the tour ended after {number} frames")
            file = f"frame{number}.npy"
            np.save(folder / file, frame.pixels, allow_pickle=False)
            index[number // per_target].append(
                {
                    "file": file,
                    "name": frame.name,
                    "exposure_s": frame.exposure_s,
                    "bayer": frame.bayer,
                    "ra_deg": frame.ra_deg,
                    "dec_deg": frame.dec_deg,
                    "header": dict(frame.header),
                }
            )
    (folder / _INDEX).write_text(json.dumps(index))


def source_uri(folder: Path, frames: int) -> str:
    """Return the source that delivers the prepared frames of a folder."""
    query = urlencode({"folder": str(folder), "frames": frames})
    return f"python:{RepeatedFrames.__module__}:{RepeatedFrames.__name__}?{query}"


def delivery_times_s(folder: Path) -> list[float]:
    """Return when frames were delivered since the last call, in monotonic seconds."""
    path = folder / _TIMES
    try:
        times_s = [float(line) for line in path.read_text().split()]
    except FileNotFoundError:
        return []
    path.unlink()
    return times_s
