"""A bar on the terminal while folds are trained; lines in the log elsewhere."""

from __future__ import annotations

import logging
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

from classification.crossval.runner import FoldProgress

_log = logging.getLogger(__name__)

_LINE_EVERY_S = 60.0


class FoldBar:
    """Trainings done, the one at work, and the time left, on standard error."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._terminal = console.is_terminal
        self._next_line = time.monotonic() + _LINE_EVERY_S
        self._bar = RichProgress(
            "cross-validation",
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, state="preparing")

    def __enter__(self) -> FoldBar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def report(self, progress: FoldProgress) -> None:
        """Show how far the cross-validation has come."""
        self._bar.update(
            self._task,
            completed=progress.done,
            total=progress.trainings,
            state=progress_line(progress),
        )
        if not self._terminal and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_EVERY_S
            _log.info("%s", progress_line(progress))


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
