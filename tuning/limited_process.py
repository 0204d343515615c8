"""A process with limits of time and memory, whose end is told apart."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tuning import bound_process
from tuning.session_memory import can_be_measured, kill_session, resident_mb

POLL_S = 0.5


class Ending(Enum):
    """What ended a process."""

    ITSELF = "itself"
    TIME = "time"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a process went.

    Attributes
    ----------
    code : int
        Exit status; negative is the signal that killed it.
    ending : Ending
    seconds : float
    peak_mb : float
        Largest resident memory seen, with its children; 0 where it cannot be told.
    """

    code: int
    ending: Ending
    seconds: float
    peak_mb: float


def run_limited(
    command: Sequence[str],
    log: Path,
    *,
    seconds: float | None = None,
    memory_mb: float | None = None,
    environment: Mapping[str, str] | None = None,
    tick: Callable[[], None] | None = None,
    poll_s: float = POLL_S,
) -> Outcome:
    """Run a command to its end, or end it beyond its limits.

    It has a session of its own; what is left of that when the command ends is
    killed. It does not outlive this process.

    Parameters
    ----------
    command : sequence of str
    log : Path
        Gets what the command writes.
    seconds : float, optional
        Longest time.
    memory_mb : float, optional
        Most resident memory, children included, in units of 1024 x 1024 bytes;
        looked at every ``poll_s``. Needs Linux.
    environment : mapping of str to str, optional
        All variables of the command; those of this process by default.
    tick : callable, optional
        Called every ``poll_s``; what it raises ends the command.
    poll_s : float

    Returns
    -------
    Outcome
    """
    started = time.monotonic()
    ending, peak_mb = Ending.ITSELF, 0.0
    # by its path and without site packages: it needs none, and starts in an instant
    wrapped = [sys.executable, "-S", bound_process.__file__, str(os.getpid()), *command]
    with log.open("wb") as output:
        process = subprocess.Popen(
            wrapped,
            stdin=subprocess.PIPE,  # closes with this process, for commands that watch it
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(os.environ if environment is None else environment),
            start_new_session=True,
        )
    try:
        while True:
            try:
                process.wait(poll_s)
                break
            except subprocess.TimeoutExpired:
                pass
            if can_be_measured():
                now_mb = resident_mb(process.pid)
                peak_mb = max(peak_mb, now_mb)
                if memory_mb is not None and now_mb > memory_mb:
                    ending = Ending.MEMORY
                    break
            if seconds is not None and time.monotonic() - started > seconds:
                ending = Ending.TIME
                break
            if tick is not None:
                tick()
    finally:
        kill_session(process.pid)
        code = process.wait()
        if process.stdin is not None:
            process.stdin.close()
    return Outcome(code, ending, time.monotonic() - started, peak_mb)
