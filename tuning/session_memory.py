"""Memory of the processes of one session, and an end to all of them (Linux).

A limit on the address space (``RLIMIT_AS``) is of no use here: TensorFlow
reserves many times the memory it uses. So what is resident is added up.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")

_SHARE_OF_MACHINE = 0.8
_SESSION, _RESIDENT_PAGES = 3, 21  # fields of /proc/PID/stat behind the name


def can_be_measured() -> bool:
    """Whether this system tells the memory of processes in /proc."""
    return (PROC / "self" / "stat").exists()


def resident_mb(session: int) -> float:
    """Resident memory of all processes of a session, in units of 1024 x 1024 bytes.

    Pages that several of them share count several times.
    """
    pages = sum(int(fields[_RESIDENT_PAGES]) for _, fields in _processes(session))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def kill_session(session: int) -> None:
    """Kill every process of a session, also those in process groups of their own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)
    for pid, _ in _processes(session):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def default_limit_mb() -> int | None:
    """Most memory that a trial is to take on this machine; None where it cannot be measured."""
    if not can_be_measured():
        return None
    machine_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return round(_SHARE_OF_MACHINE * machine_bytes / 2**20)


def _processes(session: int) -> Iterator[tuple[int, list[str]]]:
    """Process ids of a session and what /proc/PID/stat says behind the name."""
    for entry in os.scandir(PROC) if can_be_measured() else ():
        if not entry.name.isdigit():
            continue
        try:
            text = (PROC / entry.name / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended
            continue
        fields = text.rpartition(")")[2].split()
        if int(fields[_SESSION]) == session:
            yield int(entry.name), fields
