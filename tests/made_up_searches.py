"""Searches that never ran."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from tuning.record import SearchRecord, TrialRecord
from tuning.settings import SearchSettings
from tuning.spaces import SearchSpace, space
from tuning.trials.result import TrialFailure, TrialResult
from tuning.trials.spec import Value

BEGINNING = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)


def settings(**changed: object) -> SearchSettings:
    usual = {
        "space": "compact",
        "space_sha256": "ab" * 32,
        "subject": "classifier",
        "data": "galaxies/labels.csv",
        "data_hash": "cd" * 32,
        "metric": "accuracy",
        "max_latency_ms": 2.0,
        "max_size_kb": 600.0,
    }
    return SearchSettings(**{**usual, **changed})


def drawn_values(searched: SearchSpace, rng: np.random.Generator) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for one in searched.parameters:
        known = one.all_values()
        if known is None:
            known = tuple(one.canonical(v) for v in np.geomspace(one.low, one.high, 30))
        values[one.name] = known[rng.integers(len(known))]
    return searched.only_active(values)


def result_of(values: Mapping[str, Value], rng: np.random.Generator) -> TrialResult:
    """Accuracy that depends on the start, the blocks and the learning rate only."""
    blocks = float(values["blocks"])
    accuracy = (
        0.75
        + (0.08 if values["start"] == "imagenet" else 0.0)
        + 0.008 * (blocks - 5)
        - 0.06 * abs(np.log10(float(values["learning_rate"])) + 3)
        + rng.normal(0, 0.006)
    )
    return TrialResult(
        metrics={
            "accuracy": float(accuracy),
            "macro_f1": float(accuracy) - 0.05,
            "rmse": 0.2 - 0.1 * float(accuracy),
            "float_accuracy": float(accuracy) + 0.002,
        },
        latency_ms=0.15 * blocks * (float(values["input_size_px"]) / 64) ** 2,
        size_kb=60.0 * blocks,
        peak_memory_mb=40.0,
        parameters=int(40_000 * blocks),
        training_s=60.0,
        curve=(),
    )


def made_up_search(
    folder: Path,
    trials: int = 30,
    *,
    seed: int = 1,
    failing: tuple[int, ...] = (4, 17),
    running: bool = False,
    values: list[dict[str, Value]] | None = None,
    **changed: object,
) -> SearchRecord:
    """A search of ``compact`` whose accuracy follows a simple rule."""
    config = settings(seed=seed, trials=trials, **changed)
    searched = space("compact")
    rng = np.random.default_rng(seed)
    records = []
    for number in range(trials):
        chosen = searched.defaults() if number == 0 else drawn_values(searched, rng)
        if values is not None:
            chosen = values[number]
        started = BEGINNING + timedelta(seconds=75 * number)
        common = {
            "id": f"{number:02d}",
            "values": chosen,
            "started": started,
            "ended": started + timedelta(seconds=70),
            "folder": folder / "trials" / f"{number:02d}",
        }
        if number in failing:
            failure = TrialFailure("out of memory: 2,100 MiB are beyond <the limit>", "last line")
            records.append(TrialRecord(**common, state="failed", objective=None, result=None,
                                       failure=failure))  # fmt: skip
            continue
        if running and number == trials - 1:
            common["ended"] = None
            records.append(TrialRecord(**common, state="running", objective=None, result=None,
                                       failure=None))  # fmt: skip
            continue
        result = result_of(chosen, rng)
        records.append(TrialRecord(**common, state="completed", result=result, failure=None,
                                   objective=config.objective.value(result)))  # fmt: skip
    return SearchRecord(config, searched, tuple(records), folder)
