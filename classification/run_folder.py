"""The files of one training: what it has found so far, and what it needs to go on.

A run is at every moment as it was after some epoch: files get their names when
they are whole, and the state, written last, names the weights it belongs to.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from annotations.formats.outputs import new_file
from classification.network import NETWORK_FILE
from classification.patience import Patience
from edge_runtime.errors import GalaxyEdgeError

STATE_FILE = "state.json"
LOG_FILE = "log.csv"
CHECKPOINTS = "checkpoints"
_SUFFIX = ".weights.h5"


@dataclass(slots=True)
class RunState:
    """Where a training stands.

    Attributes
    ----------
    epochs_done : int
    finished : bool
        Nothing is left to do.
    stopped : bool
        Because the loss fell no more.
    patience : Patience
    seconds : float
        Spent so far.
    images_per_s : float
        Of the fastest epoch.
    rows : list of dict
        Lines of the log.
    """

    epochs_done: int = 0
    finished: bool = False
    stopped: bool = False
    patience: Patience = field(default_factory=Patience)
    seconds: float = 0.0
    images_per_s: float = 0.0
    rows: list[dict[str, float]] = field(default_factory=list)


class RunFolder:
    """Folder of a run.

    Parameters
    ----------
    path : Path
    record : mapping
        All that decides what the run computes, as JSON. A folder with another
        record is refused.
    """

    def __init__(self, path: Path, record: Mapping[str, Any]) -> None:
        self.path = path
        self._record = json.loads(json.dumps(record))
        self._state_file = path / STATE_FILE
        self._weights = ""

    def open(self) -> RunState:
        """Make the folder, or read how far the run in it has come.

        Raises
        ------
        GalaxyEdgeError
            The run in the folder is another one, or damaged.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GalaxyEdgeError(f"{self.path}: cannot be written ({error.strerror})") from error
        if not self._state_file.exists():
            return RunState()
        try:
            stored = json.loads(self._state_file.read_text(encoding="utf-8"))
            differing = [
                key
                for key in sorted(self._record.keys() | stored["record"].keys())
                if self._record.get(key) != stored["record"].get(key)
            ]
            self._weights = stored["weights"]
            state = RunState(
                epochs_done=stored["epochs_done"],
                finished=stored["finished"],
                stopped=stored["stopped"],
                patience=Patience(**stored["patience"]),
                seconds=stored["seconds"],
                images_per_s=stored["images_per_s"],
                rows=stored["rows"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GalaxyEdgeError(
                f"{self._state_file}: cannot be read ({error}); use another output folder"
            ) from error
        if differing:
            raise GalaxyEdgeError(
                f"{self.path}: holds a run with another {', '.join(differing)}; "
                "use another output folder"
            )
        return state

    def load_weights(self, model: keras.Model) -> None:
        """Put the weights of the last epoch, and the optimizer's state, into a model."""
        path = self.path / CHECKPOINTS / self._weights
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise GalaxyEdgeError(
                f"{path}: cannot be read ({error}); use another output folder"
            ) from error

    def save_best(self, network: keras.Model) -> None:
        """Keep a network as the best one."""
        partial = self.path / f"partial-{NETWORK_FILE}"
        network.save(partial)
        partial.replace(self.path / NETWORK_FILE)

    def save(self, model: keras.Model, state: RunState) -> None:
        """Keep all that is needed to go on from here, and the log."""
        folder = self.path / CHECKPOINTS
        folder.mkdir(exist_ok=True)
        self._weights = f"epoch-{state.epochs_done:05d}{_SUFFIX}"
        partial = folder / f"partial{_SUFFIX}"
        model.save_weights(partial)
        partial.replace(folder / self._weights)
        self.save_state(state)
        for old in folder.glob(f"epoch-*{_SUFFIX}"):
            if old.name != self._weights:
                old.unlink()
        self._write_log(state.rows)

    def save_state(self, state: RunState) -> None:
        """Write the state alone, for weights that are kept already."""
        stored = {
            "record": self._record,
            "weights": self._weights,
            "epochs_done": state.epochs_done,
            "finished": state.finished,
            "stopped": state.stopped,
            "patience": state.patience.as_dict(),
            "seconds": state.seconds,
            "images_per_s": state.images_per_s,
            "rows": state.rows,
        }
        with new_file(self._state_file) as partial:
            partial.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")

    def _write_log(self, rows: list[dict[str, float]]) -> None:
        with new_file(self.path / LOG_FILE) as partial, partial.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0], extrasaction="ignore", restval="")
            writer.writeheader()
            writer.writerows(rows)
