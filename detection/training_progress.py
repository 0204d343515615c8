"""How far a training has come, for the person who waits for it."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)

_WINDOW = 10  # reports the speed is measured over
_LOG_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class Progress:
    """State after a number of steps.

    Attributes
    ----------
    step, steps : int
        Steps made and asked for.
    loss : float
        Mean since the report before.
    steps_per_s : float
        Lately; 0 before it can be told.
    seconds_left : float or None
        None before it can be told.
    """

    step: int
    steps: int
    loss: float
    steps_per_s: float
    seconds_left: float | None

    def __str__(self) -> str:
        text = f"step {self.step} of {self.steps}, loss {self.loss:.3f}"
        if self.seconds_left is None:
            return text
        return f"{text}, {self.steps_per_s:.2f} steps/s, {duration(self.seconds_left)} left"


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``48 s``, ``12 min``, ``1 h 05 min``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


class Speedometer:
    """Speed of the last steps.

    Parameters
    ----------
    clock : callable
        Seconds, as of ``time.monotonic``.
    """

    def __init__(self, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._steps = steps
        self._clock = clock
        self._seen: deque[tuple[int, float]] = deque(maxlen=_WINDOW + 1)

    def at(self, step: int, loss: float) -> Progress:
        """Progress at a step; the first report only starts the clock."""
        self._seen.append((step, self._clock()))
        (first, since), (last, until) = self._seen[0], self._seen[-1]
        if last == first or until <= since:
            return Progress(step, self._steps, loss, 0.0, None)
        speed = (last - first) / (until - since)
        return Progress(step, self._steps, loss, speed, (self._steps - step) / speed)


class ProgressAction:
    """Reports after each loop of the Model Garden's trainer.

    Parameters
    ----------
    steps : int
        Step at which the training ends.
    current : callable
        The step reached.
    report : callable
        Takes a `Progress`.
    """

    def __init__(
        self, steps: int, current: Callable[[], int], report: Callable[[Progress], None]
    ) -> None:
        self._speed = Speedometer(steps)
        self._current = current
        self._report = report

    def __call__(self, output: Mapping[str, Any]) -> None:
        self._report(self._speed.at(self._current(), float(output["training_loss"])))


class LogProgress:
    """Writes a line every half minute, and at the end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = -_LOG_EVERY_S

    def __call__(self, progress: Progress) -> None:
        now = self._clock()
        if now - self._last < _LOG_EVERY_S and progress.step < progress.steps:
            return
        self._last = now
        log.info("%s", progress)
