"""A folder of results that is gone on with by the same settings only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from annotations.formats.outputs import new_file
from edge_runtime.errors import ConfigError

SETTINGS_NAME = "settings.json"


def claim_folder(folder: Path, settings: Mapping[str, object], kind: str) -> None:
    """Begin or resume work in a folder.

    Parameters
    ----------
    folder : Path
        Gets ``settings.json``.
    settings : mapping of str to object
        Values that JSON can hold.
    kind : str
        What the folder is of, for messages, such as ``cross-validation``.

    Raises
    ------
    ConfigError
        The folder holds one with other settings.
    """
    path = folder / SETTINGS_NAME
    wanted = json.loads(json.dumps(settings))
    if not path.exists():
        with new_file(path) as partial:
            partial.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); name another --output") from error
    if not isinstance(there, dict):
        raise ConfigError(f"{path}: not the settings of a {kind}")
    for key, value in wanted.items():
        if there.get(key) != value:
            raise ConfigError(
                f"{folder}: holds a {kind} with {key} {there.get(key)}, not {value}; "
                "name another --output, or take the same settings to resume it"
            )
