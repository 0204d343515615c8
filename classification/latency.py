"""How long one call of a TFLite network takes, and how much it computes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classification.tflite_operations import multiply_adds
from edge_runtime.litert import LiteRtModel


@dataclass(frozen=True, slots=True)
class Latency:
    """Cost of a network at the telescope.

    Attributes
    ----------
    median_ms, p95_ms : float
        Of one call with one crop, in the fastest of several rounds.
    threads : int
        Threads of a call.
    calls : int
        Timed calls in that round.
    size_bytes : int
        Of the file.
    multiply_adds : int or None
        Multiplications of convolutions, dense layers and attention in one call;
        None where the runtime does not list its operations.
    """

    median_ms: float
    p95_ms: float
    threads: int
    calls: int
    size_bytes: int
    multiply_adds: int | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def measure(
    path: Path | str | os.PathLike[str],
    *,
    threads: int = 1,
    rounds: int = 5,
    round_s: float = 0.4,
    clock: Callable[[], float] = time.perf_counter,
) -> Latency:
    """Time a network on a crop of noise.

    Other work on the machine only ever makes calls slower, so the fastest round
    counts.

    Parameters
    ----------
    path : path
        TFLite file with one input.
    threads : int
        Threads of a call.
    rounds : int
        How often to measure.
    round_s : float
        About how long one round lasts, in seconds; at least ten calls.
    clock : callable
        Seconds from any origin.

    Raises
    ------
    BundleError
        The file cannot be run.
    """
    path = Path(path)
    model = LiteRtModel(path, threads=threads)
    crop = np.random.default_rng(0).integers(0, 256, model.input.shape[1:], dtype=np.uint8)
    model.run(crop)  # the first call prepares
    once = float(_round(model, crop, 5, clock).min())
    calls = int(np.clip(round_s / max(once, 1e-6), 10, 2000))
    timed = [_round(model, crop, calls, clock) for _ in range(rounds)]
    fastest = min(timed, key=lambda times: float(np.median(times)))
    return Latency(
        median_ms=float(np.median(fastest)) * 1e3,
        p95_ms=float(np.percentile(fastest, 95)) * 1e3,
        threads=threads,
        calls=calls,
        size_bytes=path.stat().st_size,
        multiply_adds=multiply_adds(path),
    )


def _round(
    model: LiteRtModel, crop: NDArray[np.uint8], calls: int, clock: Callable[[], float]
) -> NDArray[np.float64]:
    times = np.empty(calls)
    for i in range(calls):
        started = clock()
        model.run(crop)
        times[i] = clock() - started
    return times
