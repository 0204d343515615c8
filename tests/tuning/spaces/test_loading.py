from __future__ import annotations

from pathlib import Path

import pytest

from classification.models.tuned_small import CHOICES, SmallHyperparameters
from detection.registry import family_names
from edge_runtime.errors import ConfigError
from tuning.spaces import space, space_names

NARROW = """
name = "narrow"
network = "compact"
[[parameters]]
name = "width"
kind = "choice"
values = [0.5, 1.0]
default = 0.5
[[parameters]]
name = "dropout"
kind = "float"
low = 0.1
high = 0.3
step = 0.1
default = 0.2
[fixed]
start = "random"
"""


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", space_names())
def test_a_space_of_the_package_has_defaults_that_it_accepts(name: str) -> None:
    found = space(name)
    found.check(found.defaults())
    assert found.name == found.network == name


def test_tuned_small_searches_what_the_network_allows() -> None:
    found = space("tuned_small")
    assert set(found.names) == set(CHOICES)
    for one in found.parameters:
        choice = CHOICES[one.name]
        values = one.all_values()
        assert values is not None
        assert (values[0], values[-1]) == (choice.low, choice.high)
        assert len(values) == round((choice.high - choice.low) / choice.step) + 1
        assert all(value in choice for value in values)
    SmallHyperparameters(**found.defaults())


def test_the_detectors_families_are_those_of_the_registry() -> None:
    assert space("detector").parameter("family").values == family_names()


def test_an_unknown_name_lists_the_spaces() -> None:
    with pytest.raises(ConfigError, match="tuned_small, compact, detector"):
        space("large")


def test_an_own_space_fixes_what_it_does_not_search(tmp_path: Path) -> None:
    found = space(own(tmp_path, NARROW))
    assert (found.name, found.network, found.subject) == ("narrow", "compact", "classifier")
    assert found.names == ("width", "dropout")
    assert found.defaults() == {"width": 0.5, "dropout": 0.2}
    values = found.complete({"width": 1.0, "dropout": 0.1})
    assert values["start"] == "random"
    assert values["width"] == 1.0
    assert values["input_size_px"] == 64
    space("compact").check(values)


def test_an_own_space_leaves_out_what_has_no_meaning(tmp_path: Path) -> None:
    text = NARROW.split("[fixed]")[0].split("[[parameters]]")
    found = space(own(tmp_path, text[0] + "[[parameters]]" + text[2]))
    values = found.complete({"dropout": 0.1})
    assert values["start"] == "imagenet"
    assert "width" not in values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("network = ", "net = "), "unknown key 'net'"),
        (('"compact"', '"huge"'), "network 'huge' is none of"),
        (('name = "narrow"', 'name = "compact"'), "that of a space of the package"),
        (('name = "width"', 'name = "wide"'), "no parameter 'wide' in compact"),
        (("low = 0.1\n", ""), "parameter dropout: low is needed"),
        (("step = 0.1", "step = -1"), "parameter dropout: step -1 does not fit"),
        (("low = 0.1", 'low = "a"'), "parameter dropout: low is a number"),
        (("default = 0.2", "default = 0.25"), "the default 0.25 is not from 0.1 to 0.3"),
        (("values = [0.5, 1.0]", "values = [[1], [2]]"), "parameter width: the values of a choice"),
        (("values = [0.5, 1.0]", "values = 1.0"), "parameter width: values are a list"),
        (('start = "random"', 'start = "warm"'), "start = 'warm' is not one of imagenet, random"),
        (('start = "random"', "dropout = 0.1"), "parameter dropout: is both searched and fixed"),
        (('start = "random"', ""), "width: only goes with start = random, which is fixed"),
        (("[fixed]", "[fixed"), "line"),
        (('kind = "float"', 'kind = "real"'), "kind 'real' is none of"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    path = own(tmp_path, NARROW.replace(*change))
    with pytest.raises(ConfigError, match=message) as error:
        space(path)
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        space(tmp_path / "none.toml")
