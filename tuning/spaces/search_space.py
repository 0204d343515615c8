"""The parameters of a search, and which values go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import ConfigError
from tuning.spaces.parameter import BOOLEAN, CHOICE, Parameter
from tuning.trials.spec import SUBJECTS, Value

if TYPE_CHECKING:
    import keras_tuner


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """What a search may choose from.

    Attributes
    ----------
    name : str
    subject : str
        ``classifier`` or ``detector``.
    parameters : tuple of Parameter
        A parameter stands behind the one that its condition names.
    summary : str
    base : SearchSpace or None
        Of a person's own space, the one of the package whose network is built.
    fixed : mapping of str to value
        Parameters of ``base`` that are not searched, and their values.

    Raises
    ------
    ConfigError
        A name is there twice, or a condition names nothing before it.
    """

    name: str
    subject: str
    parameters: tuple[Parameter, ...]
    summary: str = ""
    base: SearchSpace | None = None
    fixed: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.subject not in SUBJECTS:
            raise ConfigError(f"subject {self.subject!r} is none of: {', '.join(SUBJECTS)}")
        if not self.parameters:
            raise ConfigError("there are no parameters to search")
        before: dict[str, Parameter] = {}
        for one in self.parameters:
            if one.name in before or one.name in self.fixed:
                raise ConfigError(f"parameter {one.name}: is there twice")
            self._check_condition(one, before)
            before[one.name] = one

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def network(self) -> str:
        """Name of the space of the package whose network is built."""
        return self.name if self.base is None else self.base.name

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(one.name for one in self.parameters)

    def parameter(self, name: str) -> Parameter:
        """The parameter of a name.

        Raises
        ------
        ConfigError
            There is none.
        """
        for one in self.parameters:
            if one.name == name:
                return one
        raise ConfigError(f"no parameter {name!r} in {self.name}; it has {', '.join(self.names)}")

    def active(self, values: Mapping[str, Value]) -> tuple[Parameter, ...]:
        """The parameters that have a meaning beside the other values."""
        found: dict[str, Parameter] = {}
        for one in self.parameters:
            if one.only_when is not None:
                parent, value = one.only_when
                if parent not in found or values.get(parent) != value:
                    continue
            found[one.name] = one
        return tuple(found.values())

    def defaults(self) -> dict[str, Value]:
        """The hand-made values, without those that have no meaning beside them."""
        return self.only_active({one.name: one.default for one in self.parameters})

    def only_active(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """The values that have a meaning, in the order of the parameters."""
        return {one.name: values[one.name] for one in self.active(values) if one.name in values}

    def canonical(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """The allowed values next to given ones; see ``Parameter.canonical``."""
        exact = {
            one.name: one.canonical(values[one.name])
            for one in self.parameters
            if one.name in values
        }
        return self.only_active(exact)

    def complete(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """All values of a network: those of a trial, and the fixed ones."""
        return (self.base or self).only_active({**self.fixed, **values})

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse values that are not in the space.

        Raises
        ------
        ConfigError
            A value is missing, unknown, out of its range, or has no meaning
            beside the others.
        """
        unknown = [name for name in values if name not in self.names]
        if unknown:
            known = ", ".join(self.names)
            raise ConfigError(f"{self.name} has no parameter {unknown[0]!r}; it has {known}")
        active = self.active(values)
        for one in active:
            if one.name not in values:
                raise ConfigError(f"{one.name}: has no value")
            if values[one.name] not in one:
                raise ConfigError(f"{one.name} = {values[one.name]!r} is not {one.described()}")
        for name in values:
            if name not in {one.name for one in active}:
                parent, value = self.parameter(name).only_when or ("", "")
                raise ConfigError(f"{name}: has a value, but only goes with {parent} = {value}")

    def declare(self, hyperparameters: keras_tuner.HyperParameters) -> None:
        """Add the parameters to keras-tuner's."""
        for one in self.parameters:
            one.declare(hyperparameters)

    def _check_condition(self, one: Parameter, before: Mapping[str, Parameter]) -> None:
        if one.only_when is None:
            return
        parent, value = one.only_when
        if parent not in before:
            raise ConfigError(f"parameter {one.name}: only_when names {parent}, which is not above")
        if value not in before[parent] or before[parent].kind not in (CHOICE, BOOLEAN):
            raise ConfigError(
                f"parameter {one.name}: only_when {parent} = {value!r}, "
                f"but {parent} is {before[parent].described()}"
            )
