"""How fast this machine finds galaxies, and what it takes.

The daemon is run as a user starts it, on frames prepared beforehand, and
watched from outside; then its parts are timed one by one. See ``run_bench``.
"""

from __future__ import annotations

import logging
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.benchmark.daemon_run import DaemonRun, run_daemon_process
from edge_runtime.benchmark.frames import delivery_times_s, prepare_frames, source_uri
from edge_runtime.benchmark.stages import StageTimes, measure_stages
from edge_runtime.errors import GalaxyEdgeError

logger = logging.getLogger(__name__)

DEFAULT_FRAMES = 60
WARM_UP_FRAMES = 10
COLD_STARTS = 3
SPARE_FRAMES = 10  # the source must not end before the daemon stops
DAEMON_TIMEOUT_S = 600.0

__all__ = ["BenchResult", "measure", "run_bench"]


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What ``galaxy-edge bench`` measured.

    Attributes
    ----------
    resolution : tuple of int
        Width and height of the frames in pixels.
    frames : int
        Frames timed.
    threads, cores : int
        Interpreters of the detector; processor cores of the machine.
    load_before : float
        Load of the machine over the last minute before the benchmark. Above
        about 0.3 the numbers say as much about the other programs.
    frames_per_second : float
        Rate of the daemon end to end: capture process, shared memory,
        pipeline, tracking, store and dashboard.
    stages : StageTimes
        Where the time goes.
    overhead_ratio : float
        Time of a frame end to end over that of its bare network calls.
    peak_rss_mb, peak_pss_mb : float or None
        Memory of all processes of the daemon together, with shared memory
        counted for each process, and once; None where it cannot be measured.
    processes : int or None
        Most processes at a time.
    cold_start_s : float
        Start of ``galaxy-edge run`` to its first classified frame, median of
        several starts; the source costs nothing.
    cold_start_simulated_s : float
        The same with the default simulated sky, whose first frame must be
        drawn.
    """

    resolution: tuple[int, int]
    frames: int
    threads: int
    cores: int
    load_before: float
    frames_per_second: float
    stages: StageTimes
    overhead_ratio: float
    peak_rss_mb: float | None
    peak_pss_mb: float | None
    processes: int | None
    cold_start_s: float
    cold_start_simulated_s: float

    def as_dict(self) -> dict[str, object]:
        """Return the result as JSON types."""
        stages = self.stages
        return {
            "resolution": list(self.resolution),
            "frames": self.frames,
            "threads": self.threads,
            "cores": self.cores,
            "load_before": self.load_before,
            "frames_per_second": self.frames_per_second,
            "stage_ms": stages.stage_ms,
            "interpreter_ms": stages.interpreter_ms,
            "interpreter_calls": {
                "detector": {"calls": stages.detector_calls, "call_ms": stages.detector_call_ms},
                "classifier": {
                    "calls": stages.classifier_calls,
                    "call_ms": stages.classifier_call_ms,
                },
            },
            "overhead_ratio": self.overhead_ratio,
            "peak_rss_mb": self.peak_rss_mb,
            "peak_pss_mb": self.peak_pss_mb,
            "processes": self.processes,
            "cold_start_s": self.cold_start_s,
            "cold_start_simulated_s": self.cold_start_simulated_s,
        }


def run_bench(
    resolution: tuple[int, int] = (1920, 1080),
    *,
    bundle_path: Path | None = None,
    threads: int = 2,
    frames: int = DEFAULT_FRAMES,
) -> dict[str, object]:
    """Measure and return JSON types; arguments and errors are those of ``measure``."""
    return measure(resolution, bundle_path=bundle_path, threads=threads, frames=frames).as_dict()


def measure(
    resolution: tuple[int, int] = (1920, 1080),
    *,
    bundle_path: Path | None = None,
    threads: int = 2,
    frames: int = DEFAULT_FRAMES,
    cold_starts: int = COLD_STARTS,
) -> BenchResult:
    """Measure frame rate, time of each stage, memory and cold start.

    Parameters
    ----------
    resolution : tuple of int
        Width and height of the frames in pixels.
    bundle_path : Path, optional
        Bundle; default is the one in the program.
    threads : int
        Interpreters of the detector.
    frames : int
        Frames to time, behind a warm-up of ten.
    cold_starts : int
        Starts whose median is taken.

    Raises
    ------
    BundleError
        The bundle cannot be loaded.
    GalaxyEdgeError
        The daemon fails; the message has its last words.
    """
    from edge_runtime.bundle import load_bundle

    load_before = os.getloadavg()[0]
    bundle = load_bundle(bundle_path)
    with tempfile.TemporaryDirectory(prefix="galaxy-edge-bench-") as name:
        folder = Path(name)
        logger.info("drawing frames of %d × %d pixels", *resolution)
        prepare_frames(folder, *resolution)

        def run(source: str, count: int, trial: str, web: bool = True) -> DaemonRun:
            scratch = folder / trial
            scratch.mkdir()
            logger.info("running the daemon: %s", trial)
            return run_daemon_process(
                source,
                scratch,
                frames=count,
                bundle_path=bundle_path,
                threads=threads,
                web=web,
                timeout_s=DAEMON_TIMEOUT_S,
            )

        count = WARM_UP_FRAMES + frames
        long_run = run(source_uri(folder, count + SPARE_FRAMES), count, "throughput")
        rate = frames_per_second(delivery_times_s(folder)[:count], WARM_UP_FRAMES)
        cold = [
            run(source_uri(folder, 1), 1, f"cold-start-{number}", web=False).first_frame_s
            for number in range(cold_starts)
        ]
        simulated = run("sim:", 1, "simulated", web=False).first_frame_s
        logger.info("timing the stages")
        stages = measure_stages(bundle, folder, frames=frames, threads=threads)
    memory = long_run.memory
    return BenchResult(
        resolution=resolution,
        frames=frames,
        threads=threads,
        cores=os.cpu_count() or 1,
        load_before=load_before,
        frames_per_second=rate,
        stages=stages,
        overhead_ratio=1e3 / rate / stages.interpreter_ms,
        peak_rss_mb=None if memory is None else memory.rss_mb,
        peak_pss_mb=None if memory is None else memory.pss_mb,
        processes=None if memory is None else memory.processes,
        cold_start_s=statistics.median(cold),
        cold_start_simulated_s=simulated,
    )


def frames_per_second(delivered_s: Sequence[float], warm_up: int) -> float:
    """Rate at which frames were taken, from when they were delivered.

    The source is read ahead by a constant number of frames, so in a steady
    state deliveries follow one another as the daemon takes frames.

    Raises
    ------
    GalaxyEdgeError
        Fewer than two frames were delivered after the warm-up.
    """
    steady = delivered_s[warm_up:]
    if len(steady) < 2 or steady[-1] <= steady[0]:
        raise GalaxyEdgeError(
            f"only {len(delivered_s)} frames were delivered; the rate cannot be measured"
        )
    return (len(steady) - 1) / (steady[-1] - steady[0])
