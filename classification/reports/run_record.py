"""What a training leaves behind, as far as reports show it."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import GalaxyEdgeError

CARD_NAME = "network.json"
LOG_NAME = "log.csv"
NETWORK_NAME = "network.keras"
_EPOCH = "epoch"
_RECIPE = "recipe"


@dataclass(frozen=True, slots=True)
class History:
    """What was logged at each epoch.

    Attributes
    ----------
    epochs : ndarray, shape (E,), int64
        Ascending, from 1.
    columns : mapping of str to ndarray, shape (E,), float64
        By name in the log; NaN where nothing was written.
    """

    epochs: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Run:
    """A classifier and where it comes from.

    Attributes
    ----------
    name : str
    facts : mapping of str to str
        What is known about it, in the order to show.
    history : History or None
        None where it has no log.
    recipe : mapping of str to str
        All settings of its training.
    classes : mapping of str to tuple of str
        Names of the classes it gives, by scheme, where it says so.
    """

    name: str
    facts: Mapping[str, str]
    history: History | None = None
    recipe: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_run(folder: Path) -> Run:
    """Read the card and the log of a run folder.

    Raises
    ------
    GalaxyEdgeError
        It is no run folder, or one of the two is damaged.
    """
    card = folder / CARD_NAME
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise GalaxyEdgeError(
            f"{folder}: is not the folder of a training (no {CARD_NAME} in it)"
        ) from error
    except (OSError, ValueError) as error:
        raise GalaxyEdgeError(f"{card}: cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise GalaxyEdgeError(f"{card}: holds no card of a network")
    log = folder / LOG_NAME
    recipe, names = content.pop(_RECIPE, None), content.pop("class_names", None)
    return Run(
        name=folder.resolve().name,
        facts=_facts(content),
        history=read_history(log) if log.is_file() else None,
        recipe=_facts(recipe) if isinstance(recipe, dict) else {},
        classes={str(content.get("target")): tuple(map(str, names or ()))},
    )


def read_history(path: Path) -> History:
    """Read the log of a training; of an epoch that was repeated, the last row counts.

    Raises
    ------
    GalaxyEdgeError
        The file is damaged.
    """
    rows: dict[int, dict[str, str]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            names = [name for name in reader.fieldnames or () if name != _EPOCH]
            for row in reader:
                rows[int(row[_EPOCH])] = row
        epochs = sorted(rows)
        columns = {
            name: np.array([_number(rows[epoch][name]) for epoch in epochs]) for name in names
        }
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise GalaxyEdgeError(f"{path}: cannot be read as a log of epochs ({error})") from error
    first = epochs[0] if epochs else 0
    return History(np.array(epochs, np.int64) + (1 if first == 0 else 0), columns)


def _number(cell: str | None) -> float:
    """What a log has in a cell; nothing where a column came later or has no value."""
    return float(cell) if cell not in (None, "", "NA") else np.nan


def _facts(values: Mapping[str, object]) -> dict[str, str]:
    return {_title(str(key)): _fact(value) for key, value in values.items()}


def _title(key: str) -> str:
    for unit in ("_s", "_px"):
        if key.endswith(unit) and not key.endswith(f"_per{unit}"):
            key = f"{key.removesuffix(unit)}, {unit[1:]}"
    return key.replace("_", " ")


def _fact(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_fact(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(_fact(each) for each in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "–" if value is None else str(value)
