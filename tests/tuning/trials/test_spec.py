"""The spec of a trial."""

import json
from pathlib import Path

import pytest

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.trials.spec import TrialSpec


def _spec(**changes: object) -> TrialSpec:
    known = {
        "space": "compact",
        "subject": "classifier",
        "values": {"start": "random", "blocks": 4, "dropout": 0.3, "separable": True},
        "data": Path("data/labels.csv"),
        "output": Path("search/trials/3"),
    }
    return TrialSpec(**known | changes)


def test_a_spec_comes_back_from_its_file(tmp_path: Path) -> None:
    spec = _spec(
        seed=3,
        epochs=9,
        limit=100,
        threads=2,
        latency_command="ssh pi time-tflite",
        initial_epoch=3,
        initial=Path("search/trials/1"),
        metric="rmse",
        cache=Path("search/pictures"),
    )
    spec.write(tmp_path / "spec.json")
    assert TrialSpec.read(tmp_path / "spec.json") == spec


def test_what_a_file_leaves_out_is_the_default(tmp_path: Path) -> None:
    record = _spec().as_dict()
    short = {k: record[k] for k in ("space", "subject", "values", "data", "output")}
    (tmp_path / "spec.json").write_text(json.dumps(short))
    assert TrialSpec.read(tmp_path / "spec.json") == _spec()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subject": "camera"}, "subject 'camera'"),
        ({"epochs": 0}, "epochs is a whole number from 1, not 0"),
        ({"epochs": 2.5}, "epochs"),
        ({"threads": True}, "threads"),
        ({"limit": 0}, "limit"),
        ({"values": {"blocks": [1]}}, r"value blocks is \[1\]"),
        ({"values": 3}, "values are a mapping"),
        ({"epochs": 5, "initial_epoch": 2}, "initial names no folder"),
        ({"epochs": 3, "initial_epoch": 3, "initial": Path("x")}, "leaves nothing of 3"),
    ],
)
def test_a_value_out_of_range_is_named(changes: dict, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        _spec(**changes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON"),
        ("[]", "holds no object"),
        ("{}", "has no data, output, space, subject, values"),
        (json.dumps({**_spec().as_dict(), "colour": 1}), "unknown key colour"),
        (json.dumps({**_spec().as_dict(), "epochs": -1}), "spec.json: epochs"),
    ],
)
def test_a_damaged_file_is_named_with_the_reason(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "spec.json"
    path.write_text(text)
    with pytest.raises(GalaxyEdgeError, match=told) as raised:
        TrialSpec.read(path)
    assert str(raised.value).startswith(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GalaxyEdgeError, match=r"nothing\.json: cannot be read"):
        TrialSpec.read(tmp_path / "nothing.json")
