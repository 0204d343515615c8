"""What was reported as recorded is there after kill -9 at any moment."""

import os
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.store import Store

DEADLINE_S = 240  # a killed process is not gone before the disk has done what it asked for
TESTS = Path(__file__).resolve().parents[2]

# Imports once, then forks a writer for each number it reads, so that twenty
# kills do not cost twenty starts of Python.
WRITER = """
import os, sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {root!r}]
from synthetic_results import tracked
from edge_runtime.store import Store, database, schema


def write(folder, number):
    store = Store(folder / "sightings.sqlite", folder / "media")
    while True:
        number += 1
        first, second = tracked(number, pictures=True), tracked(10**8 + number, pictures=True)
        store.record(first)
        print(first.sighting.id, 1, flush=True)
        store.record([tracked(number, pictures=True, seconds=1), second])
        print(first.sighting.id, 2, flush=True)
        print(second.sighting.id, 1, flush=True)


for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        write(Path(sys.argv[1]), int(line))
    print("pid", pid, flush=True)
    _, status = os.waitpid(pid, 0)
    print("dead", os.waitstatus_to_exitcode(status), flush=True)
"""


class Writers:
    """Starts writers, one at a time, and reads what they print."""

    def __init__(self, folder):
        code = WRITER.format(tests=str(TESTS), root=str(TESTS.parent))
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.split())
        self.lines.put(["dead", "early"])

    def write_until_killed(self, start, lines_before_kill, extra_s):
        """Kill a writer a moment after it printed enough; return everything it printed."""
        self.process.stdin.write(f"{start}\n")
        pid, reported = None, []
        while pid is None or len(reported) < lines_before_kill:
            first, second = self.lines.get(timeout=DEADLINE_S)
            assert first != "dead", f"the writer ended by itself ({second})"
            if first == "pid":
                pid = int(second)
            else:
                reported.append((first, int(second)))
        # A moment that has nothing to do with the output: anywhere within a write.
        threading.Event().wait(extra_s)
        os.kill(pid, signal.SIGKILL)
        while (line := self.lines.get(timeout=DEADLINE_S))[0] != "dead":
            reported.append((line[0], int(line[1])))
        assert line[1] == str(-signal.SIGKILL)
        return reported

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=DEADLINE_S)
        self.reader.join()
        self.process.stdout.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_every_sighting_reported_as_recorded_survives_twenty_kills(tmp_path):
    rng = np.random.default_rng(20)
    expected: dict[str, int] = {}
    checked: set[str] = set()
    writers = Writers(tmp_path)
    try:
        for trial in range(20):
            reported = writers.write_until_killed(
                start=1 + 100_000 * trial,
                lines_before_kill=int(rng.integers(1, 25)),
                extra_s=float(rng.uniform(0.0, 0.02)),
            )
            for sighting_id, count in reported:
                expected[sighting_id] = max(expected.get(sighting_id, 0), count)
            connection = sqlite3.connect(tmp_path / "sightings.sqlite")
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            rows = connection.execute("SELECT id, crop_file, annotated_file FROM sightings")
            files = {row[0]: row[1:] for row in rows}
            connection.close()
            assert expected.keys() <= files.keys()
            for sighting_id in files.keys() - checked:
                crop, annotated = (
                    cv2.imread(str(tmp_path / "media" / name)) for name in files[sighting_id]
                )
                assert crop.shape == (64, 64, 3)
                assert annotated.shape == (120, 160, 3)
            checked = set(files)
    finally:
        writers.close()
    assert len(expected) > 100
    with Store(tmp_path / "sightings.sqlite", tmp_path / "media") as store:
        assert store.corrupt_file is None
        for sighting_id, count in expected.items():
            assert len(store.detections(sighting_id)) >= count
