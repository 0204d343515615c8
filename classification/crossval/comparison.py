"""Results of all folds: means, spreads, and tests between presets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from numpy.typing import NDArray

from annotations.finite_values import finite
from annotations.galaxies.dataset import GalaxySet
from classification.calibration import row_log_losses
from classification.crossval.fold_job import PREDICTIONS_NAME, RESULT_NAME
from classification.crossval.folds import class_counts
from classification.crossval.runner import Plan, fold_folder
from classification.crossval.settings import CrossvalSettings
from classification.predictions import Predictions
from classification.scoring import Scores, aligned, score
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.paired_tests import (
    PairedTest,
    corrected_resampled_t,
    wilcoxon_signed_rank,
)

RMSE = "rmse"


@dataclass(frozen=True, slots=True)
class FoldResult:
    """One preset on one fold.

    Attributes
    ----------
    fold : int
        From 1.
    training_galaxies, held_out_galaxies : int
    epochs : int
    training_s : float
    figures : dict of str to float
        ``rmse`` over the 37 votes, and for each scheme of classes
        ``<scheme> accuracy``, ``<scheme> macro F1`` and ``<scheme> log-loss``.
    """

    fold: int
    training_galaxies: int
    held_out_galaxies: int
    epochs: int
    training_s: float
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation (n - 1) over the folds."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class PresetResult:
    """One preset on all folds.

    Attributes
    ----------
    preset : str
    parameters : int
    folds : tuple of FoldResult
    spread : dict of str to Spread
        By figure; those that every fold has.
    """

    preset: str
    parameters: int
    folds: tuple[FoldResult, ...]
    spread: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class FoldTests:
    """Two presets over the folds.

    Attributes
    ----------
    t_test : PairedTest
        Corrected resampled t-test.
    wilcoxon : PairedTest
        Signed-rank test; with k folds its p-value cannot fall below 2 / 2^k.
    """

    t_test: PairedTest
    wilcoxon: PairedTest


@dataclass(frozen=True, slots=True)
class Comparison:
    """Tests of the second preset against the first; differences are second minus first.

    Attributes
    ----------
    first, second : str
    over_folds : dict of str to FoldTests
        By figure that both have.
    over_galaxies : dict of str to PairedTest
        Wilcoxon signed-rank test over all held-out galaxies, by what is
        compared: ``squared error of the votes`` (the mean of a galaxy's 37) or
        ``<scheme> log-loss``.
    """

    first: str
    second: str
    over_folds: dict[str, FoldTests]
    over_galaxies: dict[str, PairedTest]


@dataclass(frozen=True, slots=True)
class CrossvalResult:
    """What a cross-validation has shown.

    Attributes
    ----------
    settings : CrossvalSettings
    data : str
        Name of the set.
    galaxies, copies : int
        Galaxies that take part, and how many of them are copies of others.
    class_counts : mapping
        Held-out galaxies of each class: by scheme, for each fold.
    presets : tuple of PresetResult
    comparisons : tuple of Comparison
    """

    settings: CrossvalSettings
    data: str
    galaxies: int
    copies: int
    class_counts: Mapping[str, Sequence[Mapping[str, int]]]
    presets: tuple[PresetResult, ...]
    comparisons: tuple[Comparison, ...]

    def as_dict(self) -> dict[str, object]:
        """Everything as JSON values; a statistic without bound becomes None."""
        content: dict[str, object] = finite(asdict(self))
        return content


def collect(plan: Plan, settings: CrossvalSettings, output: Path) -> CrossvalResult:
    """Read the results of a finished cross-validation and compare the presets.

    Raises
    ------
    GalaxyEdgeError
        A fold's result is missing or damaged.
    """
    predicted = {
        name: [_predictions(plan, output, name, fold.number) for fold in plan.folds]
        for name in settings.presets
    }
    results = tuple(_preset(plan, output, name, predicted[name]) for name in settings.presets)
    schemes = {scheme for parts in predicted.values() for scheme in parts[0].classes}
    return CrossvalResult(
        settings=settings,
        data=plan.galaxies.name,
        galaxies=len(plan.galaxies),
        copies=len(plan.groups) - len(set(plan.groups)),
        class_counts={
            scheme: counts
            for scheme, counts in class_counts(plan.galaxies, plan.folds).items()
            if scheme in schemes
        },
        presets=results,
        comparisons=tuple(
            _compare(plan, a, b, predicted[a.preset], predicted[b.preset])
            for a, b in combinations(results, 2)
        ),
    )


def figures_of(scores: Scores) -> dict[str, float]:
    """The figures of a fold, by name."""
    figures = {} if scores.votes is None else {RMSE: scores.votes.rmse}
    for scheme, report in scores.classes.items():
        figures[f"{scheme} accuracy"] = report.accuracy
        figures[f"{scheme} macro F1"] = report.macro_f1
        figures[f"{scheme} log-loss"] = report.log_loss
    return figures


def galaxy_losses(predictions: Predictions, galaxies: GalaxySet) -> dict[str, NDArray[np.float64]]:
    """Loss of each galaxy, shape (N,), by what is compared; NaN where truth is not known."""
    losses: dict[str, NDArray[np.float64]] = {}
    if predictions.votes is not None and galaxies.has_votes.any():
        errors = predictions.votes.astype(np.float64) - galaxies.votes
        losses["squared error of the votes"] = np.square(errors).mean(axis=1)
    for scheme, labels in galaxies.classes.items():
        if scheme in predictions.classes and labels.known.any():
            values = np.full(len(galaxies), np.nan)
            values[labels.known] = row_log_losses(
                labels.index[labels.known], predictions.classes[scheme][labels.known]
            )
            losses[f"{scheme} log-loss"] = values
    return losses


def _predictions(plan: Plan, output: Path, preset: str, fold: int) -> Predictions:
    path = fold_folder(output, preset, fold) / PREDICTIONS_NAME
    held_out = plan.galaxies.rows(plan.folds[fold - 1].held_out)
    try:
        return aligned(Predictions.load(path), held_out)
    except GalaxyEdgeError as error:
        raise GalaxyEdgeError(f"{error}; remove {path.parent} and start again") from error


def _preset(
    plan: Plan, output: Path, preset: str, predicted: Sequence[Predictions]
) -> PresetResult:
    folds, parameters = [], 0
    for fold, predictions in zip(plan.folds, predicted, strict=True):
        path = fold_folder(output, preset, fold.number) / RESULT_NAME
        figures = figures_of(score(predictions, plan.galaxies.rows(fold.held_out)))
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            parameters = int(content["parameters"])
            folds.append(
                FoldResult(
                    fold.number,
                    int(content["training_galaxies"]),
                    int(content["held_out_galaxies"]),
                    int(content["epochs"]),
                    float(content["training_s"]),
                    figures,
                )
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GalaxyEdgeError(
                f"{path}: cannot be read ({error}); remove {path.parent} and start again"
            ) from error
    return PresetResult(
        preset,
        parameters,
        tuple(folds),
        {
            name: Spread(mean(values), stdev(values))
            for name, values in _values_of_all(folds).items()
        },
    )


def _values_of_all(folds: Sequence[FoldResult]) -> dict[str, list[float]]:
    """Values of each figure that every fold has."""
    shared = [name for name in folds[0].figures if all(name in fold.figures for fold in folds)]
    return {name: [fold.figures[name] for fold in folds] for name in shared}


def _compare(
    plan: Plan,
    first: PresetResult,
    second: PresetResult,
    first_predicted: Sequence[Predictions],
    second_predicted: Sequence[Predictions],
) -> Comparison:
    a, b = _values_of_all(first.folds), _values_of_all(second.folds)
    losses: dict[str, tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]] = {}
    for fold, one, other in zip(plan.folds, first_predicted, second_predicted, strict=True):
        held_out = plan.galaxies.rows(fold.held_out)
        of_one, of_other = galaxy_losses(one, held_out), galaxy_losses(other, held_out)
        for name in of_one.keys() & of_other.keys():
            known = ~np.isnan(of_one[name])
            pair = losses.setdefault(name, ([], []))
            pair[0].append(of_one[name][known])
            pair[1].append(of_other[name][known])
    return Comparison(
        first.preset,
        second.preset,
        {
            name: FoldTests(
                corrected_resampled_t(a[name], b[name]), wilcoxon_signed_rank(a[name], b[name])
            )
            for name in a
            if name in b
        },
        {
            name: wilcoxon_signed_rank(np.concatenate(pair[0]), np.concatenate(pair[1]))
            for name, pair in sorted(losses.items(), reverse=True)
        },
    )
