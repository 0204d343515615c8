"""The parent's side of capture: start, ask for frames, kill and start again."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from types import TracebackType
from typing import Any

from edge_runtime.cameras.uri import parse_source
from edge_runtime.capture.memory import anonymous_memory, read_heartbeat, read_pixels
from edge_runtime.capture.messages import (
    End,
    Failed,
    Fault,
    Hello,
    Ready,
    Release,
    Stop,
    Task,
    Want,
)
from edge_runtime.capture.supervision import (
    Action,
    Activity,
    Heartbeat,
    SupervisionPolicy,
    Supervisor,
)
from edge_runtime.errors import CameraError, ConfigError
from edge_runtime.frame import Frame

_log = logging.getLogger(__name__)

_CHECK_EVERY_S = 0.2
_STOP_GRACE_S = 2.0
_KILL_GRACE_S = 5.0
_FILE_FAILURES_LIMIT = 3


@dataclass(frozen=True, slots=True)
class FrameFault:
    """A frame that could not be had.

    Attributes
    ----------
    name : str
        The source.
    message : str
        What happened, naming the file or device.
    source_failed : bool
        True where not one frame but the whole source failed and is being
        started again.
    """

    name: str
    message: str
    source_failed: bool = False


@dataclass(frozen=True, slots=True)
class EndOfSource:
    """There are no more frames."""


class CaptureProcess:
    """A camera in a process of its own.

    Frames are copied out of shared memory, so a returned frame owns its pixels
    and may be kept. All supervision happens inside ``get``; call it regularly.

    After a crash or hang, a live camera is simply opened again. A file source
    goes on behind the last frame delivered, and the frame the driver died on is
    reported as a fault and passed over.

    Parameters
    ----------
    source_uri : str
        See ``edge_runtime.cameras.uri``.
    slots : int
        Frames in shared memory at a time, at least 2.
    max_frame_bytes : int, optional
        Larger frames are reported as faults.
    policy : SupervisionPolicy, optional
        Timeouts and pauses. A ``failures_limit`` of None means never for live
        cameras and three failures in a row for files.

    Raises
    ------
    ConfigError
        The URI is wrong.
    """

    def __init__(
        self,
        source_uri: str,
        slots: int = 3,
        max_frame_bytes: int | None = None,
        policy: SupervisionPolicy | None = None,
    ) -> None:
        if slots < 2:
            raise ConfigError(f"capture needs at least 2 slots, got {slots}")
        self.source_name = parse_source(source_uri).display
        self._uri = source_uri
        self._slot_count = slots
        self._max_frame_bytes = max_frame_bytes
        self._policy = policy or SupervisionPolicy()
        self._supervisor = Supervisor(self._with_limit(live=False))
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._child: _Child | None = None
        self._started = False
        self._ended = False
        self._live = False
        self._starts = 0
        self._consumed = 0
        self._next_sequence = 0
        self._sequence_offset = 0
        self._poison: dict[int, str] = {}
        self._dropped_before = 0
        self._last_failure = ""

    def __enter__(self) -> CaptureProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Process number of the child; None where it is not running."""
        child = self._child
        return None if child is None else child.process.pid

    @property
    def restarts(self) -> int:
        """How often the child was started again."""
        return max(0, self._starts - 1)

    @property
    def dropped(self) -> int:
        """Frames of a live camera that newer ones replaced."""
        heartbeat = self._heartbeat()
        return self._dropped_before + (heartbeat.dropped if heartbeat else 0)

    @property
    def heartbeat_age_s(self) -> float | None:
        """Seconds since the child last gave a sign of life; None without one."""
        heartbeat = self._heartbeat()
        return None if heartbeat is None else max(0.0, time.monotonic() - heartbeat.since_s)

    @property
    def last_failure(self) -> str:
        """Why the child was last started again; empty where it never was."""
        return self._last_failure

    def start(self) -> None:
        """Start the child; returns before the camera is open. No-op where it runs."""
        with self._lock:
            if not self._started:
                self._started = True
                self._stopping.clear()
                self._start_child()

    def stop(self) -> None:
        """Close the camera and end the child, by force after 2 s. May be called twice."""
        self._stopping.set()
        with self._lock:
            self._started = False
            if self._child is not None:
                self._child.stop()
                self._retire_child()

    def restart(self) -> None:
        """Kill the child at once and start it again, behind the frames delivered."""
        with self._lock:
            if not self._started:
                raise CameraError(f"{self.source_name}: capture is not running")
            if self._child is not None:
                self._child.kill()
                self._retire_child()
            self._supervisor.restart_now()
            if not self._ended:
                self._start_child()

    def get(self, timeout_s: float = 1.0) -> Frame | FrameFault | EndOfSource | None:
        """Return the next frame: of a live camera the newest, of files the next.

        Of a live camera, a call after one that timed out may return a frame
        that arrived since then.

        Parameters
        ----------
        timeout_s : float
            Longest time to wait.

        Returns
        -------
        Frame, FrameFault, EndOfSource or None
            None on timeout. After the end, or after ``stop``, always
            ``EndOfSource``.

        Raises
        ------
        CameraError
            A file source cannot be read at all: it is missing, or failed too
            often. A live camera is tried for ever.
        ConfigError
            The driver refuses the options in the URI.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            with self._lock:
                if self._ended or not self._started:
                    return EndOfSource()
                result = self._step(deadline_s)
            if result is not None:
                return result
            now_s = time.monotonic()
            if now_s >= deadline_s:
                return None
            if self._child is None:
                pause_s = self._supervisor.pause_s(now_s)
                self._stopping.wait(min(pause_s, deadline_s - now_s))

    def _step(self, deadline_s: float) -> Frame | FrameFault | EndOfSource | None:
        """Supervise, then wait a little for one message."""
        now_s = time.monotonic()
        child = self._child
        heartbeat = self._heartbeat()
        action = self._supervisor.decide(now_s, child is not None, heartbeat)
        if action is Action.GIVE_UP:
            raise CameraError(f"{self.source_name}: given up: {self._last_failure}")
        if action is Action.START:
            self._start_child()
            return None
        if child is None:
            return None
        # What has arrived counts, even of a child that hangs or has died.
        wait_s = min(_CHECK_EVERY_S, max(0.0, deadline_s - now_s))
        try:
            child.want()
            if child.connection.poll(0.0 if action is Action.KILL else wait_s):
                return self._receive(child, child.connection.recv())
        except (EOFError, OSError):
            return self._child_died(child)
        if action is Action.KILL:
            activity = heartbeat.activity if heartbeat else Activity.STARTING
            return self._child_failed(
                child, f"the driver hung while {activity.name.lower()} and was killed"
            )
        return None

    def _receive(self, child: _Child, message: object) -> Frame | FrameFault | EndOfSource | None:
        if isinstance(message, Hello):
            self._live = message.live
            self._supervisor.policy = self._with_limit(message.live)
            return None
        child.wanted = False
        if isinstance(message, Ready):
            pixels = read_pixels(child.slots[message.slot], message.shape, message.dtype)
            child.send(Release(message.slot))
            self._supervisor.delivered()
            self._consumed += 1
            sequence = message.fields["sequence"] + self._sequence_offset
            self._next_sequence = sequence + 1
            return Frame(pixels=pixels, **{**message.fields, "sequence": sequence})
        if isinstance(message, Fault):
            self._supervisor.delivered()
            self._consumed += 1
            return FrameFault(self.source_name, message.message)
        if isinstance(message, End):
            self._ended = True
            child.stop()
            self._retire_child()
            return EndOfSource()
        if isinstance(message, Failed):
            if message.wrong_config or not (self._live or message.crashed):
                self._ended = True
                child.stop()
                self._retire_child()
                raise (ConfigError if message.wrong_config else CameraError)(message.message)
            return self._child_failed(child, message.message)
        raise CameraError(f"{self.source_name}: unexpected message {message!r} from capture")

    def _child_died(self, child: _Child) -> FrameFault:
        child.kill()
        return self._child_failed(
            child, f"the driver's process {_ending(child.process.returncode)}"
        )

    def _child_failed(self, child: _Child, reason: str) -> FrameFault:
        """Bury the child and note which frame it died on."""
        heartbeat = read_heartbeat(child.heartbeat)
        child.kill()
        self._retire_child()
        self._supervisor.failed(time.monotonic())
        self._last_failure = reason
        _log.warning("%s: %s", self.source_name, reason)
        if self._live:
            self._sequence_offset = self._next_sequence
        elif heartbeat is not None and heartbeat.activity is Activity.READING:
            index = heartbeat.reads_started - 1
            self._poison[index] = f"{self.source_name}: frame {index}: {reason}"
        return FrameFault(self.source_name, f"{self.source_name}: {reason}", source_failed=True)

    def _start_child(self) -> None:
        task = Task(
            uri=self._uri,
            skip=0 if self._live else self._consumed,
            poison=dict(self._poison),
            max_frame_bytes=self._max_frame_bytes,
        )
        self._child = _Child(task, self._slot_count)
        self._starts += 1
        self._supervisor.started(time.monotonic())

    def _retire_child(self) -> None:
        if self._child is not None:
            heartbeat = read_heartbeat(self._child.heartbeat)
            self._dropped_before += heartbeat.dropped if heartbeat else 0
            self._child.release()
            self._child = None

    def _heartbeat(self) -> Heartbeat | None:
        child = self._child
        if child is None:
            return None
        try:
            return read_heartbeat(child.heartbeat)
        except OSError:  # retired by another thread just now
            return None

    def _with_limit(self, live: bool) -> SupervisionPolicy:
        if live or self._policy.failures_limit is not None:
            return self._policy
        return dataclasses.replace(
            self._policy, failures_limit=_FILE_FAILURES_LIMIT, healthy_after_s=0.0
        )


class _Child:
    """One run of the child process with the descriptors shared with it."""

    def __init__(self, task: Task, slot_count: int) -> None:
        self.wanted = False
        self.heartbeat = anonymous_memory("galaxy-edge-heartbeat")
        self.slots = tuple(anonymous_memory(f"galaxy-edge-slot-{i}") for i in range(slot_count))
        self.connection: Connection[Any, Any]
        self.connection, theirs = Pipe()
        lifeline, self._lifeline = os.pipe()
        inherited = (theirs.fileno(), lifeline, self.heartbeat, *self.slots)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "edge_runtime.capture.child", *map(str, inherited)],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what drivers print must not mix with the results
                pass_fds=inherited,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the parent; kill takes helpers along
            )
        finally:
            theirs.close()
            os.close(lifeline)
        self.send(task)

    def send(self, message: object) -> None:
        """Send; a dead child is noticed when its answer is awaited."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(message)

    def want(self) -> None:
        """Ask for an entry unless that was done already."""
        if not self.wanted:
            self.wanted = True
            self.send(Want())

    def stop(self) -> None:
        """End the child gently, then by force."""
        self.send(Stop())
        try:
            self.process.wait(_STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the child and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
        try:
            self.process.wait(_KILL_GRACE_S)
        except subprocess.TimeoutExpired:
            _log.error(
                "capture process %d does not end even by SIGKILL: "
                "the kernel driver of the camera hangs",
                self.process.pid,
            )

    def release(self) -> None:
        """Close all descriptors."""
        self.connection.close()
        for descriptor in (self._lifeline, self.heartbeat, *self.slots):
            os.close(descriptor)


def _environment() -> dict[str, str]:
    paths = [path or os.getcwd() for path in sys.path]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OPENCV_LOG_LEVEL": "OFF",
        "OPENCV_FFMPEG_LOGLEVEL": "-8",
        "MALLOC_ARENA_MAX": "2",  # fewer heaps: less memory on small boards
    }


def _ending(code: int | None) -> str:
    if code is None:
        return "does not end"
    if code < 0:
        return f"was killed by signal {-code} ({signal.strsignal(-code)})"
    return f"ended with exit code {code}"
