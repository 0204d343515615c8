"""Hyper-parameters read by name."""

import pytest

from edge_runtime.errors import ConfigError
from tuning.trials.values import Values

VALUES = Values({"blocks": 7.0, "rate": 1, "plain": True, "start": "random"}, "compact")


def test_whole_numbers_stand_for_floats_and_back() -> None:
    assert VALUES.get("blocks", int) == 7
    assert isinstance(VALUES.get("blocks", int), int)
    assert isinstance(VALUES.get("rate", float), float)
    assert VALUES.get("plain", bool) is True
    assert VALUES.get("start", str) == "random"


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("width", float, "compact: the trial has no value width"),
        ("plain", int, "plain is True; expected int"),
        ("rate", bool, "rate is 1; expected bool"),
        ("start", float, "start is 'random'; expected float"),
        ("blocks", str, r"blocks is 7\.0; expected str"),
    ],
)
def test_what_is_missing_or_of_another_kind_is_named(name: str, kind: type, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        VALUES.get(name, kind)


def test_a_float_is_no_whole_number() -> None:
    with pytest.raises(ConfigError, match=r"blocks is 7\.5; expected int"):
        Values({"blocks": 7.5}, "compact").get("blocks", int)
