from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

from edge_runtime.capture.memory import (
    anonymous_memory,
    read_heartbeat,
    read_pixels,
    write_heartbeat,
    write_pixels,
)
from edge_runtime.capture.supervision import Activity, Heartbeat
from edge_runtime.errors import CameraError


@pytest.fixture
def memory() -> Iterator[int]:
    descriptor = anonymous_memory("test")
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_pixels_come_back_as_they_were(memory, dtype):
    pixels = (np.arange(60 * 50 * 3) % 251).reshape(60, 50, 3).astype(dtype)
    write_pixels(memory, pixels[:, ::-1])
    back = read_pixels(memory, pixels.shape, dtype)
    assert np.array_equal(back, pixels[:, ::-1])
    assert back.flags.owndata
    assert back.flags.writeable


def test_a_slot_takes_the_size_of_its_frame(memory):
    write_pixels(memory, np.zeros((1000, 1000), np.uint16))
    assert os.fstat(memory).st_size == 2_000_000
    write_pixels(memory, np.zeros((10, 10), np.uint8))
    assert os.fstat(memory).st_size == 100


def test_a_short_slot_is_an_error_not_rubbish(memory):
    write_pixels(memory, np.zeros(99, np.uint8))
    with pytest.raises(CameraError, match="99 bytes only"):
        read_pixels(memory, (10, 10), "uint8")


def test_a_torn_heartbeat_is_not_believed(memory):
    assert read_heartbeat(memory) is None
    heartbeat = Heartbeat(Activity.READING, 123.25, reads_started=7, dropped=3)
    write_heartbeat(memory, heartbeat)
    assert read_heartbeat(memory) == heartbeat
    os.pwrite(memory, b"\xff", 4)
    assert read_heartbeat(memory) is None
