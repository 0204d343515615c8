"""One value that a search may choose."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_runtime.errors import ConfigError
from tuning.trials.spec import Value

if TYPE_CHECKING:
    import keras_tuner

CHOICE = "choice"
INT = "int"
FLOAT = "float"
BOOLEAN = "boolean"
KINDS = (CHOICE, INT, FLOAT, BOOLEAN)

_DIGITS = 4  # of a float: what a network can tell apart, and what 32 bits hold


@dataclass(frozen=True, slots=True)
class Parameter:
    """A hyper-parameter and its values.

    Attributes
    ----------
    name : str
    kind : str
        ``choice`` of ``values``; ``int`` or ``float`` from ``low`` to ``high``,
        both included; or ``boolean``.
    default : str, int, float or bool
        The hand-made one, which a search tries first.
    values : tuple
        Of a choice: all text or all numbers.
    low, high : float or None
        Of an int or a float.
    step : float or None
        Between neighbouring values; None is 1 for an int, and any value for a
        float.
    log : bool
        Whether a float's values are spread evenly over its logarithm.
    only_when : tuple of (str, value) or None
        Name and value of an earlier parameter, without which this one has no
        meaning and no value.

    Raises
    ------
    ConfigError
        The fields do not go together; the message names the parameter.
    """

    name: str
    kind: str
    default: Value
    values: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    only_when: tuple[str, Value] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise self._wrong(f"kind {self.kind!r} is none of: {', '.join(KINDS)}")
        if self.kind == CHOICE:
            self._check_choice()
        elif self.values:
            raise self._wrong(f"values go with kind choice, not {self.kind}")
        if self.kind in (INT, FLOAT):
            self._check_range()
        elif (self.low, self.high, self.step, self.log) != (None, None, None, False):
            raise self._wrong(f"low, high, step and log do not go with kind {self.kind}")
        if self.default not in self:
            raise self._wrong(f"the default {self.default!r} is not {self.described()}")

    def __contains__(self, value: object) -> bool:
        if self.kind == BOOLEAN:
            return isinstance(value, bool)
        if self.kind == CHOICE:
            return any(value == one and type(value) is type(one) for one in self.values)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.kind == INT and not isinstance(value, int):
            return False
        assert self.low is not None
        assert self.high is not None
        slack = 1e-6 * (self.high - self.low)
        if not self.low - slack <= value <= self.high + slack:
            return False
        if self.kind == FLOAT and self.step is None:
            return True
        steps = (value - self.low) / (self.step or 1)
        return abs(steps - round(steps)) < 1e-4

    def described(self) -> str:
        """The values in words, for messages."""
        if self.kind == CHOICE:
            return f"one of {', '.join(str(value) for value in self.values)}"
        if self.kind == BOOLEAN:
            return "true or false"
        steps = "" if self.step is None else f" in steps of {self.step:g}"
        whole = "a whole number " if self.kind == INT and self.step is None else ""
        return f"{whole}from {self.low:g} to {self.high:g}{steps}"

    def all_values(self) -> tuple[Value, ...] | None:
        """Every value in order; None where a float may have any of a range."""
        if self.kind == CHOICE:
            return self.values
        if self.kind == BOOLEAN:
            return (False, True)
        if self.kind == FLOAT and self.step is None:
            return None
        assert self.low is not None
        assert self.high is not None
        step = self.step or 1
        count = math.floor((self.high - self.low) / step + 1e-6) + 1
        numbers = (self.low + i * step for i in range(count))
        return tuple(round(n) if self.kind == INT else _rounded(n) for n in numbers)

    def canonical(self, value: Value) -> Value:
        """The allowed value next to one that a computer's rounding moved.

        Values that go to another machine lose digits on the way; both sides
        mean this one.
        """
        if self.kind in (BOOLEAN, CHOICE) and isinstance(value, bool | str):
            return value
        known = self.all_values()
        number = float(value)
        if known is not None:
            return min(known, key=lambda one: abs(float(one) - number))
        assert self.low is not None
        assert self.high is not None
        return min(max(_rounded(number), self.low), self.high)

    def declare(self, hyperparameters: keras_tuner.HyperParameters) -> None:
        """Add it to keras-tuner's parameters.

        A float with steps becomes a choice, because keras-tuner 1.4 loses the
        last of its values where the division leaves a rest: of 0.3 to 0.7 in
        steps of 0.1 it never draws 0.7.
        """
        if self.only_when is None:
            self._add_to(hyperparameters)
            return
        parent, value = self.only_when
        with hyperparameters.conditional_scope(parent, [value]):
            self._add_to(hyperparameters)

    def _add_to(self, hyperparameters: keras_tuner.HyperParameters) -> None:
        if self.kind == BOOLEAN:
            hyperparameters.Boolean(self.name, default=self.default)
        elif self.kind == INT:
            step = 1 if self.step is None else int(self.step)
            hyperparameters.Int(self.name, self.low, self.high, step=step, default=self.default)
        elif (known := self.all_values()) is not None:
            hyperparameters.Choice(self.name, list(known), default=self.canonical(self.default))
        else:
            hyperparameters.Float(
                self.name,
                self.low,
                self.high,
                sampling="log" if self.log else "linear",
                default=self.default,
            )

    def _check_choice(self) -> None:
        if not self.values:
            raise self._wrong("a choice needs values")
        kinds = set(map(type, self.values))
        if len(kinds) > 1 or not kinds <= {str, int, float}:
            raise self._wrong("the values of a choice are all text, all whole numbers or floats")
        if len(set(self.values)) < len(self.values):
            raise self._wrong("a value is there twice")

    def _check_range(self) -> None:
        for name in ("low", "high", "step"):
            number = getattr(self, name)
            if number is None and name == "step":
                continue
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise self._wrong(f"{name} is a number, not {number!r}")
            if not math.isfinite(number) or (self.kind == INT and number != int(number)):
                raise self._wrong(f"{name} {number} is no {self.kind}")
        assert self.low is not None
        assert self.high is not None
        if self.low >= self.high:
            raise self._wrong(f"low {self.low:g} is not below high {self.high:g}")
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise self._wrong(f"step {self.step:g} does not fit between low and high")
        if self.log and (self.kind == INT or self.step is not None or self.low <= 0):
            raise self._wrong("log goes with a float above 0 without step")

    def _wrong(self, reason: str) -> ConfigError:
        return ConfigError(f"parameter {self.name}: {reason}")


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")
