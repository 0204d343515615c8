"""``training.json``: what a detector was trained on, by which code, and whether to the end.

It is written when the first step is about to be made and again after the last,
each time as a whole: a folder whose record is missing or says ``unfinished``
holds no finished detector, whatever checkpoints lie in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from annotations.formats.outputs import new_file
from edge_runtime.errors import GalaxyEdgeError

RECORD_NAME = "training.json"
FINISHED, UNFINISHED = "finished", "unfinished"
_SAME_RUN = {
    "family": "detectors of another family",
    "input_size_px": "another input size",
    "data_sha256": "other data",
}


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """One training, or one stage of it.

    Attributes
    ----------
    family : str
        Experiment.
    input_size_px, batch, seed : int
    steps : int
        Step to train up to.
    data : str
        Folder or file of the data; empty for simulated skies.
    data_sha256 : str
        Of the data's labels and list of pictures.
    code_version : str
        Commit, with ``-dirty`` where files were changed.
    mixed_precision : str
        ``bfloat16``, ``float16`` or ``off``.
    device : str
        Name of the GPU, or ``CPU``.
    init_checkpoint, init_modules : str
        Weights the first step started from; empty for none.
    status : str
        ``finished`` or ``unfinished``.
    step : int
        Last step made, as far as recorded.
    started, finished : str
        UTC, ISO 8601; ``finished`` is empty while it is not.
    earlier : tuple of dict
        Records of the stages before this one in the same folder.
    """

    family: str
    input_size_px: int
    batch: int
    seed: int
    steps: int
    data: str
    data_sha256: str
    code_version: str
    mixed_precision: str = "off"
    device: str = "CPU"
    init_checkpoint: str = ""
    init_modules: str = ""
    status: str = UNFINISHED
    step: int = 0
    started: str = ""
    finished: str = ""
    earlier: tuple[dict[str, Any], ...] = field(default=())

    @property
    def is_finished(self) -> bool:
        """Whether the last step was made and its checkpoint saved."""
        return self.status == FINISHED

    def write(self, folder: Path) -> None:
        """Write ``training.json`` as a whole."""
        text = json.dumps(asdict(self), indent=2, allow_nan=False) + "\n"
        with new_file(folder / RECORD_NAME) as partial:
            partial.write_text(text, encoding="utf-8")

    def at_end(self, step: int) -> TrainingRecord:
        """The record of this training when its last step is made."""
        return replace(self, status=FINISHED, step=step, finished=now())


def read_record(folder: Path) -> TrainingRecord | None:
    """The record of a training folder, None where it has none.

    Raises
    ------
    GalaxyEdgeError
        The file is damaged.
    """
    path = folder / RECORD_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["earlier"] = tuple(content["earlier"])
        return TrainingRecord(**content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise GalaxyEdgeError(
            f"{path}: damaged, not the record of a training ({error}); use another --output, or "
            "remove the file to train on from the checkpoints beside it"
        ) from error


def following(old: TrainingRecord | None, new: TrainingRecord, folder: Path) -> TrainingRecord:
    """The record of a training that goes on where another stopped.

    Parameters
    ----------
    old : TrainingRecord or None
        As found in the folder.
    new : TrainingRecord
        As asked for now.
    folder : Path
        For messages.

    Returns
    -------
    TrainingRecord
        ``old`` where it is finished and nothing is left to do; else ``new``,
        with the start of an interrupted ``old`` and the stages before.

    Raises
    ------
    GalaxyEdgeError
        The folder belongs to a training of something else.
    """
    if old is None:
        return replace(new, started=now())
    other = [
        f"{what} ({getattr(old, name)!s:.20}, not {getattr(new, name)!s:.20})"
        for name, what in _SAME_RUN.items()
        if getattr(old, name) != getattr(new, name)
    ]
    if other:
        raise GalaxyEdgeError(
            f"{folder}: holds a training of {', '.join(other)}; use another --output, and "
            "--init-checkpoint to start from this one"
        )
    if old.is_finished and new.steps <= old.step:
        return old
    if old.is_finished:
        stage = {f.name: getattr(old, f.name) for f in fields(old) if f.name != "earlier"}
        return replace(new, step=old.step, started=now(), earlier=(*old.earlier, stage))
    kept = {"init_checkpoint": old.init_checkpoint, "init_modules": old.init_modules}
    return replace(new, step=old.step, started=old.started, earlier=old.earlier, **kept)


def finished_record(folder: Path, checkpoints: Sequence[str]) -> TrainingRecord | None:
    """The record of a folder that holds a finished training, else None.

    Parameters
    ----------
    folder : Path
    checkpoints : sequence of str
        Checkpoints that exist in the folder.
    """
    record = read_record(folder)
    if record is None or not record.is_finished:
        return None
    wanted = f"ckpt-{record.step}"
    return record if any(Path(name).name == wanted for name in checkpoints) else None


def now() -> str:
    """UTC to the second, ISO 8601."""
    return datetime.now(UTC).replace(microsecond=0).isoformat()
