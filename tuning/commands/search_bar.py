"""The progress of a search on the terminal."""

from __future__ import annotations

import logging

from classification.commands.work_bar import WorkBar
from tuning.progress import SearchProgress

_log = logging.getLogger(__name__)

_LINE_EVERY_S = 300.0


class SearchBar(WorkBar):
    """Trials done, the best so far, and the time left, on standard error."""

    def __init__(self) -> None:
        super().__init__("search", _log, line_every_s=_LINE_EVERY_S)
        self._done = 0

    def report(self, progress: SearchProgress) -> None:
        """Show how far the search has come."""
        more = progress.done > self._done
        self._done = progress.done
        self.show(progress.done, progress.trials, progress.in_words(), at_once=more)
