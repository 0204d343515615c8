"""The progress of a cross-validation on the terminal."""

from __future__ import annotations

import logging

from classification.commands.work_bar import WorkBar
from classification.crossval.runner import FoldProgress

_log = logging.getLogger(__name__)


class FoldBar(WorkBar):
    """Trainings done, the one at work, and the time left, on standard error."""

    def __init__(self) -> None:
        super().__init__("cross-validation", _log)

    def report(self, progress: FoldProgress) -> None:
        """Show how far the cross-validation has come."""
        self.show(progress.done, progress.trainings, progress_line(progress))


def progress_line(progress: FoldProgress) -> str:
    """What is at work, how much is done, and how long the rest takes."""
    line = (
        f"{progress.preset}, fold {progress.fold} of {progress.folds}, "
        f"{progress.done:.1f} of {progress.trainings} trainings done"
    )
    if progress.seconds_left is None or progress.seconds_left == 0:
        return line
    minutes = round(progress.seconds_left / 60)
    if minutes < 1:
        return f"{line}, less than a minute left"
    left = f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{line}, about {left} left"
