"""Scores and costs of a trial's classifier."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from annotations.galaxies.dataset import CLASS5, GalaxySet
from classification.predictions import Predictions
from classification.scoring import score
from tuning.trials.costs import measure_costs
from tuning.trials.exported import PREDICTIONS_FILE
from tuning.trials.result import FLOAT_PREFIX, TrialResult
from tuning.trials.spec import TrialSpec


def classifier_result(
    spec: TrialSpec,
    model: Path,
    answers: Predictions,
    exact: Predictions,
    galaxies: GalaxySet,
    *,
    parameters: int,
    training_s: float,
    curve: tuple[Mapping[str, float], ...],
) -> TrialResult:
    """Score and measure the int8 file, and keep its answers in ``validation.npz``.

    Parameters
    ----------
    spec : TrialSpec
    model : Path
        The int8 file.
    answers, exact : Predictions
        Of this file, and of the network before it was quantised.
    galaxies : GalaxySet
        Of the split ``val``.
    parameters, training_s
        See ``TrialResult``.
    curve : tuple of mapping
        With epochs from 0; those before the trial began are added.

    Raises
    ------
    GalaxyEdgeError
        A prediction is no number, or the file cannot be measured.
    """
    answers.save(spec.output / PREDICTIONS_FILE)
    costs = measure_costs(model, threads=spec.threads, latency_command=spec.latency_command)
    return TrialResult(
        metrics={
            **metrics_of(answers, galaxies),
            **{FLOAT_PREFIX + n: value for n, value in metrics_of(exact, galaxies).items()},
        },
        latency_ms=costs.latency_ms,
        size_kb=costs.size_kb,
        peak_memory_mb=costs.peak_memory_mb,
        parameters=parameters,
        training_s=training_s,
        curve=tuple({**row, "epoch": row["epoch"] + spec.initial_epoch} for row in curve),
    )


def metrics_of(predictions: Predictions, galaxies: GalaxySet) -> dict[str, float]:
    """``accuracy`` and ``macro_f1`` of the five classes, and ``rmse``, where both sides have them.

    Raises
    ------
    GalaxyEdgeError
        A prediction is no number, or there is nothing to score.
    """
    scores = score(predictions, galaxies)
    found: dict[str, float] = {}
    if CLASS5 in scores.classes:
        report = scores.classes[CLASS5]
        found |= {"accuracy": report.accuracy, "macro_f1": report.macro_f1}
    if scores.votes is not None:
        found["rmse"] = scores.votes.rmse
    return found
