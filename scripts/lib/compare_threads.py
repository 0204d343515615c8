"""Time the pipeline with different numbers of threads, taking turns."""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from edge_runtime.benchmark.frames import RepeatedFrames, prepare_frames
from edge_runtime.bundle import load_bundle
from edge_runtime.pipeline import Pipeline

STAGES = ("condition", "detect", "classify", "total")


def main() -> None:
    options = parse_arguments()
    bundle = load_bundle(options.bundle)
    width, height = (int(side) for side in options.resolution.lower().split("x"))
    with tempfile.TemporaryDirectory(prefix="galaxy-edge-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        prepare_frames(folder, width, height)
        camera = stack.enter_context(RepeatedFrames(str(folder), str(options.rounds + 2)))
        pipelines = {
            threads: stack.enter_context(closing(Pipeline(bundle, threads=threads)))
            for threads in options.threads
        }
        rounds = [time_round(pipelines, camera.read()) for _ in range(options.rounds + 2)][2:]
    print(
        f"{bundle.name} {bundle.version}, {width} x {height}, {len(rounds)} rounds, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    first = options.threads[0]
    for threads in options.threads:
        for stage in STAGES:
            times_ms = [a_round[threads][stage] for a_round in rounds]
            ratios = [
                a_round[threads][stage] / a_round[first][stage]
                for a_round in rounds
                if a_round[first][stage] > 0
            ]
            quartiles = statistics.quantiles(ratios, n=4)
            print(
                f"{threads} threads  {stage:9}  best {min(times_ms):8.2f} ms  median "
                f"{statistics.median(times_ms):8.2f} ms  ratio to {first}: "
                f"{quartiles[1]:.2f} ({quartiles[0]:.2f} to {quartiles[2]:.2f})"
            )


def time_round(pipelines, frame):
    """Send one frame through every pipeline; return milliseconds by threads and stage."""
    result = {}
    for threads, pipeline in pipelines.items():
        start = time.perf_counter()
        stage_ms = dict(pipeline.process(frame).stage_ms)
        stage_ms["total"] = 1e3 * (time.perf_counter() - start)
        result[threads] = stage_ms
    return result


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--resolution", default="1920x1080", help="WIDTHxHEIGHT in pixels")
    parser.add_argument("--rounds", type=int, default=30, help="frames timed, at least 4")
    parser.add_argument("--bundle", type=Path, help="folder or .zip; default: the one shipped")
    options = parser.parse_args()
    if options.rounds < 4 or min(options.threads) < 1:
        parser.error("--rounds must be at least 4 and --threads at least 1")
    return options


if __name__ == "__main__":
    main()
