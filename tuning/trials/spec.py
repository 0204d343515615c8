"""What one trial is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from edge_runtime.errors import ConfigError
from tuning.trials.json_record import JsonRecord, check_keys

CLASSIFIER = "classifier"
DETECTOR = "detector"
SUBJECTS = (CLASSIFIER, DETECTOR)

Value = str | int | float | bool

_PATHS = ("data", "output", "initial", "cache")


@dataclass(frozen=True, slots=True)
class TrialSpec(JsonRecord):
    """Everything the process of a trial needs.

    Attributes
    ----------
    space : str
        Name of the search space: ``tuned_small``, ``compact`` or ``detector``
        decide what is built from the values.
    subject : str
        ``classifier`` or ``detector``.
    values : mapping of str to value
        Hyper-parameters by the names of the space.
    data : Path
        ``labels.csv`` of the galaxies; for a detector the folder of the frames.
    output : Path
        Folder of the trial's own files.
    seed : int
        Of the weights, the order of the pictures and the augmentation.
    epochs : int
        Over the training pictures; steps where a detector is trained.
    limit : int or None
        Train on so many pictures, drawn by the seed; None takes all.
    threads : int
        Of one call of the exported network.
    latency_command : str or None
        Shell command that prints milliseconds; see
        ``tuning.trials.latency_command``. None measures on this machine.
    initial_epoch : int
        Epochs that ``initial`` was trained for already.
    initial : Path or None
        Folder of an earlier trial of the same network to go on from.
    metric : str or None
        What the search wants best. Where a network can learn only one of the
        classes and the votes, it decides which; None are the classes.
    cache : Path or None
        Folder for prepared pictures, which the trials of a search share.

    Raises
    ------
    ConfigError
        A value is out of its range; the message names it.
    """

    what: ClassVar[str] = "the spec of a trial"

    space: str
    subject: str
    values: Mapping[str, Value]
    data: Path
    output: Path
    seed: int = 0
    epochs: int = 1
    limit: int | None = None
    threads: int = 1
    latency_command: str | None = None
    initial_epoch: int = 0
    initial: Path | None = None
    metric: str | None = None
    cache: Path | None = None

    def __post_init__(self) -> None:
        if self.subject not in SUBJECTS:
            raise ConfigError(f"subject {self.subject!r} is none of: {', '.join(SUBJECTS)}")
        if not isinstance(self.values, Mapping):
            raise ConfigError(f"values are a mapping, not {self.values!r}")
        for name, value in self.values.items():
            if not isinstance(value, Value):
                raise ConfigError(f"value {name} is {value!r}; expected text, number or boolean")
        for name, least in (("epochs", 1), ("threads", 1), ("limit", 1), ("initial_epoch", 0)):
            number = getattr(self, name)
            if number is None and name == "limit":
                continue
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                raise ConfigError(f"{name} is a whole number from {least}, not {number!r}")
        if self.initial_epoch and self.initial is None:
            raise ConfigError(f"initial_epoch is {self.initial_epoch}, but initial names no folder")
        if self.initial_epoch >= self.epochs:
            raise ConfigError(
                f"initial_epoch {self.initial_epoch} leaves nothing of {self.epochs} epochs"
            )

    def as_dict(self) -> dict[str, Any]:
        """For JSON: paths as text."""
        record = {one.name: getattr(self, one.name) for one in fields(self)}
        record["values"] = dict(self.values)
        return record | {
            name: None if record[name] is None else str(record[name]) for name in _PATHS
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], where: str = "trial") -> TrialSpec:
        """Of what ``as_dict`` gave.

        Raises
        ------
        GalaxyEdgeError
            A key is missing or unknown, or a value is wrong; the message begins
            with ``where``.
        """
        known = {one.name: one for one in fields(cls)}
        required = [name for name, one in known.items() if one.default is MISSING]
        check_keys(record, known, required, where)
        paths = {name: Path(record[name]) for name in _PATHS if record.get(name) is not None}
        try:
            return cls(**{**record, **paths})
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error
