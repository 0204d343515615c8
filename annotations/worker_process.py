"""Long work in a process of its own: how it tells its steps, and how it ends.

A process that trains a network keeps its libraries' memory and settings to
itself; it is started with a folder, logs there, and ends with its parent.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edge_runtime.errors import GalaxyEdgeError

LOG_NAME = "training.log"

_STEP_MARK = "@step "
_LAST_LINES = 40


def step_line(step: int) -> str:
    """The line by which a worker tells the step it has reached."""
    return f"{_STEP_MARK}{step}\n"


def step_in(line: bytes) -> int | None:
    """The step in a line of `step_line`, None in any other."""
    text = line.decode("utf-8", "replace")
    number = text.removeprefix(_STEP_MARK).strip()
    return int(number) if text.startswith(_STEP_MARK) and number.isdigit() else None


def tell_step(step: int) -> None:
    """Tell the parent, past a trainer that takes Python's standard output."""
    os.write(1, step_line(step).encode())


def end_with_parent() -> None:
    """End this process when its standard input closes, so that it outlives no parent."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    # without Python's buffer, whose lock would be held when this process ends
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(1)


def run_worker(
    command: Sequence[str],
    folder: Path,
    at_step: Callable[[int], None],
    *,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a worker to its end; what it writes is added to ``training.log``.

    Parameters
    ----------
    command : sequence of str
    folder : Path
        Gets the log; named in errors.
    at_step : callable
        Called with each step the worker tells.
    environment : mapping of str to str, optional
        Variables that are set unless the environment has them already.

    Raises
    ------
    GalaxyEdgeError
        The worker failed; the message is its line that begins with ``error:``,
        or says how it ended.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with (
        (folder / LOG_NAME).open("ab") as logfile,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**(environment or {}), **os.environ, "PYTHONUNBUFFERED": "1"},
        ) as process,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                step = step_in(line)
                if step is not None:
                    at_step(step)
                    continue
                logfile.write(line)
                last.append(line.decode("utf-8", "replace").rstrip())
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise GalaxyEdgeError(_failure(folder, process.returncode, last))


def _failure(folder: Path, code: int, last: Sequence[str]) -> str:
    for line in reversed(last):
        if line.startswith("error: "):
            return f"{folder}: {line.removeprefix('error: ')}"
    if code == -9:
        return (
            f"{folder}: the process was killed, as systems do that run out of memory; take "
            "smaller batches and start again, what is finished is kept"
        )
    reason = next((line for line in reversed(last) if line.strip()), f"exit code {code}")
    return f"{folder}: the training failed ({reason[:300]}); see {LOG_NAME} there"
