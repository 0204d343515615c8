"""The daemon with real processes, a real database and a real server."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from square_camera import SOURCE
from tiny_bundles import make_tiny_bundle

from edge_runtime.config import BundleConfig, CameraConfig, Config, StoreConfig, WebConfig
from edge_runtime.daemon import check_config, run_daemon, store_paths
from edge_runtime.errors import BundleError, CameraError, ConfigError

REPOSITORY = Path(__file__).resolve().parents[2]
RECORDED = re.compile(r"recorded sighting ([0-9a-f]{32}) (\w+) (.+) (\d\.\d+)")
DEADLINE_S = 30.0


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {DEADLINE_S} s for {what}"
        time.sleep(0.02)


def make_config(folder: Path, bundle: Path, source: str, **changes: object) -> Config:
    values: dict[str, object] = {
        "camera": CameraConfig(source=source),
        "bundle": BundleConfig(path=bundle),
        "store": StoreConfig(url=str(folder / "s.sqlite"), media_dir=folder / "media"),
        "web": WebConfig(enabled=False),
    }
    return Config(**(values | changes))  # type: ignore[arg-type]


def rows(folder: Path) -> list[tuple[str, str, int]]:
    with closing(sqlite3.connect(folder / "s.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute(
            "SELECT id, target, frames FROM sightings ORDER BY first_seen"
        ).fetchall()


def write_toml(folder: Path, bundle: Path, source: str, more: str = "") -> Path:
    file = folder / "daemon.toml"
    file.write_text(
        f'[camera]\nsource = "{source}"\n[bundle]\npath = "{bundle}"\n'
        f'[store]\nurl = "s.sqlite"\nmedia_dir = "media"\n{more}'
    )
    return file


@contextmanager
def daemon(file: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own; killed at the end if it still runs."""
    search = [str(REPOSITORY), str(REPOSITORY / "tests/edge_runtime")]
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_runtime.cli", "run", "--config", str(file), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=DEADLINE_S)


def test_a_sighting_is_reported_once_when_it_is_confirmed_and_recorded(tmp_path, tiny_bundle_dir):
    config = make_config(tmp_path, tiny_bundle_dir, f"{SOURCE}?frames=10")
    lines: list[str] = []
    on_disk: list[int] = []

    def report(line: str) -> None:
        lines.append(line)
        on_disk.append(len(rows(tmp_path)))

    summary = run_daemon(config, report=report)
    assert (summary.frames, summary.faults, summary.unrecorded) == (10, 0, 0)
    assert [sighting.target for sighting in summary.sightings] == ["target 0", "target 1"]
    assert [sighting.frames for sighting in summary.sightings] == [5, 5]
    found = [RECORDED.fullmatch(line) for line in lines]
    assert [match and match[3] for match in found] == ["target 0", "target 1"]
    assert on_disk == [1, 2]
    recorded = rows(tmp_path)
    assert [(target, frames) for _, target, frames in recorded] == [
        ("target 0", 5),
        ("target 1", 5),
    ]
    assert [match and match[1] for match in found] == [row[0] for row in recorded]
    pictures = sorted(path.suffix for path in (tmp_path / "media").rglob("*") if path.is_file())
    assert pictures == [".jpg", ".jpg", ".png", ".png"]


def test_it_stops_after_the_number_of_frames_asked_for(tmp_path, tiny_bundle_dir):
    config = make_config(tmp_path, tiny_bundle_dir, SOURCE)
    assert run_daemon(config, frame_limit=7).frames == 7


def test_two_detections_in_five_frames_are_not_enough(tmp_path, tiny_bundle_dir):
    config = make_config(tmp_path, tiny_bundle_dir, f"{SOURCE}?frames=10&frames_per_target=2")
    summary = run_daemon(config)
    assert (summary.frames, summary.sightings) == (10, ())


def test_unreadable_frames_are_counted_and_passed_over(tmp_path, tiny_bundle_dir):
    config = make_config(tmp_path, tiny_bundle_dir, f"{SOURCE}?frames=12&broken=4")
    summary = run_daemon(config)
    assert (summary.frames, summary.faults) == (9, 3)
    assert len(summary.sightings) == 2


