import json
import os
import subprocess
import sys

import numpy as np
import pytest

from edge_runtime.benchmark import frames_per_second, measure
from edge_runtime.benchmark.daemon_run import run_daemon_process
from edge_runtime.benchmark.frames import (
    VISIT_FRAMES,
    delivery_times_s,
    prepare_frames,
    source_uri,
)
from edge_runtime.benchmark.map_requests import measure_map_requests
from edge_runtime.benchmark.memory import MemoryWatch, process_tree, pss_bytes, rss_bytes
from edge_runtime.benchmark.stages import measure_stages
from edge_runtime.bundle import load_bundle
from edge_runtime.cameras.uri import open_camera
from edge_runtime.errors import CameraError, GalaxyEdgeError

needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs Linux's /proc")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared frames & more")
    prepare_frames(folder, 160, 120)
    return folder


def test_prepared_frames_repeat_in_visits(prepared):
    with open_camera(source_uri(prepared, 30)) as camera:
        frames = list(iter(camera.read, None))
    assert len(frames) == 30
    assert [frame.sequence for frame in frames] == list(range(30))
    names = [frame.name for frame in frames]
    assert len(set(names[:VISIT_FRAMES])) == 1
    assert names[0] != names[VISIT_FRAMES]
    assert names[0] == names[2 * VISIT_FRAMES]
    np.testing.assert_array_equal(frames[0].pixels, frames[3].pixels)
    assert not np.array_equal(frames[0].pixels, frames[1].pixels)
    assert frames[0].pixels.shape[:2] == (120, 160)
    assert (frames[1].time - frames[0].time).total_seconds() == frames[0].exposure_s
    times_s = delivery_times_s(prepared)
    assert len(times_s) == 30
    assert times_s == sorted(times_s)
    assert delivery_times_s(prepared) == []


def test_a_folder_without_frames_is_named(tmp_path):
    with pytest.raises(CameraError, match="no prepared frames"):
        open_camera(source_uri(tmp_path, 3)).open()


def test_the_rate_leaves_out_the_warm_up():
    assert frames_per_second([0.0, 9.0, 10.0, 10.25, 10.5, 10.75, 11.0], 2) == pytest.approx(4.0)
    with pytest.raises(GalaxyEdgeError, match="only 3 frames"):
        frames_per_second([0.0, 1.0, 2.0], 2)


@needs_proc
def test_memory_is_that_of_the_whole_process_tree():
    megabytes = 64
    hold = f"held = bytearray(b'x' * ({megabytes} << 20)); print('held', flush=True); input()"
    parent = (
        "import subprocess, sys; "
        f"child = subprocess.Popen([sys.executable, '-c', {hold!r}]); child.wait()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline().strip() == "held"
        tree = process_tree(process.pid)
        assert len(tree) == 2
        total = sum(map(rss_bytes, tree)) / 2**20
        assert megabytes < total < megabytes + 60
        assert megabytes < sum(map(pss_bytes, tree)) / 2**20 <= total
        with MemoryWatch(process.pid) as watch:
            while watch.peak is None or watch.peak.pss_mb == 0:
                assert process.poll() is None
        assert watch.peak.processes == 2
        assert watch.peak.rss_mb > megabytes
    finally:
        process.communicate("\n", timeout=30)
    assert process_tree(process.pid) == []


def test_stages_and_calls_are_counted(prepared, tiny_bundle_dir):
    result = measure_stages(load_bundle(tiny_bundle_dir), prepared, frames=6, threads=2)
    stages = {"capture", "condition", "detect", "classify", "track", "publish"}
    assert set(result.stage_ms) == stages
    assert all(0 <= times["p50"] <= times["p95"] for times in result.stage_ms.values())
    # The bundle of the test looks at the whole frame only.
    assert result.detector_calls == 1.0
    assert result.detector_call_ms > 0
    assert result.interpreter_ms > 0


@pytest.mark.slow
def test_turns_with_and_without_maps_are_timed_in_one_run(prepared, tiny_bundle_dir):
    cost = measure_map_requests(
        load_bundle(tiny_bundle_dir), prepared, rounds=2, frames=12, threads=1
    )
    assert (cost.rounds, cost.frames) == (2, 12)
    assert cost.frames_per_second_with > 0
    assert cost.frames_per_second_without > 0
    low, high = cost.ratio_quartiles
    assert 0 < low <= cost.ratio <= high
    assert (cost.seconds_per_map is None) == (cost.maps == 0)


def test_a_daemon_that_fails_is_quoted(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(GalaxyEdgeError, match=r"exit code 1\).*bundle\.json is missing"):
        run_daemon_process(
            "sim:",
            tmp_path,
            frames=1,
            bundle_path=empty,
            threads=1,
            web=False,
            timeout_s=60,
        )


def test_a_daemon_that_does_not_end_is_stopped(tmp_path, prepared, tiny_bundle_dir):
    with pytest.raises(GalaxyEdgeError, match=r"took more than 0 s"):
        run_daemon_process(
            source_uri(prepared, 1000000),
            tmp_path,
            frames=1000000,
            bundle_path=tiny_bundle_dir,
            threads=1,
            web=False,
            timeout_s=0.2,
        )


@needs_proc
@pytest.mark.slow
def test_the_whole_benchmark_gives_consistent_numbers(tiny_bundle_dir):
    result = measure((320, 240), bundle_path=tiny_bundle_dir, frames=10, cold_starts=1)
    assert result.frames_per_second > 0.5
    assert result.overhead_ratio == pytest.approx(
        1e3 / result.frames_per_second / result.stages.interpreter_ms
    )
    assert 0.1 < result.cold_start_s < 60
    assert result.cold_start_simulated_s < 60
    assert result.processes >= 2  # the daemon and its capture process
    assert 30 < result.peak_pss_mb <= result.peak_rss_mb < 2000
    document = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert {
        "frames_per_second",
        "stage_ms",
        "interpreter_ms",
        "overhead_ratio",
        "peak_rss_mb",
        "cold_start_s",
    } <= document.keys()
