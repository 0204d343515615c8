"""Where the command line writes: results to files or standard output, logs to standard error."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import typer

from edge_runtime.errors import GalaxyEdgeError

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


def write_json(result: Mapping[str, object], path: Path | None) -> None:
    """Write a result as JSON to a file, or to standard output where ``path`` is None.

    Raises
    ------
    GalaxyEdgeError
        The file cannot be written.
    """
    text = json.dumps(result, indent=2, allow_nan=False)
    if path is None:
        typer.echo(text)
        return
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise GalaxyEdgeError(f"{path}: cannot be written ({error.strerror})") from error
    typer.echo(f"wrote {path}", err=True)


def log_to_stderr(level: str = "info") -> None:
    """Send log records of the given level and above to standard error."""
    logging.basicConfig(
        stream=sys.stderr,
        level=level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        force=True,
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # our own lines say it better


class TerminalBar:
    """What bars of long work share: shown on standard error where that is a terminal.

    Parameters
    ----------
    columns : sequence of str or ProgressColumn
        Of the one line.
    description : str
        What is being done.
    soft_wrap : bool
        Leave long lines that scroll above the bar to the terminal.
    **fields
        Of the columns, at first.
    """

    def __init__(
        self,
        columns: Sequence[str | ProgressColumn],
        description: str = "",
        *,
        soft_wrap: bool = False,
        **fields: Any,
    ) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._console = Console(stderr=True, soft_wrap=soft_wrap)
        self._progress = Progress(
            *columns,
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task(description, total=None, **fields)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


class ProgressBar(TerminalBar):
    """A bar on standard error while a command works; error lines scroll above it.

    Where standard error is no terminal there is no bar, and only the errors
    are written.

    Parameters
    ----------
    label : str
        What is being done.
    """

    def __init__(self, label: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn

        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        super().__init__(columns, label, soft_wrap=True)

    def update(self, done: int, total: int) -> None:
        """Show how much is done."""
        self._progress.update(self._task, completed=done, total=total)

    def error(self, message: str) -> None:
        """Write one line ``error: message``."""
        self._console.print(f"error: {message}", markup=False, highlight=False)
