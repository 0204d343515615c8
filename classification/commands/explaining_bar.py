"""A bar on the terminal while galaxies are explained."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress


class ExplainingBar:
    """One line for each thing that is done, the finished ones above, on standard error."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, int] = {}

    def __enter__(self) -> ExplainingBar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, title: str, done: int, total: int) -> None:
        """Show how much of one thing is done; what came before it is finished."""
        if title not in self._tasks:
            for task in self._bar.tasks:
                self._bar.update(task.id, completed=task.total)
            self._tasks[title] = self._bar.add_task(title, total=total)
        self._bar.update(self._bar.task_ids[list(self._tasks).index(title)], completed=done)
