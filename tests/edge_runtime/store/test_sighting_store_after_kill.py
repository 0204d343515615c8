"""What was reported as recorded is there after kill -9 at any moment."""

import queue
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.store import Store

TESTS = Path(__file__).resolve().parents[2]

WRITER = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {root!r}]
from synthetic_results import tracked
from edge_runtime.store import Store

folder, number = Path(sys.argv[1]), int(sys.argv[2])
store = Store(folder / "sightings.sqlite", folder / "media")
while True:
    number += 1
    first = tracked(number, pictures=True)
    store.record(first)
    print(first.sighting.id, 1, flush=True)
    store.record([tracked(number, pictures=True, seconds=1), tracked(10**8 + number, pictures=True)])
    print(first.sighting.id, 2, flush=True)
    print(tracked(10**8 + number).sighting.id, 1, flush=True)
"""


def write_until_killed(folder: Path, start: int, lines_before_kill: int, extra_s: float):
    """Kill the writer some time after it printed enough; return all complete lines."""
    code = WRITER.format(tests=str(TESTS), root=str(TESTS.parent))
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(start)], stdout=subprocess.PIPE, text=True
    )
    lines: queue.Queue[str | None] = queue.Queue()

    def read():
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read)
    reader.start()
    reported = []
    try:
        while len(reported) < lines_before_kill:
            line = lines.get(timeout=20)
            assert line is not None, "the writer ended by itself"
            reported.append(line)
        # A moment that has nothing to do with the output: anywhere within a write.
        threading.Event().wait(extra_s)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        reader.join()
        process.stdout.close()
    while (line := lines.get()) is not None:
        reported.append(line)
    return [line.split() for line in reported if line.endswith("\n")]


def test_every_sighting_reported_as_recorded_survives_twenty_kills(tmp_path):
    rng = np.random.default_rng(20)
    expected: dict[str, int] = {}
    for trial in range(20):
        reported = write_until_killed(
            tmp_path,
            start=1 + 100_000 * trial,
            lines_before_kill=int(rng.integers(1, 25)),
            extra_s=float(rng.uniform(0.0, 0.02)),
        )
        for sighting_id, detections in reported:
            expected[sighting_id] = max(expected.get(sighting_id, 0), int(detections))
        connection = sqlite3.connect(tmp_path / "sightings.sqlite")
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        rows = connection.execute("SELECT id, crop_file, annotated_file FROM sightings").fetchall()
        connection.close()
        assert expected.keys() <= {row[0] for row in rows}
        for _, crop, annotated in rows:
            assert cv2.imread(str(tmp_path / "media" / crop)).shape == (64, 64, 3)
            assert cv2.imread(str(tmp_path / "media" / annotated)).shape == (120, 160, 3)
    assert len(expected) > 100
    with Store(tmp_path / "sightings.sqlite", tmp_path / "media") as store:
        assert store.corrupt_file is None
        for sighting_id, count in expected.items():
            assert len(store.detections(sighting_id)) >= count
