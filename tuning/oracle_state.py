"""The state of a search in one file that is never half written.

keras-tuner writes a file for each trial and one for the oracle, each in place:
killed in between, they are cut off or contradict each other. Here all of it is
one JSON file, which a new one replaces as a whole once it is on the disk; the
one before stays beside it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_runtime.errors import GalaxyEdgeError

log = logging.getLogger(__name__)

ORACLE_FOLDER = "oracle"
STATE_NAME = "oracle.json"
PREVIOUS_NAME = "oracle.previous.json"


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Replace the state of a search.

    Parameters
    ----------
    folder : Path
        Of the search.
    state : mapping
        Values that JSON can hold.

    Raises
    ------
    GalaxyEdgeError
        It cannot be written.
    """
    oracle = folder / ORACLE_FOLDER
    current, previous = oracle / STATE_NAME, oracle / PREVIOUS_NAME
    partial = oracle / f".{STATE_NAME}.new"
    text = json.dumps(state)
    try:
        oracle.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if current.exists():
            current.replace(previous)
        partial.replace(current)
    except OSError as error:
        raise GalaxyEdgeError(f"{current}: cannot be written ({error.strerror})") from error


def read_state(folder: Path) -> dict[str, Any] | None:
    """The state of a search, from the file before where the newest is damaged.

    Returns
    -------
    dict or None
        None where the search has not begun.

    Raises
    ------
    GalaxyEdgeError
        Both files are damaged.
    """
    oracle = folder / ORACLE_FOLDER
    paths = [path for path in (oracle / STATE_NAME, oracle / PREVIOUS_NAME) if path.exists()]
    if not paths:
        return None
    for path in paths:
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            log.warning("%s: cannot be read (%s); taking the one before", path, error)
            continue
        if isinstance(state, dict):
            return state
        log.warning("%s: is not the state of a search; taking the one before", path)
    raise GalaxyEdgeError(
        f"{oracle}: the state of the search is damaged, and so is the copy; remove this folder and "
        "start the same command again: it begins anew, but takes results that are there already"
    )
