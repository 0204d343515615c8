"""Process of one fold: ``python -m classification.crossval.fold_process FOLDER``.

Trains what ``job.json`` in the folder says, predicts the held-out galaxies, and
writes ``predictions.npz`` and, last, ``result.json``. It ends when its standard
input closes, so that it does not outlive the process that started it.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from annotations.worker_process import end_with_parent, tell_step
from classification.crossval.fold_job import (
    CACHE_NAME,
    JOB_NAME,
    PREDICTIONS_NAME,
    RESULT_NAME,
    RUN_NAME,
    WHOLE,
    FoldJob,
)
from edge_runtime.errors import GalaxyEdgeError

if TYPE_CHECKING:
    from classification.callbacks import TrainingProgress

_WORKERS = 2  # threads that make batches


def run_fold(folder: Path) -> None:
    """Train and evaluate the job in a folder."""
    from annotations.formats.outputs import new_file
    from classification.crossval.dataset import read_labelled
    from classification.presets import preset
    from classification.training import train

    job = FoldJob.read(folder / JOB_NAME)
    settings = job.settings
    galaxies = read_labelled(Path(settings.data), settings.targets)
    training_set = job.training_set(galaxies)
    network = train(
        preset(job.preset),
        training_set,
        folder / RUN_NAME,
        seed=job.seed,
        epochs=settings.epochs,
        batch=settings.batch,
        limit=settings.limit,
        input_size_px=settings.input_size_px,
        cache=folder / CACHE_NAME,
        workers=_WORKERS,
        report=steps_of_training(tell_step),
    )
    start = time.monotonic()
    held_out = job.held_out_set(galaxies)
    predictions = network.predict(held_out, turned_views=settings.turned_views)
    predictions.save(folder / PREDICTIONS_NAME)
    result = {
        "preset": job.preset,
        "fold": job.fold,
        "training_galaxies": network.card.training_pictures,
        "held_out_galaxies": len(held_out),
        "parameters": network.card.parameters,
        "epochs": network.card.epochs,
        "training_s": round(network.card.training_s, 1),
        "prediction_s": round(time.monotonic() - start, 1),
    }
    with new_file(folder / RESULT_NAME) as partial:
        partial.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(folder / CACHE_NAME, ignore_errors=True)


def steps_of_training(tell: Callable[[int], None]) -> Callable[[TrainingProgress], None]:
    """Tell how much of a training is done in thousandths, each once."""
    last = -1

    def report(progress: TrainingProgress) -> None:
        nonlocal last
        done = progress.epoch + progress.batch / max(progress.batches, 1)
        step = min(WHOLE, int(WHOLE * done / max(progress.epochs, 1)))
        if step > last:
            last = step
            tell(step)

    return report


def main() -> None:
    """Command line, for the parent process only."""
    end_with_parent()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout
    )
    try:
        run_fold(Path(sys.argv[1]))
    except GalaxyEdgeError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
