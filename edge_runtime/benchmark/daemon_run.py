"""The daemon as a user starts it, watched from outside."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.benchmark.memory import MemoryPeak, MemoryWatch
from edge_runtime.child_environment import child_environment
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.toml_text import toml_value

FIRST_FRAME = re.compile(r"first frame after")
_LAST_LINES = 8


@dataclass(frozen=True, slots=True)
class DaemonRun:
    """One run of the daemon.

    Attributes
    ----------
    first_frame_s : float
        Start of the process to its first classified frame.
    seconds : float
        Start to end of the process.
    memory : MemoryPeak or None
        Peak over all of its processes; None where it cannot be measured.
    """

    first_frame_s: float
    seconds: float
    memory: MemoryPeak | None


def run_daemon_process(
    source: str,
    scratch: Path,
    *,
    frames: int,
    bundle_path: Path | None,
    threads: int,
    web: bool,
    timeout_s: float,
) -> DaemonRun:
    """Run ``galaxy-edge run`` on a source and watch it.

    Parameters
    ----------
    source : str
        Source URI.
    scratch : Path
        Folder for configuration, database and pictures.
    frames : int
        Frames after which the daemon stops.
    bundle_path : Path or None
        Bundle; None for the one in the program.
    threads : int
        As in the configuration.
    web : bool
        Whether the dashboard is served (on any free port).
    timeout_s : float
        The daemon is stopped after this time.

    Raises
    ------
    GalaxyEdgeError
        The daemon failed or took too long; the message has its last words.
    """
    config = scratch / "bench.toml"
    config.write_text(_config_text(source, scratch, bundle_path, threads, web))
    command = [sys.executable, "-m", "edge_runtime.cli", "run"]
    command += ["--config", str(config), "--frames", str(frames)]
    started_s = time.monotonic()
    with _started(command) as daemon, MemoryWatch(daemon.pid) as watch:
        log = _Log(daemon)
        try:
            code = daemon.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise GalaxyEdgeError(
                f"the daemon took more than {timeout_s:.0f} s; it said: {log.last_words()}"
            ) from error
        ended_s = time.monotonic()
        log.join()
    if code != 0 or log.first_frame_s is None:
        raise GalaxyEdgeError(f"the daemon failed (exit code {code}): {log.last_words()}")
    return DaemonRun(log.first_frame_s - started_s, ended_s - started_s, watch.peak)


class _Log:
    """Reads what the daemon logs and notes when the first frame was done."""

    def __init__(self, daemon: subprocess.Popen[str]) -> None:
        self._daemon = daemon
        self._lines: list[str] = []
        self.first_frame_s: float | None = None
        self._thread = threading.Thread(target=self._read, name="daemon-log", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._daemon.stderr or ():
            if self.first_frame_s is None and FIRST_FRAME.search(line):
                self.first_frame_s = time.monotonic()
            self._lines = [*self._lines[-_LAST_LINES:], line.strip()]

    def join(self) -> None:
        self._thread.join()

    def last_words(self) -> str:
        return " / ".join(self._lines[-_LAST_LINES:]) or "nothing"


@contextmanager
def _started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    daemon = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=child_environment(),
    )
    try:
        yield daemon
    finally:
        if daemon.poll() is None:
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(10.0)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        if daemon.stderr is not None:
            daemon.stderr.close()


def _config_text(
    source: str, scratch: Path, bundle_path: Path | None, threads: int, web: bool
) -> str:
    lines = [
        "[camera]",
        f"source = {toml_value(source)}",
        "[pipeline]",
        f"threads = {threads}",
        "[store]",
        f"url = {toml_value(str(scratch / 'sightings.sqlite'))}",
        f"media_dir = {toml_value(str(scratch / 'media'))}",
        "[web]",
        f"enabled = {toml_value(web)}",
        "port = 0",
    ]
    if bundle_path is not None:
        lines += ["[bundle]", f"path = {toml_value(str(bundle_path.resolve()))}"]
    return "\n".join(lines) + "\n"
