"""One training and its evaluation, as it goes to a process of its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from annotations.formats.outputs import new_file
from annotations.galaxies.dataset import GalaxySet
from classification.crossval.settings import CrossvalSettings
from edge_runtime.errors import GalaxyEdgeError

if TYPE_CHECKING:
    from classification.crossval.folds import Fold

JOB_NAME = "job.json"
RESULT_NAME = "result.json"
PREDICTIONS_NAME = "predictions.npz"
RUN_NAME = "run"
CACHE_NAME = "cache"

WHOLE = 1000
"""Steps that a fold's process tells for a whole training."""


@dataclass(frozen=True, slots=True)
class FoldJob:
    """Everything one process needs.

    Attributes
    ----------
    settings : CrossvalSettings
    preset : str
    fold : int
        From 1.
    training, validation, held_out : tuple of int
        Rows of the whole set, as it is read.
    """

    settings: CrossvalSettings
    preset: str
    fold: int
    training: tuple[int, ...]
    validation: tuple[int, ...]
    held_out: tuple[int, ...]

    @classmethod
    def of(
        cls, settings: CrossvalSettings, preset: str, fold: Fold, rows: NDArray[np.int64]
    ) -> FoldJob:
        """The job of a fold over rows of the whole set."""
        return cls(
            settings,
            preset,
            fold.number,
            tuple(int(row) for row in rows[fold.training]),
            tuple(int(row) for row in rows[fold.validation]),
            tuple(int(row) for row in rows[fold.held_out]),
        )

    @property
    def seed(self) -> int:
        """Of the training."""
        return self.settings.seed + self.fold - 1

    def training_set(self, galaxies: GalaxySet) -> GalaxySet:
        """Rows to train on and to validate with, marked so.

        Raises
        ------
        GalaxyEdgeError
            The set is not the one the folds were made of.
        """
        if galaxies.data_hash != self.settings.data_hash:
            raise GalaxyEdgeError(
                f"{self.settings.data}: was changed since the cross-validation began; name "
                "another --output"
            )
        rows = np.array([*self.training, *self.validation], np.int64)
        split = ("train",) * len(self.training) + ("val",) * len(self.validation)
        return replace(galaxies.rows(rows), split=split)

    def held_out_set(self, galaxies: GalaxySet) -> GalaxySet:
        """Rows to judge the network on."""
        return galaxies.rows(np.array(self.held_out, np.int64))

    def write(self, folder: Path) -> Path:
        """Write ``job.json`` into a folder."""
        path = folder / JOB_NAME
        with new_file(path) as partial:
            partial.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> FoldJob:
        """Read what `write` wrote.

        Raises
        ------
        GalaxyEdgeError
            The file is missing or no job.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            settings = content.pop("settings")
            presets = tuple(settings.pop("presets"))
            for part in ("training", "validation", "held_out"):
                content[part] = tuple(content[part])
            return cls(settings=CrossvalSettings(presets=presets, **settings), **content)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise GalaxyEdgeError(f"{path}: not the job of a fold ({error})") from error
