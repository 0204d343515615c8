"""A bar on the terminal while a search runs; lines in the log elsewhere."""

from __future__ import annotations

import logging
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichProgress

from tuning.progress import SearchProgress

_log = logging.getLogger(__name__)

_LINE_EVERY_S = 300.0


class SearchBar:
    """Trials done, the best so far, and the time left, on standard error."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._terminal = console.is_terminal
        self._next_line = time.monotonic() + _LINE_EVERY_S
        self._done = 0
        self._bar = RichProgress(
            "search",
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, state="preparing")

    def __enter__(self) -> SearchBar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def report(self, progress: SearchProgress) -> None:
        """Show how far the search has come."""
        self._bar.update(
            self._task,
            completed=progress.done,
            total=progress.trials,
            state=progress.in_words(),
        )
        due = time.monotonic() >= self._next_line or progress.done > self._done
        self._done = progress.done
        if not self._terminal and due:
            self._next_line = time.monotonic() + _LINE_EVERY_S
            _log.info("%s", progress.in_words())
