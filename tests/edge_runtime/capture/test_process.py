from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.capture import CaptureProcess, EndOfSource, FrameFault
from edge_runtime.capture.supervision import SupervisionPolicy
from edge_runtime.errors import CameraError, ConfigError
from edge_runtime.frame import Frame

DEADLINE_S = 30.0
QUICK = SupervisionPolicy(hang_timeout_s=1.5, open_timeout_s=20.0, backoff_first_s=0.01)


@pytest.fixture(autouse=True)
def own_drivers(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def nothing_leaks():
    """No descriptor, shared memory file or child is left behind by any test."""
    descriptors, memory = open_descriptors(), shared_memory_files()
    yield
    assert open_descriptors() == descriptors
    assert shared_memory_files() == memory


def shared_memory_files() -> set[str]:
    """Files of shared memory, without those of browsers that run at the same time."""
    return {name for name in os.listdir("/dev/shm") if "chromium" not in name}


def open_descriptors() -> set[str]:
    targets = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one of listdir itself
            targets.add(os.readlink(f"/proc/self/fd/{number}"))
    return targets


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"timed out: {what}"
        time.sleep(0.005)


def process_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def collect(capture: CaptureProcess) -> list[Frame | FrameFault]:
    results: list[Frame | FrameFault] = []
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        result = capture.get(1.0)
        if isinstance(result, EndOfSource):
            return results
        if result is not None:
            results.append(result)
    raise AssertionError(f"no end of the source within {DEADLINE_S} s")


def next_frame(capture: CaptureProcess) -> Frame:
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        result = capture.get(1.0)
        if isinstance(result, Frame):
            return result
        assert not isinstance(result, EndOfSource)
    raise AssertionError(f"no frame within {DEADLINE_S} s")


def frame_numbers(results: list[Frame | FrameFault]) -> list[int]:
    return [int(result.pixels[0, 0]) for result in results if isinstance(result, Frame)]


def faults(results: list[Frame | FrameFault]) -> list[FrameFault]:
    return [result for result in results if isinstance(result, FrameFault)]


def test_frames_of_a_file_source_arrive_whole_in_order_and_none_is_lost():
    with CaptureProcess("python:drivers:CountingCamera?frames=40&side=64") as capture:
        results = collect(capture)
        assert capture.dropped == 0
    assert frame_numbers(results) == list(range(40))
    assert [result.sequence for result in results] == list(range(40))
    assert all(bool((result.pixels == i).all()) for i, result in enumerate(results))


def test_a_slow_consumer_of_files_loses_nothing_and_holds_the_driver_back():
    with CaptureProcess("python:drivers:CountingCamera?frames=12", slots=2) as capture:
        assert next_frame(capture).sequence == 0
        # Two frames fill the slots; the driver may not have begun a fourth.
        wait_for(lambda: capture._heartbeat().reads_started == 3, "slots full")
        wait_for(lambda: capture.heartbeat_age_s > 0.2, "driver waits")
        assert capture._heartbeat().reads_started == 3
        assert frame_numbers(collect(capture)) == list(range(1, 12))


def test_a_slow_consumer_of_a_live_camera_gets_the_newest_frame():
    with CaptureProcess("python:drivers:LiveCountingCamera?side=256") as capture:
        first = next_frame(capture)
        wait_for(lambda: capture.dropped >= 20, "frames dropped")
        dropped = capture.dropped
        late = next_frame(capture)
        assert late.sequence - first.sequence >= dropped
        assert int(late.pixels[0, 0]) == late.sequence
        assert slot_bytes(capture) <= 3 * 256 * 256 * 2


def slot_bytes(capture: CaptureProcess) -> int:
    return sum(os.fstat(slot).st_size for slot in capture._child.slots)


def test_frames_of_any_size_pass():
    with CaptureProcess("python:drivers:GrowingCamera?frames=12") as capture:
        results = collect(capture)
    assert [result.width for result in results] == [
        16 if index % 2 else 200 * (index + 1) for index in range(12)
    ]
    assert frame_numbers(results) == list(range(12))


def test_a_frame_above_the_limit_is_a_fault_and_the_next_one_comes():
    with CaptureProcess("python:drivers:GrowingCamera?frames=4", max_frame_bytes=1000) as capture:
        results = collect(capture)
    assert frame_numbers(results) == [1, 3]
    assert ["the limit is 1000" in fault.message for fault in faults(results)] == [True, True]


def test_an_unreadable_frame_is_passed_on_as_a_value():
    source = "python:drivers:CountingCamera?frames=5&accident=fault&at=2"
    with CaptureProcess(source) as capture:
        results = collect(capture)
        assert capture.restarts == 0
    assert frame_numbers(results) == [0, 1, 3, 4]
    assert results[2] == FrameFault(
        "python:drivers:CountingCamera", "frame 2 is bad", source_failed=False
    )


@pytest.mark.parametrize(
    ("accident", "reason"),
    [
        ("hang", "hung while reading"),
        ("hang_in_c", "hung while reading"),
        ("exit", "ended with exit code 7"),
        ("raise", "ZeroDivisionError: driver bug"),
    ],
)
def test_a_file_source_goes_on_behind_the_frame_its_driver_died_on(accident, reason):
    source = f"python:drivers:CountingCamera?frames=8&accident={accident}&at=3"
    with CaptureProcess(source, policy=QUICK) as capture:
        results = collect(capture)
        assert capture.restarts == 1
    assert frame_numbers(results) == [0, 1, 2, 4, 5, 6, 7]
    failed, passed_over = faults(results)
    assert failed.source_failed
    assert reason in failed.message
    assert not passed_over.source_failed
    assert "frame 3" in passed_over.message
    assert reason in passed_over.message


@pytest.mark.parametrize("accident", ["hang", "hang_in_c", "exit", "raise", "gone"])
def test_a_live_camera_is_opened_again_and_its_frame_numbers_go_on(accident, tmp_path):
    source = (
        f"python:drivers:LiveCountingCamera?accident={accident}&at=3&marker={tmp_path / 'done'}"
    )
    with CaptureProcess(source, policy=QUICK) as capture:
        sequences: list[int] = []
        while capture.restarts == 0 or len(sequences) < 6:
            result = capture.get(1.0)
            assert not isinstance(result, EndOfSource)
            if isinstance(result, Frame):
                sequences.append(result.sequence)
        assert capture.last_failure
    assert sequences == sorted(set(sequences))
    assert (tmp_path / "done").exists()


def test_a_live_camera_that_is_missing_is_tried_until_it_is_there(tmp_path):
    marker = tmp_path / "plugged"
    policy = SupervisionPolicy(backoff_first_s=0.01, backoff_most_s=0.02)
    with CaptureProcess(f"python:drivers:MissingLiveCamera?marker={marker}", policy=policy) as c:
        for _ in range(4):
            fault = None
            while fault is None:
                fault = c.get(1.0)
            assert isinstance(fault, FrameFault)
            assert "not plugged in" in fault.message
            assert fault.source_failed
        marker.touch()
        assert next_frame(c).camera == "test"


def test_a_driver_that_never_finishes_opening_is_killed():
    policy = SupervisionPolicy(open_timeout_s=1.5, backoff_first_s=60.0)
    with CaptureProcess("python:drivers:HangingOpenCamera?marker=x", policy=policy) as capture:
        result = None
        deadline_s = time.monotonic() + DEADLINE_S
        while result is None:
            assert time.monotonic() < deadline_s
            result = capture.get(1.0)
        assert isinstance(result, FrameFault)
        assert "hung while opening" in result.message
        assert capture.pid is None


def test_a_missing_file_source_is_an_error_that_names_it(tmp_path):
    with (
        CaptureProcess(f"folder:{tmp_path}/absent") as capture,
        pytest.raises(CameraError, match="absent: no such file or folder"),
    ):
        collect(capture)


def test_options_the_driver_refuses_are_a_configuration_error():
    with (
        CaptureProcess("folder:/tmp?colour=1") as capture,
        pytest.raises(ConfigError, match="unknown option 'colour'"),
    ):
        collect(capture)


def test_a_source_that_cannot_be_parsed_fails_before_any_process_starts():
    with pytest.raises(ConfigError, match="unknown scheme 'usb'"):
        CaptureProcess("usb:3")


def test_a_child_killed_from_outside_is_replaced_and_no_frame_is_lost():
    with CaptureProcess("python:drivers:CountingCamera?frames=30", policy=QUICK) as capture:
        results: list[Frame | FrameFault] = [next_frame(capture)]
        pid = capture.pid
        wait_for(lambda: capture.heartbeat_age_s > 0.1, "driver waits for a slot")
        os.kill(pid, signal.SIGKILL)
        results += collect(capture)
        assert capture.restarts == 1
        assert process_ended(pid)
    assert frame_numbers(results) == list(range(30))
    assert "signal 9" in faults(results)[0].message


def test_restart_continues_behind_the_frames_delivered():
    with CaptureProcess("python:drivers:CountingCamera?frames=9") as capture:
        results: list[Frame | FrameFault] = [next_frame(capture), next_frame(capture)]
        before = capture.pid
        capture.restart()
        assert capture.pid != before
        assert process_ended(before)
        results += collect(capture)
    assert frame_numbers(results) == list(range(9))


def test_stop_ends_even_a_hanging_driver_and_get_then_says_the_end():
    capture = CaptureProcess("python:drivers:CountingCamera?accident=hang_in_c&at=0")
    capture.start()
    wait_for(lambda: (beat := capture._heartbeat()) and beat.reads_started == 1, "driver hangs")
    pid = capture.pid
    capture.stop()
    capture.stop()
    assert process_ended(pid)
    assert isinstance(capture.get(0.0), EndOfSource)


@pytest.mark.parametrize("accident", ["", "hang", "hang_in_c"])
def test_no_orphan_survives_a_parent_killed_with_kill_9(accident, tmp_path):
    camera = "LiveCountingCamera"
    program = f"""
import time
from edge_runtime.capture import CaptureProcess, FrameFault
capture = CaptureProcess("python:drivers:{camera}?accident={accident}&at=3")
capture.start()
while capture.get(1.0) is None:
    pass
while capture._heartbeat().reads_started < 4:
    time.sleep(0.005)
print(capture.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
    ) as parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        assert not process_ended(child_pid)
        parent.kill()
        wait_for(lambda: process_ended(child_pid), "child ends after its parent")
        assert parent.stderr is not None
        assert parent.stderr.read() == ""  # no complaint of a resource tracker or traceback


def test_a_folder_with_a_bad_file_gives_the_others_in_order(tmp_path):
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"frame_{index}.png"), np.full((20, 30), index, np.uint8))
    (tmp_path / "frame_1b.png").write_bytes(b"rubbish")
    with CaptureProcess(f"folder:{tmp_path}") as capture:
        results = collect(capture)
    assert [r.name for r in results if isinstance(r, Frame)] == [
        "frame_0.png",
        "frame_1.png",
        "frame_2.png",
    ]
    assert "frame_1b.png: not a JPEG" in faults(results)[0].message


def test_the_child_stays_small_on_a_folder_of_jpegs(data_dir):
    folder = data_dir / "frames" / "telescope_galaxies" / "images"
    peak_mb = 0.0
    count = 0
    with CaptureProcess(f"folder:{folder}") as capture:
        while not isinstance(capture.get(5.0), EndOfSource):
            count += 1
            status = Path(f"/proc/{capture.pid}/status").read_text()
            peak_kb = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            peak_mb = max(peak_mb, int(peak_kb.split()[1]) / 1024)
    assert count == 61
    assert 20 < peak_mb < 90
