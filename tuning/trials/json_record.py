"""Reading and writing of the small JSON files of a trial."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from annotations.formats.outputs import new_file
from edge_runtime.errors import GalaxyEdgeError


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write an object as JSON, whole or not at all.

    Raises
    ------
    ValueError
        A number is NaN or infinite.
    GalaxyEdgeError
        The file cannot be written.
    """
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    with new_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def read_record(path: Path, what: str) -> dict[str, Any]:
    """Read an object.

    Parameters
    ----------
    path : Path
    what : str
        What the file should be, for the message.

    Raises
    ------
    GalaxyEdgeError
        The file is missing, no JSON, or no object.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GalaxyEdgeError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise GalaxyEdgeError(f"{path}: is no JSON ({error})") from error
    if not isinstance(record, dict):
        raise GalaxyEdgeError(f"{path}: is not {what}; it holds no object")
    return record


def check_keys(
    record: Mapping[str, Any], known: Collection[str], required: Collection[str], what: str
) -> None:
    """Refuse an object with unknown keys or without some.

    Raises
    ------
    GalaxyEdgeError
        The message names the keys.
    """
    unknown = sorted(set(record) - set(known))
    missing = sorted(set(required) - set(record))
    if unknown:
        raise GalaxyEdgeError(f"{what}: unknown key {', '.join(unknown)}")
    if missing:
        raise GalaxyEdgeError(f"{what}: has no {', '.join(missing)}")


class JsonRecord:
    """A dataclass with a JSON file of its own."""

    __slots__ = ()

    what: ClassVar[str]
    """Of the file, for messages."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], where: str) -> Self:
        """Of what ``as_dict`` gave; a key or value that is wrong raises, ``where`` in front."""
        raise NotImplementedError

    def write(self, path: Path) -> None:
        """Write as JSON, whole or not at all."""
        write_record(path, self.as_dict())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what ``write`` wrote.

        Raises
        ------
        GalaxyEdgeError
            The file is missing, no JSON, or something else; the message names it.
        """
        return cls.from_dict(read_record(path, cls.what), str(path))
