"""What one trial found out, or why it failed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

from edge_runtime.errors import GalaxyEdgeError
from tuning.trials.json_record import JsonRecord, check_keys

FLOAT_PREFIX = "float_"
"""Of the metrics of the network before it was quantised."""


@dataclass(frozen=True, slots=True)
class TrialResult(JsonRecord):
    """What a finished trial found out.

    Attributes
    ----------
    metrics : mapping of str to float
        Scores on validation of the int8 file as the telescope runs it. A
        classifier has ``accuracy`` and ``macro_f1`` of the five classes and,
        where votes are trained, ``rmse``; a detector ``recall_iou30`` and
        ``ap50``. The same names with ``float_`` in front are of the network
        before it was quantised.
    latency_ms : float
        Of one call of the exported file.
    size_kb : float
        Of the exported file, in units of 1024 bytes.
    peak_memory_mb : float
        Largest resident memory of a process that loads the runtime and the
        exported file and calls it, in units of 1024 x 1024 bytes.
    parameters : int
        Of the network.
    training_s : float
        Time of the training alone.
    curve : tuple of dict
        Losses and metrics of each epoch, or of each report of a detector.

    Raises
    ------
    GalaxyEdgeError
        A number is NaN, infinite or no number; the message names it.
    """

    what: ClassVar[str] = "the result of a trial"

    metrics: Mapping[str, float]
    latency_ms: float
    size_kb: float
    peak_memory_mb: float
    parameters: int
    training_s: float
    curve: tuple[Mapping[str, float], ...] = ()

    def __post_init__(self) -> None:
        numbers = {one.name: getattr(self, one.name) for one in fields(self)}
        curve, metrics = numbers.pop("curve"), numbers.pop("metrics")
        if not isinstance(metrics, Mapping):
            raise GalaxyEdgeError(f"metrics are a mapping, not {metrics!r}")
        for name, number in {**numbers, **metrics}.items():
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise GalaxyEdgeError(f"{name} is {number!r}; expected a number")
            if not math.isfinite(number):
                raise GalaxyEdgeError(f"{name} is {number}; expected a finite number")
        if not all(isinstance(row, Mapping) for row in curve):
            raise GalaxyEdgeError("curve is a list of mappings")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        record = {one.name: getattr(self, one.name) for one in fields(self)}
        record["metrics"] = dict(self.metrics)
        record["curve"] = [dict(row) for row in self.curve]
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], where: str = "result") -> TrialResult:
        """Of what ``as_dict`` gave.

        Raises
        ------
        GalaxyEdgeError
            A key is missing or unknown, or a value is wrong; the message begins
            with ``where``.
        """
        known = {one.name: one for one in fields(cls)}
        check_keys(record, known, [n for n, one in known.items() if one.default is MISSING], where)
        try:
            return cls(**{**record, "curve": tuple(record.get("curve", ()))})
        except (GalaxyEdgeError, TypeError) as error:
            raise GalaxyEdgeError(f"{where}: {error}") from error


@dataclass(frozen=True, slots=True)
class TrialFailure(JsonRecord):
    """Why a trial has no result.

    Attributes
    ----------
    reason : str
        One line for a table.
    detail : str
        More of it, for example the last lines of the log.
    """

    what: ClassVar[str] = "the failure of a trial"

    reason: str
    detail: str = ""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return {"reason": self.reason, "detail": self.detail}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], where: str = "failure") -> TrialFailure:
        """Of what ``as_dict`` gave.

        Raises
        ------
        GalaxyEdgeError
            A key is missing or unknown; the message begins with ``where``.
        """
        check_keys(record, ("reason", "detail"), ("reason",), where)
        return cls(str(record["reason"]), str(record.get("detail", "")))
