"""Memory of a network at the telescope: ``python -m tuning.trials.peak_memory FILE THREADS``.

A process of its own loads the runtime and the file, calls it, and prints the
most memory it ever had. What trained the network is not in it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.litert import LiteRtModel

_CALLS = 20
_TIME_LIMIT_S = 600.0  # of seconds, on a machine that others keep busy
_STATUS = Path("/proc/self/status")


def peak_memory_mb(model: Path, threads: int = 1) -> float:
    """Largest resident memory of a fresh process that calls a file.

    Parameters
    ----------
    model : Path
        TFLite file with one input.
    threads : int
        Of one call.

    Returns
    -------
    float
        In units of 1024 x 1024 bytes; Python, NumPy and the runtime are in it.

    Raises
    ------
    GalaxyEdgeError
        The process failed, or took more than ten minutes.
    """
    command = [sys.executable, "-m", "tuning.trials.peak_memory", str(model), str(threads)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIME_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise GalaxyEdgeError(
            f"{model}: its memory was not measured within {_TIME_LIMIT_S:g} s"
        ) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise GalaxyEdgeError(f"{model}: its memory cannot be measured ({lines[-1]})")
    return float(done.stdout)


def _peak_kb() -> int:
    """Of this process alone: what ``getrusage`` tells may be that of the one that started it."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def main() -> None:
    """Call the file and print the peak."""
    model = LiteRtModel(Path(sys.argv[1]), threads=int(sys.argv[2]))
    picture = np.zeros(model.input.shape[1:], np.uint8)
    for _ in range(_CALLS):
        model.run(picture)
    sys.stdout.write(f"{_peak_kb() / 1024:.3f}\n")


if __name__ == "__main__":
    main()
