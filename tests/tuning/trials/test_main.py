"""The process of a trial tells in one line why it failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.trials import __main__ as process
from tuning.trials.result import TrialResult
from tuning.trials.spec import TrialSpec

RESULT = TrialResult({"accuracy": 0.5}, 1.0, 1.0, 1.0, 1, 1.0)


def spec(tmp_path: Path, space: str = "compact") -> Path:
    path = tmp_path / "spec.json"
    TrialSpec(space, "classifier", {}, tmp_path / "labels.csv", tmp_path / "out").write(path)
    return path


def test_an_unknown_space_is_wrong_usage(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tuning.trials"]
    done = subprocess.run(
        [*command, str(spec(tmp_path, "else")), str(tmp_path / "result.json")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: no trial is known for space 'else'; known: compact, tuned_small\n"
    )
    assert not (tmp_path / "result.json").exists()


def test_a_result_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run_trial", lambda spec: RESULT)
    assert process.main([str(spec(tmp_path)), str(tmp_path / "result.json")]) == 0
    assert TrialResult.read(tmp_path / "result.json") == RESULT


class ResourceExhaustedError(Exception):
    """As TensorFlow's."""


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("blocks is 1 to 16"), 2, "error: blocks is 1 to 16"),
        (GalaxyEdgeError("the loss\nis nan"), 1, "error: the loss is nan"),
        (MemoryError(), 1, "error: out of memory"),
        (ResourceExhaustedError("OOM when allocating"), 1, "error: out of memory"),
        (ValueError("no such layer"), 1, "error: ValueError: no such layer"),
    ],
)
def test_the_last_line_says_why_a_trial_failed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    line: str,
) -> None:
    def fails(spec: TrialSpec) -> TrialResult:
        raise error

    monkeypatch.setattr(process, "run_trial", fails)
    assert process.main([str(spec(tmp_path)), str(tmp_path / "result.json")]) == code
    assert capsys.readouterr().err.splitlines()[-1] == line
    assert not (tmp_path / "result.json").exists()


def test_a_missing_spec_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert process.main([str(tmp_path / "none.json"), str(tmp_path / "result.json")]) == 1
    assert "none.json: cannot be read" in capsys.readouterr().err