def test_an_event_stops_it_from_another_thread(tmp_path, tiny_bundle_dir):
    config = make_config(tmp_path, tiny_bundle_dir, SOURCE)
    stop = threading.Event()
    summary = run_daemon(config, stop=stop, report=lambda line: stop.set())
    assert len(summary.sightings) >= 1


def test_separate_pictures_of_a_folder_are_confirmed_at_once(tmp_path, tiny_bundle_dir):
    from tiny_bundles import encode_png, square_picture

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in "ab":
        (pictures / f"{name}.png").write_bytes(encode_png(square_picture()))
    summary = run_daemon(make_config(tmp_path, tiny_bundle_dir, f"folder:{pictures}"))
    assert [sighting.target for sighting in summary.sightings] == ["a.png", "b.png"]


def test_exposures_of_a_folder_are_one_series(tmp_path, tiny_bundle_dir):
    import numpy as np
    from astropy.io import fits
    from tiny_bundles import square_picture

    exposures = tmp_path / "exposures"
    exposures.mkdir()
    planes = np.ascontiguousarray(np.moveaxis(square_picture(), 2, 0)[:, ::-1])
    for index in range(5):
        header = fits.Header({"OBJECT": "M 51", "EXPTIME": 60.0})
        fits.PrimaryHDU(planes, header).writeto(exposures / f"light_{index}.fits")
    config = make_config(
        tmp_path,
        tiny_bundle_dir,
        f"folder:{exposures}",
        pipeline=Config().pipeline.model_copy(update={"score_threshold": 0.1}),
    )
    summary = run_daemon(config)
    assert [(sighting.target, sighting.frames) for sighting in summary.sightings] == [("M 51", 5)]


def test_a_file_source_that_does_not_exist_and_a_bad_bundle_end_it(tmp_path, tiny_bundle_dir):
    with pytest.raises(CameraError, match="nope"):
        run_daemon(make_config(tmp_path, tiny_bundle_dir, f"folder:{tmp_path / 'nope'}"))
    (tiny_bundle_dir / "detector.tflite").write_bytes(b"x" * 100)
    with pytest.raises(BundleError, match=r"detector\.tflite"):
        run_daemon(make_config(tmp_path, tiny_bundle_dir, SOURCE))


def test_a_bundle_that_fails_its_selftest_is_reported_and_observing_goes_on(tmp_path, caplog):
    frame = "selftest/square.png"
    box = {"box_xyxy_px": [0.0, 0.0, 9.0, 9.0], "score": 0.9, "label": "spiral"}
    expected = [{"frame": frame, "detections": [box]}]
    bundle = make_tiny_bundle(tmp_path / "tiny", selftest=expected)
    summary = run_daemon(make_config(tmp_path, bundle, SOURCE), frame_limit=3)
    assert summary.frames == 3
    assert "the self-test fails" in caplog.text


def test_a_wrong_source_or_an_open_door_is_refused_before_anything_starts(
    tmp_path, tiny_bundle_dir
):
    with pytest.raises(ConfigError, match="warp"):
        run_daemon(make_config(tmp_path, tiny_bundle_dir, "warp:9"))
    wide = make_config(tmp_path, tiny_bundle_dir, SOURCE, web=WebConfig(host="0.0.0.0"))
    for check in (run_daemon, check_config):
        with pytest.raises(ConfigError, match="password"):
            check(wide)
    assert not (tmp_path / "s.sqlite").exists()


@pytest.mark.parametrize("url", ["nosuchdb://host/x", "sqlite://", "sqlite:///:memory:"])
def test_a_database_url_that_cannot_work_is_a_wrong_configuration(url):
    with pytest.raises(ConfigError, match=r"store\.url"):
        check_config(Config(store=StoreConfig(url=url)))


