"""A small process that makes one occlusion map: ``python -m edge_runtime.occlusion.worker``.

It yields to everything else on the machine, loads neither OpenCV nor the web
server, and ends when its parent does. Standard input: a line of JSON (`Task`),
the model file, the pixels of the crop. Standard output: a line of JSON for
some of the steps, ``{"done": 12, "total": 144}``, and at last the map or
``{"error": "..."}``.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.occlusion.occlusion_map import GRID, occlusion_map

NICENESS = 19
REPORT_EVERY = 6  # steps


@dataclass(frozen=True, slots=True)
class Task:
    """What to explain.

    Attributes
    ----------
    name : str
        Of the model, for messages.
    model_bytes : int
        Length of the model file that follows.
    size_px : int
        Side of the crop that follows the model.
    label, class_index : str, int
        Which of the five classes to explain.
    outputs : dict
        Names or positions of the outputs votes, classes and galaxy.
    class_bias, input_mean, input_std : tuple of float
        As in the bundle.
    fill : int
        Level of empty sky, 0 to 255.
    grid : int
        Cells along a side.
    """

    name: str
    model_bytes: int
    size_px: int
    label: str
    class_index: int
    outputs: dict[str, int | str]
    class_bias: tuple[float, ...]
    input_mean: tuple[float, ...]
    input_std: tuple[float, ...]
    fill: int
    grid: int = GRID

    def to_line(self) -> bytes:
        """As the first line of the standard input."""
        return json.dumps(asdict(self)).encode() + b"\n"


def work(source: BinaryIO, sink: BinaryIO) -> None:
    """Read a task, make its map, and write it."""
    task = Task(**json.loads(source.readline()))
    model = source.read(task.model_bytes)
    shape = (task.size_px, task.size_px, 3)
    pixels = np.frombuffer(source.read(int(np.prod(shape))), np.uint8).reshape(shape)

    def say(**words: Any) -> None:
        sink.write(json.dumps(words).encode() + b"\n")
        sink.flush()

    def progress(done: int, total: int) -> None:
        if done % REPORT_EVERY == 0:
            say(done=done, total=total)

    try:
        found = occlusion_map(
            _probability(task, model),
            pixels,
            task.label,
            fill=task.fill,
            grid=task.grid,
            progress=progress,
        )
    except GalaxyEdgeError as error:
        say(error=str(error))
    else:
        say(label=found.label, probability=found.probability, drops=found.drops.tolist())


def _probability(task: Task, content: bytes) -> Any:
    from edge_runtime.classifier_answers import AnsweringNetwork
    from edge_runtime.litert import LiteRtModel

    model = LiteRtModel(
        content, input_mean=task.input_mean, input_std=task.input_std, name=task.name
    )
    outputs: Any = task.outputs
    network = AnsweringNetwork(model, **outputs, class_bias=task.class_bias)

    def probability(crop: NDArray[np.uint8]) -> float:
        # real numbers give the same as bytes, and spare the process OpenCV
        answer = network.classify(crop.astype(np.float32))
        return float(answer.class_probabilities[task.class_index])

    return probability


def yield_to_others() -> None:
    """Give this process the lowest priority that the system has."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


if __name__ == "__main__":
    yield_to_others()
    try:
        work(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:  # the parent is gone, and with it who would look at the map
        os._exit(1)
