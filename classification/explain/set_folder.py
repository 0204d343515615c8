"""The files that a run over a set keeps, so that it can go on when it was broken off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from annotations.formats.outputs import new_file
from classification.bootstrap import Interval
from classification.explain.faithfulness.randomisation import RandomisationCheck
from edge_runtime.errors import GalaxyEdgeError

RECORD_FILE = "run.json"
KEPT = "kept"


def open_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Begin a run in a folder, or make sure that the one in it is the same.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    record : mapping
        All that decides what the run computes, as JSON.

    Raises
    ------
    GalaxyEdgeError
        The folder holds another run, or what is in it cannot be read.
    """
    asked = json.loads(json.dumps(record))
    file = folder / RECORD_FILE
    if not file.exists():
        with new_file(file) as partial:
            partial.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")
        return
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        differing = [key for key in asked if stored[key] != asked[key]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GalaxyEdgeError(f"{file}: cannot be read ({error}); use another --output") from error
    if differing:
        raise GalaxyEdgeError(
            f"{folder}: holds explanations of other {', '.join(differing)}; use another --output"
        )


def kept_file(folder: Path, row: int, identity: str, place: int) -> Path:
    """File of one galaxy explained for the network of one place."""
    return folder / KEPT / f"{file_stem(row, identity)}-{place}.npz"


def file_stem(row: int, identity: str) -> str:
    """File name of a galaxy without its suffix; different for each row."""
    plain = (c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in identity)
    return f"{row:04d}-{''.join(plain)}"


def write_checks(folder: Path, place: int, checks: Mapping[str, RandomisationCheck]) -> None:
    """Keep the checks of the network of one place."""
    with new_file(_checks_file(folder, place)) as partial:
        text = json.dumps([asdict(check) for check in checks.values()], indent=1)
        partial.write_text(text + "\n", encoding="utf-8")


def read_checks(folder: Path, place: int) -> dict[str, RandomisationCheck] | None:
    """What ``write_checks`` wrote, by method; None where there is nothing.

    Raises
    ------
    GalaxyEdgeError
        The file is damaged.
    """
    file = _checks_file(folder, place)
    if not file.is_file():
        return None
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        return {each["method"]: _check(each) for each in stored}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GalaxyEdgeError(
            f"{file}: cannot be read ({error}); remove it, and it is made again"
        ) from error


def _checks_file(folder: Path, place: int) -> Path:
    return folder / KEPT / f"checks-{place}.json"


def _check(stored: Mapping[str, Any]) -> RandomisationCheck:
    return RandomisationCheck(
        method=stored["method"],
        stages=tuple(stored["stages"]),
        correlation=tuple(Interval(**each) for each in stored["correlation"]),
        structure=tuple(Interval(**each) for each in stored["structure"]),
        itself=Interval(**stored["itself"]),
        known=tuple(stored["known"]),
        margin=stored["margin"],
    )
