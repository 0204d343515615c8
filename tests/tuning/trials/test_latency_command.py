"""Latency as a command of the user tells it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge_runtime.errors import GalaxyEdgeError
from tuning.trials.latency_command import commanded_latency_ms


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder's name"
    folder.mkdir()
    path = folder / "classifier.tflite"
    path.write_bytes(b"1234567")
    return path


def test_the_path_is_put_behind_the_command(model: Path) -> None:
    assert commanded_latency_ms("wc -c <", model) == 7.0


def test_the_path_is_put_where_the_command_wants_it(model: Path) -> None:
    assert commanded_latency_ms("cat {model} | wc -c; true", model) == 7.0


def test_the_last_line_counts(model: Path) -> None:
    assert commanded_latency_ms("echo warming up; echo 2.5; echo; : ", model) == 2.5


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("echo no route to host >&2; exit 3; :", r"exit status 3 \(no route to host\)"),
        ("exit 1; :", r"exit status 1 \(it printed nothing\)"),
        ("echo 2.5 ms; :", "its last line is '2.5 ms'; expected milliseconds"),
        (":", "its last line is ''"),
        ("echo nan; :", "told nan ms"),
        ("echo -1; :", "told -1 ms"),
        ("/no/such/program", "exit status 127"),
    ],
)
def test_what_is_no_latency_is_told_with_the_command(model: Path, command: str, told: str) -> None:
    with pytest.raises(GalaxyEdgeError, match=told) as raised:
        commanded_latency_ms(command, model)
    assert f"--latency-command {command!r}" in str(raised.value)


def test_a_command_that_hangs_is_ended_with_all_it_started(model: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    late = tmp_path / "late"
    with pytest.raises(GalaxyEdgeError, match=r"not done after 0\.3 s"):
        commanded_latency_ms(f"(sleep 2; touch {late}) & sleep 60; :", model, time_limit_s=0.3)
    assert time.monotonic() - started < 30
    assert not late.exists()
