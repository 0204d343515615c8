"""Hyper-parameters of a trial, read by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from edge_runtime.errors import ConfigError
from tuning.trials.spec import TrialSpec, Value

_Kind = TypeVar("_Kind", bool, int, float, str)


class Values:
    """Values of a trial.

    Parameters
    ----------
    values : mapping of str to value
    space : str
        Name of the space, for messages.
    """

    def __init__(self, values: Mapping[str, Value], space: str) -> None:
        self._values = values
        self._space = space

    @classmethod
    def of(cls, spec: TrialSpec) -> Values:
        """Those of a spec."""
        return cls(spec.values, spec.space)

    def get(self, name: str, kind: type[_Kind]) -> _Kind:
        """A value; whole numbers stand for floats and, where nothing is behind the point, back.

        Raises
        ------
        ConfigError
            There is none of that name, or it is of another kind.
        """
        if name not in self._values:
            raise ConfigError(f"{self._space}: the trial has no value {name}")
        value = self._values[name]
        numeric = kind in (int, float) and isinstance(value, int | float)
        if numeric and not isinstance(value, bool):
            converted = kind(value)
            if converted == value:
                return converted
        elif isinstance(value, kind) and not numeric:
            return value
        raise ConfigError(f"{self._space}: {name} is {value!r}; expected {kind.__name__}")
