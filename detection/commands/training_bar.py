"""A bar on the terminal while a detector trains; lines in the log elsewhere."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichProgress

from detection.training_progress import LogProgress, Progress, duration


class TrainingBar:
    """Steps made, loss, steps per second and time left, on standard error."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._log = None if console.is_terminal else LogProgress()
        self._bar = RichProgress(
            "training",
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, state="preparing")

    def __enter__(self) -> TrainingBar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def report(self, progress: Progress) -> None:
        """Show how far the training has come."""
        if self._log is not None:
            self._log(progress)
            return
        state = f"loss {progress.loss:.3f}"
        if progress.seconds_left is not None:
            left = duration(progress.seconds_left)
            state += f", {progress.steps_per_s:.2f} steps/s, {left} left"
        self._bar.update(self._task, completed=progress.step, total=progress.steps, state=state)
