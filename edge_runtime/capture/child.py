"""The capture process itself: ``python -m edge_runtime.capture.child DESCRIPTORS``.

The main thread runs the driver, a second one listens to the parent. The process
ends when the parent does, by whatever cause: besides the listening thread, the
kernel sends a deadly signal when the parent's end of a pipe closes, so that even
a driver that never lets Python run again leaves no orphan.
"""

from __future__ import annotations

import dataclasses
import fcntl
import logging
import os
import select
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from edge_runtime.cameras.base import Camera
from edge_runtime.cameras.uri import open_camera
from edge_runtime.capture.memory import write_heartbeat, write_pixels
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
from edge_runtime.capture.outbox import Outbox
from edge_runtime.capture.supervision import Activity, Heartbeat
from edge_runtime.errors import ConfigError, FrameError, GalaxyEdgeError
from edge_runtime.frame import Frame

_log = logging.getLogger(__name__)

_FRAME_FIELDS = tuple(field.name for field in dataclasses.fields(Frame) if field.name != "pixels")


class CaptureChild:
    """Reads one source and answers the parent.

    Parameters
    ----------
    connection : Connection
        To the parent.
    heartbeat : int
        Descriptor of the memory for signs of life.
    slots : tuple of int
        Descriptors of the frame slots.
    """

    def __init__(self, connection: Connection[Any, Any], heartbeat: int, slots: tuple[int, ...]):
        self._connection = connection
        self._sending = threading.Lock()
        self._heartbeat = heartbeat
        self._slots = slots
        self._reads_started = 0
        self._outbox: Outbox | None = None

    def run(self) -> None:
        """Read until the source ends, fails or the parent says stop."""
        task: Task = self._connection.recv()
        self._reads_started = task.skip
        self._beat(Activity.OPENING)
        try:
            camera = open_camera(task.uri)
        except Exception as error:  # noqa: BLE001 - reported to the parent
            camera = None
            failure = _failure(error)
        live = camera is not None and camera.live
        outbox = self._outbox = Outbox(len(self._slots), live, self._send)
        listener = threading.Thread(target=self._listen, name="listener", daemon=True)
        listener.start()
        if camera is None:
            outbox.put(failure)
        else:
            self._send(Hello(camera.name, camera.live))
            self._read_all(camera, task, outbox)
        listener.join()

    def _read_all(self, camera: Camera, task: Task, outbox: Outbox) -> None:
        try:
            with camera:
                _skip(camera, task.skip)
                while not outbox.closed and self._read_one(camera, task, outbox):
                    pass
            if not outbox.closed:
                self._beat(Activity.WAITING)
                outbox.put(End())
        except Exception as error:  # noqa: BLE001 - reported to the parent
            # The heartbeat stays as it is: it tells which frame it was.
            outbox.put(_failure(error))

    def _read_one(self, camera: Camera, task: Task, outbox: Outbox) -> bool:
        """Read one frame into the outbox; False at the end of the source."""
        slot = None
        if not camera.live:
            self._beat(Activity.WAITING)
            slot = outbox.reserve()
            if slot is None:
                return False
        index = self._reads_started
        self._reads_started += 1
        self._beat(Activity.READING)
        try:
            if not camera.live and index in task.poison:
                _skip(camera, 1)
                raise FrameError(task.poison[index])
            frame = camera.read()
            if frame is None:
                return False
            if task.max_frame_bytes is not None and frame.pixels.nbytes > task.max_frame_bytes:
                raise FrameError(
                    f"{frame.name or camera.name}: the frame has {frame.pixels.nbytes} bytes, "
                    f"the limit is {task.max_frame_bytes}"
                )
        except FrameError as error:
            if slot is not None:
                outbox.give_back(slot)
            outbox.put(Fault(str(error)))
            return True
        self._beat(Activity.WAITING)
        if slot is None:
            slot = outbox.reserve()
            if slot is None:
                return False
        write_pixels(self._slots[slot], frame.pixels)
        fields = {name: getattr(frame, name) for name in _FRAME_FIELDS}
        fields["header"] = dict(frame.header)
        outbox.put(Ready(slot, frame.pixels.shape, frame.pixels.dtype.name, fields))
        return True

    def _listen(self) -> None:
        """Answer the parent until it stops or dies."""
        outbox = self._outbox
        assert outbox is not None
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                os._exit(0)
            if isinstance(message, Want):
                outbox.want()
            elif isinstance(message, Release):
                outbox.give_back(message.slot)
            elif isinstance(message, Stop):
                outbox.close()
                return

    def _send(self, message: object) -> None:
        try:
            with self._sending:
                self._connection.send(message)
        except OSError:
            os._exit(0)  # the parent is gone

    def _beat(self, activity: Activity) -> None:
        dropped = self._outbox.dropped if self._outbox is not None else 0
        heartbeat = Heartbeat(activity, time.monotonic(), self._reads_started, dropped)
        write_heartbeat(self._heartbeat, heartbeat)


def _skip(camera: Camera, count: int) -> None:
    """Pass over frames; drivers with a ``skip(count)`` method do it without reading."""
    skip = getattr(camera, "skip", None)
    if count and skip is not None:
        skip(count)
        return
    for _ in range(count):
        try:
            if camera.read() is None:
                return
        except FrameError:
            continue


def _failure(error: Exception) -> Failed:
    if isinstance(error, GalaxyEdgeError):
        return Failed(str(error), wrong_config=isinstance(error, ConfigError))
    _log.error("the camera driver failed", exc_info=error)
    return Failed(f"the driver failed with {type(error).__name__}: {error}", crashed=True)


def die_with_parent(lifeline: int) -> None:
    """Have the kernel end this process when the other end of a pipe is closed.

    Parameters
    ----------
    lifeline : int
        Read end of a pipe whose only write end the parent holds and never
        writes to.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)  # ends the process
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:  # it was closed before
        os._exit(0)


def main(arguments: list[str]) -> None:
    """Run the process with the descriptors it inherited.

    Parameters
    ----------
    arguments : list of str
        Numbers of the connection, the lifeline, the heartbeat and the slots.
    """
    connection, lifeline, heartbeat, *slots = (int(argument) for argument in arguments)
    die_with_parent(lifeline)
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s capture: %(message)s",
    )
    CaptureChild(Connection(connection), heartbeat, tuple(slots)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
