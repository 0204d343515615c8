"""The parent's side of ``worker``: start, follow, give up."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
from numpy.typing import NDArray

from edge_runtime.child_environment import child_environment
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.occlusion.occlusion_map import OcclusionMap, Progress
from edge_runtime.occlusion.worker import Task

COMMAND = (sys.executable, "-P", "-m", "edge_runtime.occlusion.worker")
_SMALL = {  # one thread and one heap: less memory on small boards
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}


class WorkerProcess:
    """Has occlusion maps made in a small process of the lowest priority.

    One thread calls ``run``; any thread may call ``close``.

    Parameters
    ----------
    timeout_s : float
        A map that takes longer is given up.
    command : sequence of str
        Of the process.
    """

    def __init__(self, timeout_s: float, command: Sequence[str] = COMMAND) -> None:
        self._timeout_s = timeout_s
        self._command = tuple(command)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def run(
        self, task: Task, model: bytes, crop: NDArray[np.uint8], progress: Progress
    ) -> OcclusionMap:
        """Have a map made, and follow how far it is.

        Raises
        ------
        GalaxyEdgeError
            The model cannot be run, the process failed, took too long, or was
            given up by ``close``.
        """
        with self._started() as process, _killed_after(process, self._timeout_s) as late:
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(BrokenPipeError):  # its exit code says more
                process.stdin.write(task.to_line() + model + crop.tobytes())
                process.stdin.close()
            for line in process.stdout:
                words = json.loads(line)
                if "error" in words:
                    raise GalaxyEdgeError(words["error"])
                if "drops" in words:
                    drops = np.array(words["drops"], dtype=np.float32)
                    return OcclusionMap(words["label"], words["probability"], drops)
                progress(words["done"], words["total"])
            code = process.wait()
        if self._closed:
            raise GalaxyEdgeError("the daemon is stopping")
        if late.is_set():
            raise GalaxyEdgeError(f"it took more than {self._timeout_s:.0f} s; try again later")
        raise GalaxyEdgeError(f"its process ended with code {code}; the log says more")

    def close(self) -> None:
        """Kill the process; ``run`` fails from now on."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    @contextmanager
    def _started(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start the process; it is gone at the end."""
        with self._lock:
            if self._closed:
                raise GalaxyEdgeError("the daemon is stopping")
            process = self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=child_environment(**_SMALL),
                start_new_session=True,  # Ctrl-C is for the daemon
                creationflags=getattr(subprocess, "IDLE_PRIORITY_CLASS", 0),
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()
            with self._lock:
                self._process = None


@contextmanager
def _killed_after(process: subprocess.Popen[bytes], timeout_s: float) -> Iterator[threading.Event]:
    """Kill a process that takes too long; the event then tells."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(timeout_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
