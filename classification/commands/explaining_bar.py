"""A bar on the terminal while galaxies are explained."""

from __future__ import annotations

from edge_runtime.cli.output import ProgressBar


class ExplainingBar(ProgressBar):
    """Says what is being done, one thing after another, on standard error."""

    def __init__(self) -> None:
        super().__init__("starting")
        self._shown = ""

    def show(self, title: str, done: int, total: int) -> None:
        """Show how much of one thing is done.

        Parameters
        ----------
        title : str
            What is done; another one begins a new bar.
        done, total : int
        """
        if title != self._shown:
            self._shown = title
            self._progress.reset(self._task, total=total, description=title)
        self.update(done, total)
