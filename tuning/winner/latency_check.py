"""Whether a trial's latency is what its network takes in a bundle."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_runtime.benchmark.stages import call_ms
from edge_runtime.bundle.loading import Bundle, load_bundle
from tuning.record import SearchRecord, TrialRecord
from tuning.trials.exported import CLASSIFIER_FILE

TOLERANCE = 0.2


@dataclass(frozen=True, slots=True)
class LatencyCheck:
    """One call of the classifier, as the trial measured it and in the bundle.

    Attributes
    ----------
    trial_ms : float
        In the result of the trial.
    again_ms : float or None
        The trial's file measured in the same way now; None where it is gone.
    bundle_ms : float
        In the bundle: a call as ``galaxy-edge bench`` measures it, with one
        thread as the telescope uses it.
    bench_ms : float or None
        By a whole run of ``galaxy-edge bench``, where one was made.
    threads : int
        Of a call in the trial.
    elsewhere : bool
        The trial was measured on another device, by a command; then the ratio
        compares two machines.
    """

    trial_ms: float
    again_ms: float | None
    bundle_ms: float
    bench_ms: float | None
    threads: int
    elsewhere: bool

    @property
    def ratio(self) -> float:
        """Trial over bundle; over the whole benchmark where there is one."""
        return self.trial_ms / self._in_bundle_ms

    @property
    def ratio_again(self) -> float | None:
        """The trial's file measured again over the bundle, both on this machine now."""
        return None if self.again_ms is None else self.again_ms / self._in_bundle_ms

    @property
    def _in_bundle_ms(self) -> float:
        return self.bundle_ms if self.bench_ms is None else self.bench_ms

    @property
    def agrees(self) -> bool:
        """Whether they agree within 20 %."""
        return abs(self.ratio - 1.0) <= TOLERANCE

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        ratios = {"ratio": self.ratio, "ratio_again": self.ratio_again}
        return {**asdict(self), **ratios, "agrees": self.agrees}

    def describe(self) -> str:
        """In a sentence."""
        text = f"one call of the classifier: {self.trial_ms:.3f} ms in the trial"
        if self.again_ms is not None:
            text += f" ({self.again_ms:.3f} ms measured again now)"
        how = "bare call" if self.bench_ms is None else "galaxy-edge bench"
        text += f", {self._in_bundle_ms:.3f} ms in the bundle ({how}), ratio {self.ratio:.2f}"
        if self.ratio_again is not None:
            text += f" ({self.ratio_again:.2f})"
        if self.elsewhere:
            return text + "; the trial was measured on another device"
        if self.threads != 1:
            return text + f"; the trial used {self.threads} threads, the telescope uses one"
        return text + (", within 20 %" if self.agrees else ", NOT within 20 %")


def check_latency(
    record: SearchRecord, trial: TrialRecord, bundle_path: Path, *, bench: bool = False
) -> LatencyCheck:
    """Compare a trial's latency with that of the bundle made from it.

    The trial's is the median of many calls with a crop of noise, each with
    setting the input and reading the outputs, in the fastest of several rounds
    (``classification.latency``); the bundle's the median of fifteen bare calls
    (``edge_runtime.benchmark.stages``).

    Parameters
    ----------
    record : SearchRecord
    trial : TrialRecord
        Completed.
    bundle_path : Path
    bench : bool
        Also run the whole benchmark, which takes a minute or two.

    Raises
    ------
    GalaxyEdgeError
        The bundle cannot be loaded, or the benchmark fails.
    """
    from classification.latency import measure

    assert trial.result is not None
    settings = record.config
    elsewhere = settings.latency_command is not None
    file = None if trial.folder is None else trial.folder / CLASSIFIER_FILE
    again_ms = None
    if file is not None and file.is_file() and not elsewhere:
        again_ms = measure(file, threads=settings.threads).median_ms
    return LatencyCheck(
        trial_ms=trial.result.latency_ms,
        again_ms=again_ms,
        bundle_ms=bundle_call_ms(load_bundle(bundle_path)),
        bench_ms=_bench_ms(bundle_path) if bench else None,
        threads=settings.threads,
        elsewhere=elsewhere,
    )


def bundle_call_ms(bundle: Bundle, rounds: int = 5) -> float:
    """Time of a bare call of a bundle's classifier, the fastest of several rounds."""
    model = bundle.open_classifier(threads=1)
    return min(call_ms(model) for _ in range(rounds))


def _bench_ms(bundle_path: Path) -> float:
    from edge_runtime.benchmark import measure

    return measure(bundle_path=bundle_path).stages.classifier_call_ms
