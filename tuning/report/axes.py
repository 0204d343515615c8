"""Where the values of a search's parameters lie on the axes of a chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuning.spaces import Parameter
from tuning.spaces.parameter import BOOLEAN, CHOICE
from tuning.trials.spec import Value

UNUSED_PLACE = -0.16
"""Of a parameter that a trial does not have, below the foot of its axis."""

_MOST_TICKS = 9


@dataclass(frozen=True, slots=True)
class ParameterAxis:
    """The axis of one parameter.

    Attributes
    ----------
    parameter : Parameter
    """

    parameter: Parameter

    @property
    def conditional(self) -> bool:
        """Whether some trials do not have the parameter."""
        return self.parameter.only_when is not None

    @property
    def listed(self) -> bool:
        """Whether the values are a list, evenly spaced, rather than a range."""
        return self.parameter.kind in (CHOICE, BOOLEAN)

    def place(self, values: Mapping[str, Value]) -> float:
        """Place of a trial on the axis: 0 at its foot, 1 at its head.

        Parameters
        ----------
        values : mapping of str to value
            Of the trial, without those that have no meaning beside the others.

        Returns
        -------
        float
            ``UNUSED_PLACE`` where the trial does not have the parameter.
        """
        if self.parameter.name not in values:
            return UNUSED_PLACE
        return self._place(values[self.parameter.name])

    def ticks(self) -> list[tuple[float, str]]:
        """Places and their labels, from the foot up."""
        ticks = [(UNUSED_PLACE, "not used")] if self.conditional else []
        if self.listed:
            return ticks + [
                (self._place(value), value_text(value)) for value in self._listed_values()
            ]
        low, high = self._ends()
        known = self.parameter.all_values()
        if known is not None and len(known) <= _MOST_TICKS:
            marks = [float(value) for value in known]
        elif self.parameter.log:
            first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
            decades = [10.0**power for power in range(first, last + 1)]
            marks = decades if len(decades) > 1 else [low, high]
        else:
            marks = list(np.linspace(low, high, 5))
        return ticks + [(self._place(mark), value_text(mark)) for mark in marks]

    def _ends(self) -> tuple[float, float]:
        low, high = self.parameter.low, self.parameter.high
        assert low is not None
        assert high is not None
        return float(low), float(high)

    def _listed_values(self) -> tuple[Value, ...]:
        known = self.parameter.all_values()
        assert known is not None
        return known

    def _place(self, value: Value) -> float:
        if self.listed:
            known = self._listed_values()
            return known.index(value) / (len(known) - 1) if len(known) > 1 else 0.5
        low, high = self._ends()
        number = float(value)
        if self.parameter.log:
            return math.log(number / low) / math.log(high / low)
        return (number - low) / (high - low)


def place_table(
    axes: Sequence[ParameterAxis], trials: Sequence[Mapping[str, Value]]
) -> NDArray[np.float64]:
    """Places of all trials on all axes, shape (trials, axes)."""
    return np.array([[axis.place(values) for axis in axes] for values in trials]).reshape(
        len(trials), len(axes)
    )


def value_text(value: object) -> str:
    """A value as charts and tables print it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:.3g}"
    return str(value)
