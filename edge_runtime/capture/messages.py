"""What a capture process and its parent say to each other; pixels go through slots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Task:
    """Parent: read this source, beginning behind ``skip`` frames.

    ``poison`` holds the numbers of frames that killed the driver before, with
    what is reported in place of reading them again.
    """

    uri: str
    skip: int = 0
    poison: Mapping[int, str] = field(default_factory=dict)
    max_frame_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """Parent: send the next entry, now or when there is one."""


@dataclass(frozen=True, slots=True)
class Release:
    """Parent: the slot was read and may be used again."""

    slot: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Parent: close the camera and end."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Child: the driver is loaded."""

    name: str
    live: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """Child: a frame is in the slot; ``fields`` are those of Frame but its pixels."""

    slot: int
    shape: tuple[int, ...]
    dtype: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """Child: one frame could not be read."""

    message: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Child: the source failed as a whole.

    ``wrong_config`` where trying again is no use, ``crashed`` where the driver
    raised what no driver should.
    """

    message: str
    wrong_config: bool = False
    crashed: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """Child: the source has no more frames."""


Entry = Ready | Fault | Failed | End
