"""Search spaces in TOML: those of the package, and a person's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from edge_runtime.errors import ConfigError
from tuning.spaces.parameter import Parameter
from tuning.spaces.search_space import SearchSpace
from tuning.trials.spec import Value

NAMES = ("tuned_small", "compact", "detector")

_KEYS = ("name", "subject", "summary", "parameters")
_OWN_KEYS = ("name", "network", "summary", "parameters", "fixed")


def space_names() -> tuple[str, ...]:
    """Of the spaces of the package."""
    return NAMES


def space(name_or_path: str | Path) -> SearchSpace:
    """A search space.

    Parameters
    ----------
    name_or_path : str or Path
        Name of one of the package, or a TOML file. A file names the ``network``
        it is for, one of the package's spaces, and the ``parameters`` to be
        searched, which have names of that space but their own values. Others
        keep their default, or what the table ``fixed`` says.

    Raises
    ------
    ConfigError
        There is no such space, or the file is wrong; the message names the
        file and the key.
    """
    if str(name_or_path) in NAMES:
        text = resources.files("tuning.spaces").joinpath(f"{name_or_path}.toml").read_text("utf-8")
        return _package_space(tomllib.loads(text))
    path = Path(name_or_path)
    if path.suffix != ".toml":
        raise ConfigError(
            f"no search space is called {str(name_or_path)!r}; there are {', '.join(NAMES)}, "
            "or give the path of a .toml file"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise ConfigError(f"{path}: cannot be read ({reason})") from error
    try:
        return _own_space(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ConfigError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _package_space(content: Mapping[str, Any]) -> SearchSpace:
    _check_keys(content, _KEYS, "the space")
    return SearchSpace(
        name=content["name"],
        subject=content["subject"],
        parameters=tuple(_parameter(one) for one in content["parameters"]),
        summary=content["summary"],
    )


def _own_space(content: Mapping[str, Any]) -> SearchSpace:
    _check_keys(content, _OWN_KEYS, "the file")
    for key in ("name", "network"):
        if not isinstance(content.get(key), str) or not content[key]:
            raise ConfigError(f"{key} is needed, as text")
    if content["network"] not in NAMES:
        known = ", ".join(NAMES)
        raise ConfigError(f"network {content['network']!r} is none of: {known}")
    if content["name"] in NAMES:
        raise ConfigError(f"name {content['name']!r} is that of a space of the package")
    base = space(content["network"])
    tables = content.get("parameters")
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise ConfigError("parameters are needed, each as a table [[parameters]]")
    searched = {one.name: one for one in map(_parameter, tables)}
    if len(searched) < len(tables):
        raise ConfigError("a parameter is there twice")
    given = content.get("fixed", {})
    if not isinstance(given, dict):
        raise ConfigError("fixed is a table of names and values")
    for name in (*searched, *given):
        base.parameter(name)
        if name in searched and name in given:
            raise ConfigError(f"parameter {name}: is both searched and fixed")
    fixed: dict[str, Value] = {
        one.name: given.get(one.name, one.default)
        for one in base.parameters
        if one.name not in searched
    }
    for name, value in given.items():
        if value not in base.parameter(name):
            raise ConfigError(f"{name} = {value!r} is not {base.parameter(name).described()}")
    # in the order of the base, where a condition stands behind what it names
    return SearchSpace(
        name=content["name"],
        subject=base.subject,
        parameters=tuple(
            _in_place(searched[one.name], one, fixed)
            for one in base.parameters
            if one.name in searched
        ),
        summary=str(content.get("summary", "")),
        base=base,
        fixed=fixed,
    )


def _in_place(own: Parameter, of_base: Parameter, fixed: Mapping[str, Value]) -> Parameter:
    """A person's parameter with the condition that it has in the base."""
    condition = of_base.only_when
    if own.only_when not in (None, condition):
        raise ConfigError(f"parameter {own.name}: only_when is that of the network; leave it out")
    if condition is None or condition[0] not in fixed:
        return replace(own, only_when=condition)
    parent, value = condition
    if fixed[parent] != value:
        raise ConfigError(
            f"parameter {own.name}: only goes with {parent} = {value}, which is fixed at "
            f"{fixed[parent]}; add [fixed] {parent} = {value!r}, or search {parent} too"
        )
    return replace(own, only_when=None)


def _parameter(table: Mapping[str, Any]) -> Parameter:
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise ConfigError("a parameter has no name")
    known = [one.name for one in fields(Parameter)]
    _check_keys(table, known, f"parameter {name}")
    for key in ("kind", "default"):
        if key not in table:
            raise ConfigError(f"parameter {name}: {key} is needed")
    for key in ("low", "high"):
        if table["kind"] in ("int", "float") and key not in table:
            raise ConfigError(f"parameter {name}: {key} is needed")
    values = table.get("values", [])
    if not isinstance(values, list):
        raise ConfigError(f"parameter {name}: values are a list")
    condition = table.get("only_when")
    if condition is not None and not (isinstance(condition, dict) and len(condition) == 1):
        raise ConfigError(f"parameter {name}: only_when is one name and its value")
    return Parameter(
        **{
            **table,
            "values": tuple(values),
            "only_when": None if condition is None else next(iter(condition.items())),
        }
    )


def _check_keys(table: Mapping[str, Any], known: list[str] | tuple[str, ...], what: str) -> None:
    unknown = [key for key in table if key not in known]
    if unknown:
        raise ConfigError(f"{what}: unknown key {unknown[0]!r}; it takes {', '.join(known)}")
