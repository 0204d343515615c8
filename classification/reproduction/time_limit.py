"""An end to trainings that is told in seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from classification.callbacks import TrainingProgress

_TOLERANCE = 1.1  # of the time, so that an epoch that was nearly through is not lost


class TimeUsedUp(Exception):  # noqa: N818  no error: a training ends
    """A training has used the time it was given."""


class TimeLimit:
    """Ends a training before an epoch that would last beyond its time.

    The first epoch always runs to its end, so that there is a network.

    Parameters
    ----------
    seconds : float
        Of the training, from now.
    clock : callable
        Seconds from any origin.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds = seconds
        self._started = self._epoch_started = clock()
        self._first_epoch: int | None = None
        self._epoch = 0

    def __call__(self, progress: TrainingProgress) -> None:
        """Look at the clock; see ``classification.training.train``'s ``report``."""
        now = self._clock()
        used_s = now - self._started
        if self._first_epoch is None:  # from here on, so that compiling counts for no epoch
            self._first_epoch = self._epoch = progress.epoch
            self._epoch_started = now
        elif progress.epoch != self._epoch:
            epoch_s = now - self._epoch_started
            self._epoch, self._epoch_started = progress.epoch, now
            if used_s + epoch_s > _TOLERANCE * self._seconds:
                raise TimeUsedUp
        elif progress.epoch != self._first_epoch and used_s > _TOLERANCE * self._seconds:
            raise TimeUsedUp
