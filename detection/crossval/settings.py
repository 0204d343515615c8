"""What a cross-validation was asked to do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from annotations.formats.dataset import LabelledSet
from edge_runtime.errors import ConfigError

COARSEST_CELL_PX = 32


@dataclass(frozen=True, slots=True)
class CrossvalSettings:
    """Settings that decide the result; a resumed run must have the same.

    Attributes
    ----------
    families : tuple of str
        Names of `detection.registry`.
    folds : int
        At least 2.
    steps, batch : int
        Of each training.
    input_size_px : int
        Side of the detector's input, a multiple of 32.
    seed : int
        Of the folds and, with the fold's number added, of the trainings.
    init_checkpoints : mapping of str to str
        Checkpoint each family starts from; one that is not named starts from
        random weights.
    init_modules : str
        Part of the checkpoint that is loaded: ``all``, ``backbone`` or
        ``backbone,decoder``.
    data_hash : str
        SHA-256 of pictures' names, groups and boxes.
    """

    families: tuple[str, ...]
    folds: int = 5
    steps: int = 1000
    batch: int = 16
    input_size_px: int = 128
    seed: int = 1
    init_checkpoints: Mapping[str, str] = field(default_factory=dict, hash=False)
    init_modules: str = "backbone"
    data_hash: str = ""

    def __post_init__(self) -> None:
        from detection.registry import family_names

        known = family_names()
        for name in (*self.families, *self.init_checkpoints):
            if name not in known:
                raise ConfigError(
                    f"no family of detectors is called {name!r}; there are {', '.join(known)}"
                )
        if not self.families or len(set(self.families)) != len(self.families):
            raise ConfigError("--families names no family, or one of them twice")
        for name in self.init_checkpoints:
            if name not in self.families:
                raise ConfigError(f"--init-checkpoint {name}: not among --families")
        if self.folds < 2:
            raise ConfigError(f"--folds {self.folds}: a cross-validation needs at least 2")
        if self.steps < 1 or self.batch < 1:
            raise ConfigError("--steps and --batch must be at least 1")
        if self.input_size_px < 64 or self.input_size_px % COARSEST_CELL_PX:
            near = max(64, round(self.input_size_px / COARSEST_CELL_PX) * COARSEST_CELL_PX)
            raise ConfigError(
                f"--input-size {self.input_size_px}: take a multiple of {COARSEST_CELL_PX} px, "
                f"such as {near}"
            )

    def on_data(self, digest: str) -> CrossvalSettings:
        """The same settings for data with this hash."""
        return replace(self, data_hash=digest)


def parse_checkpoints(given: Sequence[str]) -> dict[str, str]:
    """Read ``FAMILY=PATH`` entries.

    Raises
    ------
    ConfigError
        An entry has another form or a family is named twice.
    """
    checkpoints: dict[str, str] = {}
    for entry in given:
        family, separator, path = entry.partition("=")
        if not separator or not family or not path:
            raise ConfigError(f"--init-checkpoint {entry}: expected FAMILY=PATH")
        if family in checkpoints:
            raise ConfigError(f"--init-checkpoint names {family} twice")
        checkpoints[family] = str(Path(path).expanduser().resolve())
    return checkpoints


def data_hash(labelled: LabelledSet) -> str:
    """SHA-256 of what the pictures are called and where their boxes are."""
    digest = hashlib.sha256()
    for picture in labelled.pictures:
        boxes = [(box.xyxy_px, box.label, box.difficult) for box in picture.boxes]
        digest.update(repr((picture.name, picture.group, boxes)).encode())
    return digest.hexdigest()
