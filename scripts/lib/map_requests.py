"""Frames a second with and without occlusion maps being made, taking turns."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from edge_runtime.benchmark.frames import prepare_frames
from edge_runtime.benchmark.map_requests import measure_map_requests
from edge_runtime.bundle import load_bundle


def main() -> None:
    options = parse_arguments()
    bundle = load_bundle(options.bundle)
    width, height = (int(side) for side in options.resolution.lower().split("x"))
    with tempfile.TemporaryDirectory(prefix="galaxy-edge-bench-") as name:
        prepare_frames(Path(name), width, height)
        load = os.getloadavg()[0]
        cost = measure_map_requests(
            bundle,
            Path(name),
            rounds=options.rounds,
            frames=options.frames,
            threads=options.threads,
        )
    low, high = cost.ratio_quartiles
    print(
        f"{bundle.name} {bundle.version}, {width} x {height}, {cost.rounds} rounds of "
        f"{cost.frames} frames, {os.cpu_count()} cores, load {load:.1f}"
    )
    print(f"without maps  {cost.frames_per_second_without:6.2f} frames/s")
    print(f"with maps     {cost.frames_per_second_with:6.2f} frames/s, {cost.maps} maps made")
    print(f"ratio         {cost.ratio:6.3f} (quartiles {low:.3f} to {high:.3f})")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolution", default="1920x1080", help="WIDTHxHEIGHT in pixels")
    parser.add_argument("--rounds", type=int, default=12, help="turns of each, at least 2")
    parser.add_argument("--frames", type=int, default=30, help="frames of a turn, at least 2")
    parser.add_argument("--threads", type=int, default=2, help="interpreters of the detector")
    parser.add_argument("--bundle", type=Path, help="folder or .zip; default: the one shipped")
    options = parser.parse_args()
    if options.rounds < 2 or options.frames < 2 or options.threads < 1:
        parser.error("--rounds and --frames must be at least 2 and --threads at least 1")
    return options


if __name__ == "__main__":
    main()
