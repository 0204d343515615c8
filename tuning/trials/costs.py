"""What a network costs at the telescope."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from classification.latency import measure
from tuning.trials.latency_command import commanded_latency_ms
from tuning.trials.peak_memory import peak_memory_mb


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of one file; see ``TrialResult``.

    Attributes
    ----------
    latency_ms, size_kb, peak_memory_mb : float
    """

    latency_ms: float
    size_kb: float
    peak_memory_mb: float


def measure_costs(model: Path, *, threads: int, latency_command: str | None) -> Costs:
    """Measure a TFLite file.

    Parameters
    ----------
    model : Path
    threads : int
        Of one call on this machine.
    latency_command : str or None
        Tells the latency on another device; None measures it here.

    Raises
    ------
    GalaxyEdgeError
        The file cannot be run, or the command tells no latency.
    """
    if latency_command is None:
        latency_ms = measure(model, threads=threads).median_ms
    else:
        latency_ms = commanded_latency_ms(latency_command, model)
    return Costs(
        latency_ms=latency_ms,
        size_kb=model.stat().st_size / 1024,
        peak_memory_mb=peak_memory_mb(model, threads),
    )
