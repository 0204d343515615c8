"""A bar on the terminal while long work goes on; lines in the log elsewhere."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

_LINE_EVERY_S = 60.0


class WorkBar:
    """How much is done, and a line about it, on standard error.

    Parameters
    ----------
    label : str
        What is being done.
    log : logging.Logger
        Gets the lines where standard error is no terminal.
    line_every_s : float
        How often.
    """

    def __init__(
        self, label: str, log: logging.Logger, *, line_every_s: float = _LINE_EVERY_S
    ) -> None:
        console = Console(stderr=True)
        self._log = log
        self._terminal = console.is_terminal
        self._line_every_s = line_every_s
        self._next_line = time.monotonic() + line_every_s
        self._bar = RichProgress(
            label,
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, state="preparing")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, done: float, total: float, line: str, *, at_once: bool = False) -> None:
        """Show how far the work has come; ``at_once`` writes a line though none is due."""
        self._bar.update(self._task, completed=done, total=total, state=line)
        if not self._terminal and (at_once or time.monotonic() >= self._next_line):
            self._next_line = time.monotonic() + self._line_every_s
            self._log.info("%s", line)
