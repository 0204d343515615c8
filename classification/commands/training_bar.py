"""A bar on the terminal while a classifier trains; the log has a line an epoch anyway."""

from __future__ import annotations

import math

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from classification.callbacks import TrainingProgress
from edge_runtime.cli.output import TerminalBar


class TrainingBar(TerminalBar):
    """Batches of the epoch, losses and pictures a second, on standard error."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[state]}"),
        )
        super().__init__(columns, "reading labels", state="")
        self._shown = ""

    def prepared(self, done: int, total: int) -> None:
        """Show how many pictures are prepared."""
        self._show("preparing pictures", done, total, "")

    def report(self, progress: TrainingProgress) -> None:
        """Show how far the training has come."""
        title = f"epoch {progress.epoch + 1} of {progress.epochs}"
        self._show(title, progress.batch, progress.batches, state_of(progress))

    def _show(self, title: str, done: int, total: int, state: str) -> None:
        if title != self._shown:
            self._shown = title
            self._progress.reset(self._task, total=total, description=title)
        self._progress.update(self._task, total=total, completed=done, state=state)


def state_of(progress: TrainingProgress) -> str:
    """Losses and speed in words; what is not known yet is left out."""
    parts = [f"loss {progress.loss:.4f}"]
    if math.isfinite(progress.validation_loss):
        parts.append(f"validation {progress.validation_loss:.4f}")
    if math.isfinite(progress.images_per_s):
        parts.append(f"{progress.images_per_s:.0f} images/s")
    return ", ".join(parts)
