"""Stands in for the process of a fold: no training, detections made of the truth.

With the file ``die`` in the current folder it ends with an error at its half;
with ``hang`` it tells a step and waits for its standard input to close.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from annotations.worker_process import step_line
from detection.crossval.fold_job import (
    DETECTIONS_NAME,
    JOB_NAME,
    RESULT_NAME,
    FoldJob,
)
from detection.crossval.scoring import save_detections, scored_picture

SHIFT_PX = {"ssd_mobilenet": 4.0, "efficientdet_d0": 8.0}


def main() -> None:
    folder = Path(sys.argv[1])
    job = FoldJob.read(folder / JOB_NAME)
    with Path("calls.txt").open("a") as calls:
        calls.write(f"{job.family} {job.fold} {job.seed}\n")
    if not list(Path(job.records).parent.glob("*.tfrecord")):
        raise SystemExit("error: no records")
    print(step_line(job.steps // 2), end="", flush=True)
    if Path("hang").exists():
        sys.stdin.read()
        raise SystemExit(1)
    if Path("die").exists():
        print("error: the card is on fire", file=sys.stderr)
        raise SystemExit(1)
    print(step_line(job.steps), end="", flush=True)
    scored = []
    for entry in job.held_out:
        boxes = np.array(entry.boxes_xyxy_px, dtype=np.float32)[:1] + SHIFT_PX[job.family]
        scored.append(scored_picture(entry.picture(), boxes, np.ones(1, np.float32)))
    save_detections(scored, folder / DETECTIONS_NAME)
    from detection.evaluation.coco_metrics import coco_metrics

    result = {
        "family": job.family,
        "fold": job.fold,
        "training_pictures": job.training_pictures,
        "held_out_pictures": len(job.held_out),
        "metrics": coco_metrics(scored).as_dict(),
        "parameters": 1000,
        "training_s": 1.5,
    }
    (folder / RESULT_NAME).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
