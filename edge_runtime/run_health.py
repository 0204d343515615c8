"""What a run of the daemon counts, and how it looks from outside."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

from edge_runtime.tracked_sighting import BundleIdentity
from edge_runtime.web import Health

RATE_FRAMES = 30


class RunHealth:
    """Counts frames and faults and says how the camera does.

    Parameters
    ----------
    camera : str
        Name of the source.
    bundle : BundleIdentity
        The models at work.
    patience_s : float
        Time without a frame after which the camera counts as not well.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        camera: str,
        bundle: BundleIdentity,
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.frames = 0
        self.faults = 0
        self.last_error = ""
        self._camera = camera
        self._bundle = bundle
        self._patience_s = patience_s
        self._clock = clock
        self._times_s: deque[float] = deque(maxlen=RATE_FRAMES)
        self._last_s = clock()
        self._restarting = False
        self._ended = False
        self._stage_ms: dict[str, float] = {}

    def frame_done(self, stage_ms: Mapping[str, float]) -> None:
        """Count a frame that went through the pipeline."""
        self.frames += 1
        self._last_s = self._clock()
        self._times_s.append(self._last_s)
        self._restarting = False
        self._stage_ms = dict(stage_ms)

    def fault(self, message: str, source_failed: bool = False) -> None:
        """Count a frame that could not be had, or the failure of the whole source."""
        self.faults += 1
        self.last_error = message
        self._restarting = self._restarting or source_failed

    def trouble(self, message: str) -> None:
        """Show an error that cost no frame."""
        self.last_error = message

    def source_ended(self) -> None:
        """Take note that there are no more frames."""
        self._ended = True

    @property
    def frames_per_second(self) -> float:
        """Rate over the latest frames; 0 before the second."""
        if len(self._times_s) < 2:
            return 0.0
        span_s = max(self._times_s[-1] - self._times_s[0], self._clock() - self._last_s)
        return (len(self._times_s) - 1) / span_s if span_s > 0 else 0.0

    def now(self, store_ok: bool, pending: int, store_error: str = "") -> Health:
        """Return the state for the dashboard."""
        late = self._clock() - self._last_s > self._patience_s
        if self._ended:
            state = "finished"
        elif self._restarting:
            state = "restarting"
        elif late:
            state = "silent"
        else:
            state = "observing" if self.frames else "starting"
        return Health(
            frames=self.frames,
            faults=self.faults,
            frames_per_second=self.frames_per_second,
            camera=self._camera,
            camera_state=state,
            camera_ok=not (self._restarting or late),
            bundle=self._bundle,
            store_ok=store_ok,
            pending=pending,
            stage_ms=dict(self._stage_ms),
            last_error=store_error or self.last_error,
        )
