"""Work that goes on beside the main thread while the daemon starts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """A function running in a daemon thread, and its result.

    A daemon thread does not keep the process from ending: what hangs on a dead
    disk is left behind.

    Parameters
    ----------
    work : callable
        Called at once in the new thread.
    name : str
        Name of the thread.
    """

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self._work = work
        self._done = threading.Event()
        self._result: T | None = None
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def done(self) -> bool:
        """Whether the work has ended, well or not."""
        return self._done.is_set()

    def result(self, timeout_s: float) -> T:
        """Wait for the result.

        Raises
        ------
        TimeoutError
            The work goes on.
        BaseException
            What the work raised.
        """
        if not self._done.wait(timeout_s):
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
            self._error = error
        finally:
            self._done.set()
