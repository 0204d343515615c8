"""A bar on the terminal while long work goes on; lines in the log elsewhere."""

from __future__ import annotations

import logging
import time

from rich.progress import BarColumn, TaskProgressColumn, TextColumn

from edge_runtime.cli.output import TerminalBar

_LINE_EVERY_S = 60.0


class WorkBar(TerminalBar):
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
        columns = (label, BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[state]}"))
        super().__init__(columns, state="preparing")
        self._log = log
        self._line_every_s = line_every_s
        self._next_line = time.monotonic() + line_every_s

    def show(self, done: float, total: float, line: str, *, at_once: bool = False) -> None:
        """Show how far the work has come; ``at_once`` writes a line though none is due."""
        self._progress.update(self._task, completed=done, total=total, state=line)
        if not self._console.is_terminal and (at_once or time.monotonic() >= self._next_line):
            self._next_line = time.monotonic() + self._line_every_s
            self._log.info("%s", line)
