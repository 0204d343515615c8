from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from virtual_display import wait_for

from tuning.limited_process import Ending, Outcome, run_limited
from tuning.session_memory import can_be_measured

pytestmark = pytest.mark.skipif(not can_be_measured(), reason="needs /proc of Linux")

PYTHON = [sys.executable, "-S", "-c"]


def run(tmp_path: Path, code: str, **limits: object) -> Outcome:
    return run_limited([*PYTHON, code], tmp_path / "log.txt", poll_s=0.02, **limits)  # type: ignore[arg-type]


def is_gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"  # dead, but nobody has asked


def test_what_a_process_writes_is_kept_and_its_exit_status_told(tmp_path: Path) -> None:
    outcome = run(tmp_path, "import sys; print('out'); sys.stderr.write('error\\n'); sys.exit(3)")
    assert (outcome.code, outcome.ending) == (3, Ending.ITSELF)
    assert sorted((tmp_path / "log.txt").read_text().split()) == ["error", "out"]


def test_a_process_is_ended_when_its_time_is_over(tmp_path: Path) -> None:
    outcome = run(tmp_path, "import time; time.sleep(600)", seconds=0.3)
    assert (outcome.code, outcome.ending) == (-signal.SIGKILL, Ending.TIME)
    assert 0.3 <= outcome.seconds < 60


def test_the_memory_of_children_counts(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-S', '-c', "
        "'import time; b = bytearray(1); b *= 150 << 20; time.sleep(600)'])"
    )
    outcome = run(tmp_path, code, memory_mb=100, seconds=120)
    assert outcome.ending is Ending.MEMORY
    assert outcome.peak_mb > 100


def test_address_space_that_is_not_used_does_not_count(tmp_path: Path) -> None:
    code = "import mmap, time; m = mmap.mmap(-1, 4 << 30); time.sleep(0.3)"
    outcome = run(tmp_path, code, memory_mb=100)
    assert (outcome.code, outcome.ending) == (0, Ending.ITSELF)
    assert 0 < outcome.peak_mb < 100


def test_no_child_is_left_also_of_another_group(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'],"
        " process_group=0)\nprint(p.pid)"
    )
    assert run(tmp_path, code).code == 0
    pid = int((tmp_path / "log.txt").read_text())
    wait_for("the end of the child", lambda: is_gone(pid))


def test_what_the_tick_raises_ends_the_process(tmp_path: Path) -> None:
    def tick() -> None:
        if (tmp_path / "log.txt").read_text():
            raise KeyboardInterrupt

    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, code, tick=tick)
    assert is_gone(int((tmp_path / "log.txt").read_text()))


def test_a_process_does_not_outlive_its_parent_that_is_killed(tmp_path: Path) -> None:
    inner = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    outer = (
        "import sys; from pathlib import Path; from tuning.limited_process import run_limited; "
        f"run_limited([sys.executable, '-S', '-c', {inner!r}], Path({str(tmp_path / 'log')!r}))"
    )
    parent = subprocess.Popen([sys.executable, "-c", outer])
    log = tmp_path / "log"
    pid = int(wait_for("the process", lambda: log.exists() and log.read_text().strip()))
    assert not is_gone(pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_for("the end of the process", lambda: is_gone(pid))


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    outcome = run_limited(["/no/such/command"], tmp_path / "log.txt", poll_s=0.02)
    assert outcome.code == 1
    assert "error: /no/such/command: cannot be run" in (tmp_path / "log.txt").read_text()