def test_a_store_that_is_away_is_written_to_when_it_comes_back(tmp_path, tiny_bundle_dir):
    blocked = tmp_path / "disk"
    blocked.write_text("not mounted")
    config = make_config(
        tmp_path,
        tiny_bundle_dir,
        SOURCE,
        store=StoreConfig(url=str(blocked / "s.sqlite"), media_dir=blocked / "media"),
    )
    stop = threading.Event()
    lines: list[str] = []

    def mount() -> None:
        blocked.unlink()
        blocked.mkdir()

    def report(line: str) -> None:
        lines.append(line)
        stop.set()

    timer = threading.Timer(1.5, mount)
    timer.start()
    summary = run_daemon(config, stop=stop, report=report)
    timer.join()
    assert summary.frames > 10
    assert lines
    assert len(rows(blocked)) == len(summary.sightings)


def test_sightings_that_cannot_be_written_are_counted_as_unrecorded(tmp_path, tiny_bundle_dir):
    blocked = tmp_path / "disk"
    blocked.write_text("not mounted")
    config = make_config(
        tmp_path,
        tiny_bundle_dir,
        f"{SOURCE}?frames=5",
        store=StoreConfig(url=str(blocked / "s.sqlite"), media_dir=blocked / "media"),
    )
    summary = run_daemon(config)
    assert (summary.frames, summary.sightings, summary.unrecorded) == (5, (), 1)


def test_without_paths_the_store_lies_in_the_users_data_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    url, media = store_paths(StoreConfig())
    assert Path(url) == tmp_path / "galaxy-edge" / "sightings.sqlite"
    assert media == tmp_path / "galaxy-edge" / "media"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path, tiny_bundle_dir, number):
    file = write_toml(tmp_path, tiny_bundle_dir, SOURCE)
    with daemon(file, "--no-web") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert RECORDED.fullmatch(first.strip())
        process.send_signal(number)
        output, errors = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0, errors
    reported = {match[1] for match in RECORDED.finditer(first + output)}
    assert reported == {row[0] for row in rows(tmp_path)}
    assert "Traceback" not in errors


def test_the_dashboard_shows_frames_and_no_web_does_not_listen(tmp_path, tiny_bundle_dir):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = write_toml(tmp_path, tiny_bundle_dir, SOURCE, f"[web]\nport = {port}\n")

    def health() -> dict[str, object] | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5) as answer:
                return dict(json.load(answer))
        except OSError:
            return None

    with daemon(file):
        wait_for(health, "the dashboard")
        first = health()
        assert first is not None
        wait_for(lambda: (health() or {}).get("frames", 0) > first["frames"], "the next frame")  # type: ignore[operator]
        assert (health() or {})["camera"]["state"] == "observing"  # type: ignore[index]
    with daemon(file, "--no-web") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        assert health() is None


def test_the_camera_process_may_be_killed(tmp_path, tiny_bundle_dir):
    file = write_toml(tmp_path, tiny_bundle_dir, f"{SOURCE}?live=1&interval_s=0.05")
    with daemon(file, "--no-web") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1
        os.kill(int(children[0]), signal.SIGKILL)
        for _ in range(3):
            assert RECORDED.fullmatch(process.stdout.readline().strip())
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0
    assert "was killed by signal 9" in errors


@pytest.mark.slow
def test_kill_9_at_20_random_moments_loses_nothing_that_was_reported(tmp_path, tiny_bundle_dir):
    rng = random.Random(8756)
    file = write_toml(tmp_path, tiny_bundle_dir, f"{SOURCE}?interval_s=0")
    reported: set[str] = set()
    for trial in range(20):
        with daemon(file, "--no-web") as process:
            assert process.stdout is not None
            lines = [process.stdout.readline()]  # it runs; from here on any moment will do
            time.sleep(rng.uniform(0.0, 1.0))
            process.kill()
            lines += process.stdout.read().splitlines()
            process.wait(timeout=DEADLINE_S)
        found = {match[1] for line in lines if (match := RECORDED.fullmatch(line.strip()))}
        assert found, f"trial {trial} reported nothing"
        reported |= found
        on_disk = {row[0] for row in rows(tmp_path)}
        assert reported <= on_disk, f"trial {trial} lost {len(reported - on_disk)}"
    assert len(reported) >= 40
