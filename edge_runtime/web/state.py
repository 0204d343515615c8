"""What the pipeline shows to the dashboard; publishing never waits for a viewer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from edge_runtime.annotate import draw_detections
from edge_runtime.preview import encode_picture, fit_within
from edge_runtime.sighting import FrameResult
from edge_runtime.store import Store
from edge_runtime.tracked_sighting import BundleIdentity

LIVE_SIDE_PX = 1280
LIVE_INTERVAL_S = 0.2


@dataclass(frozen=True, slots=True)
class Health:
    """How the daemon is.

    Attributes
    ----------
    frames, faults : int
        Frames processed; frames that could not be read or processed.
    frames_per_second : float
    camera : str
        Name of the source.
    camera_state : str
        One word for people, such as ``"observing"``, ``"waiting"`` or
        ``"restarting"``.
    camera_ok : bool
        Whether frames come as they should.
    bundle : BundleIdentity or None
        The models at work.
    store_ok : bool
        Whether the last write succeeded.
    pending : int
        Sightings that wait to be written.
    stage_ms : dict
        Time of each stage for the latest frame, milliseconds.
    last_error : str
        Empty where there was none.
    """

    frames: int = 0
    faults: int = 0
    frames_per_second: float = 0.0
    camera: str = ""
    camera_state: str = "starting"
    camera_ok: bool = True
    bundle: BundleIdentity | None = None
    store_ok: bool = True
    pending: int = 0
    stage_ms: dict[str, float] = field(default_factory=dict)
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class LivePicture:
    """A frame as the live view shows it.

    Attributes
    ----------
    number : int
        Counts published frames from 1.
    jpeg : bytes
        With boxes, classes and scores.
    caption : str
        What is in the picture, in words.
    """

    number: int
    jpeg: bytes
    caption: str


class DashboardState:
    """Hands frames, health and the store from the daemon to the dashboard.

    Thread-safe. The pipeline only leaves a reference; pictures are drawn and
    encoded by the thread of a request, once for all viewers and at most five
    times a second.

    Parameters
    ----------
    store : callable
        Returns the store, or None while it is not open.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        store: Callable[[], Store | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._drawing = threading.Lock()
        self._health = Health()
        self._result: FrameResult | None = None
        self._number = 0
        self._picture: LivePicture | None = None
        self._drawn_s = float("-inf")
        self._closed = False

    def publish(self, result: FrameResult, health: Health) -> None:
        """Show a frame; takes microseconds.

        Parameters
        ----------
        result : FrameResult
            Kept by reference until the next one; its picture must not be
            changed afterwards.
        health : Health
        """
        with self._lock:
            self._result = result
            self._health = health
            self._number += 1

    def publish_health(self, health: Health) -> None:
        """Show the state of the daemon while no frame comes."""
        with self._lock:
            self._health = health

    @property
    def health(self) -> Health:
        """As published last."""
        with self._lock:
            return self._health

    @property
    def number(self) -> int:
        """Number of the latest frame; 0 before the first."""
        with self._lock:
            return self._number

    @property
    def frame_time(self) -> datetime | None:
        """Mid-exposure time (UTC) of the latest frame."""
        with self._lock:
            return None if self._result is None else self._result.frame.time

    @property
    def store(self) -> Store | None:
        """The store while it is open."""
        return self._store()

    @property
    def closed(self) -> bool:
        """True once the dashboard is stopping; waiting requests then end."""
        return self._closed

    def close(self) -> None:
        """End requests that wait for a frame."""
        self._closed = True

    def picture_ready(self, after: int) -> bool:
        """Whether ``picture`` would give a frame later than number ``after`` now."""
        with self._lock:
            if self._number <= after:
                return False
            drawn = 0 if self._picture is None else self._picture.number
            return drawn > after or self._clock() - self._drawn_s >= LIVE_INTERVAL_S

    def picture(self) -> LivePicture | None:
        """The latest frame as a JPEG; None before the first frame.

        Draws and encodes it unless a picture was made less than 0.2 s ago, so
        it belongs into a request's thread, never into the pipeline's.
        """
        with self._drawing:
            with self._lock:
                result, number, picture = self._result, self._number, self._picture
                fresh = self._clock() - self._drawn_s < LIVE_INTERVAL_S
            if result is None or (picture is not None and (fresh or picture.number == number)):
                return picture
            drawn = draw_detections(result.picture, result.detections)
            jpeg = encode_picture(fit_within(drawn, LIVE_SIDE_PX), ".jpg", 82)
            picture = LivePicture(number, jpeg, caption(result))
            with self._lock:
                self._picture, self._drawn_s = picture, self._clock()
            return picture


def caption(result: FrameResult) -> str:
    """What a frame shows, in words, for people who do not see the picture."""
    frame = result.frame
    name = frame.name or frame.camera
    found = [
        f"{detection.label.replace('_', ' ')} {detection.score:.2f}"
        for detection in result.detections[:8]
    ]
    count = len(result.detections)
    galaxies = "no galaxy" if count == 0 else "1 galaxy" if count == 1 else f"{count} galaxies"
    tail = f": {', '.join(found)}" if found else ""
    return f"{name}, {frame.time:%H:%M:%S} UTC, {galaxies}{tail}"
