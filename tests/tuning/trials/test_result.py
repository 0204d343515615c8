"""The result of a trial."""

import json
from pathlib import Path

import pytest

from edge_runtime.errors import GalaxyEdgeError
from tuning.trials.result import TrialFailure, TrialResult


def _result(**changes: object) -> TrialResult:
    known = {
        "metrics": {"accuracy": 0.9, "macro_f1": 0.85},
        "latency_ms": 0.5,
        "size_kb": 210.25,
        "peak_memory_mb": 60.5,
        "parameters": 100_000,
        "training_s": 75.5,
        "curve": ({"epoch": 1, "loss": 0.5},),
    }
    return TrialResult(**known | changes)


def test_a_result_comes_back_from_its_file(tmp_path: Path) -> None:
    _result().write(tmp_path / "result.json")
    assert TrialResult.read(tmp_path / "result.json") == _result()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metrics": {"accuracy": float("nan")}}, "accuracy is nan"),
        ({"latency_ms": float("inf")}, "latency_ms is inf"),
        ({"size_kb": "big"}, "size_kb is 'big'"),
        ({"metrics": [1]}, "metrics are a mapping"),
        ({"curve": (1,)}, "curve is a list"),
    ],
)
def test_what_is_no_number_is_named(changes: dict, told: str) -> None:
    with pytest.raises(GalaxyEdgeError, match=told):
        _result(**changes)


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({}, "has no latency_ms, metrics"),
        ({**_result().as_dict(), "seen": 3}, "unknown key seen"),
        ({**_result().as_dict(), "parameters": None}, "parameters is None"),
    ],
)
def test_a_damaged_file_is_named_with_the_reason(tmp_path: Path, record: dict, told: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(record))
    with pytest.raises(GalaxyEdgeError, match=told) as raised:
        TrialResult.read(path)
    assert str(raised.value).startswith(str(path))


def test_a_failure_comes_back_from_its_file(tmp_path: Path) -> None:
    failure = TrialFailure("the loss is no number after epoch 3", "line 1\nline 2")
    failure.write(tmp_path / "failure.json")
    assert TrialFailure.read(tmp_path / "failure.json") == failure


def test_a_file_that_is_no_failure_is_named(tmp_path: Path) -> None:
    _result().write(tmp_path / "result.json")
    with pytest.raises(GalaxyEdgeError, match="unknown key"):
        TrialFailure.read(tmp_path / "result.json")
