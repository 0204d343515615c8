"""A bar on the terminal while a detector trains; lines in the log elsewhere."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from detection.training_progress import LogProgress, Progress, duration
from edge_runtime.cli.output import TerminalBar


class TrainingBar(TerminalBar):
    """Steps made, loss, steps per second and time left, on standard error."""

    def __init__(self) -> None:
        columns = (
            "training",
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
        )
        super().__init__(columns, state="preparing")
        self._log = None if self._console.is_terminal else LogProgress()

    def report(self, progress: Progress) -> None:
        """Show how far the training has come."""
        if self._log is not None:
            self._log(progress)
            return
        state = f"loss {progress.loss:.3f}"
        if progress.seconds_left is not None:
            left = duration(progress.seconds_left)
            state += f", {progress.steps_per_s:.2f} steps/s, {left} left"
        self._progress.update(
            self._task, completed=progress.step, total=progress.steps, state=state
        )
