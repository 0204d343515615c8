"""Process of one fold: ``python -m detection.crossval.fold_process FOLDER``.

Trains and evaluates what ``job.json`` in the folder says, and writes
``detections.npz`` and, last, ``result.json``. It ends when its standard input
closes, so that it does not outlive the process that started it.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

from annotations.worker_process import end_with_parent, tell_step
from detection.crossval.fold_job import (
    DETECTIONS_NAME,
    JOB_NAME,
    RESULT_NAME,
    TRAINING_NAME,
    FoldJob,
)
from edge_runtime.errors import GalaxyEdgeError


def run_fold(folder: Path) -> None:
    """Train and evaluate the job in a folder."""
    from annotations.formats.outputs import new_file
    from detection.crossval.scoring import save_detections, score_pictures
    from detection.crossval.training import train_fold
    from detection.evaluation.coco_metrics import coco_metrics
    from detection.trained_detector import load_detector

    job = FoldJob.read(folder / JOB_NAME)
    start = time.monotonic()
    train_fold(job, folder / TRAINING_NAME, lambda progress: tell_step(progress.step))
    trained = time.monotonic()
    detector = load_detector(folder / TRAINING_NAME, family=job.family)
    scored = score_pictures(detector, [entry.picture() for entry in job.held_out])
    save_detections(scored, folder / DETECTIONS_NAME)
    result = {
        "family": job.family,
        "fold": job.fold,
        "training_pictures": job.training_pictures,
        "held_out_pictures": len(job.held_out),
        "metrics": coco_metrics(scored).as_dict(),
        "parameters": int(detector.network.count_params()),
        "training_s": round(trained - start, 1),
        "evaluation_s": round(time.monotonic() - trained, 1),
    }
    with new_file(folder / RESULT_NAME) as partial:
        partial.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


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
