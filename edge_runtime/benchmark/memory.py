"""Memory of a process and everything it started, from /proc."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
RSS_INTERVAL_S = 0.02
PSS_EVERY = 10  # samples: reading it walks the page tables of the process
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class MemoryPeak:
    """Largest memory of a process tree at any one moment.

    Attributes
    ----------
    rss_mb : float
        Sum over the processes of resident memory, in MiB; what they share is
        counted once for each.
    pss_mb : float
        The same with shared memory counted once.
    processes : int
        Most processes at a time.
    """

    rss_mb: float
    pss_mb: float
    processes: int


class MemoryWatch:
    """Samples the memory of a process tree from a thread, as a context manager.

    Parameters
    ----------
    root_pid : int
        The process whose tree is watched.
    """

    def __init__(self, root_pid: int) -> None:
        self._root_pid = root_pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-watch", daemon=True)
        self._rss_bytes = 0
        self._pss_bytes = 0
        self._processes = 0

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def peak(self) -> MemoryPeak | None:
        """What was seen so far; None where the system has no /proc."""
        if self._processes == 0:
            return None
        return MemoryPeak(self._rss_bytes / _MEBIBYTE, self._pss_bytes / _MEBIBYTE, self._processes)

    def _watch(self) -> None:
        samples = 0
        while not self._stop.is_set():
            started_s = time.monotonic()
            pids = process_tree(self._root_pid)
            self._rss_bytes = max(self._rss_bytes, sum(map(rss_bytes, pids)))
            self._processes = max(self._processes, len(pids))
            if samples % PSS_EVERY == 0:
                self._pss_bytes = max(self._pss_bytes, sum(map(pss_bytes, pids)))
            samples += 1
            # Take at most a tenth of a core, however slow the samples are.
            self._stop.wait(max(RSS_INTERVAL_S, 9 * (time.monotonic() - started_s)))


def process_tree(root_pid: int) -> list[int]:
    """Return a process and its descendants; empty where it has ended."""
    found: list[int] = []
    waiting = [root_pid]
    while waiting:
        pid = waiting.pop()
        try:
            tasks = os.listdir(PROC / str(pid) / "task")
        except OSError:
            continue
        found.append(pid)
        for task in tasks:
            children = _read(PROC / str(pid) / "task" / task / "children")
            waiting += [int(child) for child in children.split()]
    return found


def rss_bytes(pid: int) -> int:
    """Resident memory of a process in bytes; 0 where it has ended."""
    fields = _read(PROC / str(pid) / "statm").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else 0


def pss_bytes(pid: int) -> int:
    """Proportional share of memory of a process in bytes; 0 where it cannot be read."""
    for line in _read(PROC / str(pid) / "smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the process has ended, or belongs to somebody else
        return ""
