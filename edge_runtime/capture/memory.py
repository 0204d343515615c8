"""Memory shared between a capture process and its parent.

The memory is anonymous: it has a file descriptor, which the child inherits, and
no name. So there is nothing to leave behind in /dev/shm: the kernel frees it
with the last process that holds it, whichever way that one ends. Both sides
copy with ``pwrite`` and ``preadv`` in place of mapping it, so it grows to fit
any frame and adds to no process's resident memory.
"""

from __future__ import annotations

import os
import struct
import tempfile
import zlib

import numpy as np
from numpy.typing import NDArray

from edge_runtime.capture.supervision import Activity, Heartbeat
from edge_runtime.errors import CameraError

_HEARTBEAT = struct.Struct("=BdQQ")
_CHECKSUM = struct.Struct("=I")


def anonymous_memory(label: str) -> int:
    """Return the descriptor of a new piece of memory without a name.

    Parameters
    ----------
    label : str
        Shown by the kernel in /proc; names nothing.

    Returns
    -------
    int
        File descriptor, not inherited unless passed on; its owner closes it.
    """
    if hasattr(os, "memfd_create"):
        return os.memfd_create(label, os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:  # not Linux: a file that has no name either
        return os.dup(file.fileno())


def write_pixels(descriptor: int, pixels: NDArray[np.generic]) -> None:
    """Put pixels into a slot, which takes their size.

    Parameters
    ----------
    descriptor : int
        The slot.
    pixels : ndarray
        Any shape and type.

    Raises
    ------
    OSError
        There is not enough memory.
    """
    data = np.ascontiguousarray(pixels).data.cast("B")
    if os.fstat(descriptor).st_size > len(data):
        os.ftruncate(descriptor, len(data))
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], written)


def read_pixels(descriptor: int, shape: tuple[int, ...], dtype: str) -> NDArray[np.generic]:
    """Copy pixels out of a slot.

    Parameters
    ----------
    descriptor : int
        The slot.
    shape : tuple of int
        Shape of the array.
    dtype : str
        NumPy name of its type.

    Returns
    -------
    ndarray
        Owns its memory.

    Raises
    ------
    CameraError
        The slot holds less than that.
    """
    pixels: NDArray[np.generic] = np.empty(shape, dtype)
    data = pixels.data.cast("B")
    done = 0
    while done < len(data):
        count = os.preadv(descriptor, [data[done:]], done)
        if count == 0:
            raise CameraError(f"a frame of {len(data)} bytes arrived with {done} bytes only")
        done += count
    return pixels


def write_heartbeat(descriptor: int, heartbeat: Heartbeat) -> None:
    """Leave a sign of life."""
    record = _HEARTBEAT.pack(
        heartbeat.activity, heartbeat.since_s, heartbeat.reads_started, heartbeat.dropped
    )
    os.pwrite(descriptor, record + _CHECKSUM.pack(zlib.crc32(record)), 0)


def read_heartbeat(descriptor: int) -> Heartbeat | None:
    """Return the last sign of life; None before the first or amid a write."""
    data = os.pread(descriptor, _HEARTBEAT.size + _CHECKSUM.size, 0)
    if len(data) < _HEARTBEAT.size + _CHECKSUM.size:
        return None
    record = data[: _HEARTBEAT.size]
    if _CHECKSUM.unpack_from(data, _HEARTBEAT.size)[0] != zlib.crc32(record):
        return None
    activity, since_s, reads_started, dropped = _HEARTBEAT.unpack(record)
    return Heartbeat(Activity(activity), since_s, reads_started, dropped)
