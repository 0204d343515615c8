"""Scores of a classifier's predictions on labelled galaxies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import UNKNOWN_CLASS, GalaxySet
from classification.calibration import BINS, Calibration, brier_score, calibration, log_loss
from classification.metrics import (
    RocCurve,
    average_precision,
    class_scores,
    roc_auc,
    roc_curve,
    vote_rmse,
)
from classification.predictions import Predictions
from edge_runtime.decision_tree import (
    QUESTION_SLICES,
    QUESTIONS,
    VOTE_COLUMNS,
    constraint_violation,
)
from edge_runtime.errors import GalaxyEdgeError

_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class VoteScores:
    """Agreement with the 37 vote fractions.

    Attributes
    ----------
    n : int
        Galaxies whose votes are known.
    rmse : float
        Root of the mean squared error over all votes of these galaxies.
    rmse_by_question : tuple of float, 11 long
    rmse_by_vote : tuple of float, 37 long
    constraint_violation : float
        Largest miss of a sum of the decision tree, over all rows and questions.
    mean_constraint_violation : float
        Mean over rows and questions.
    """

    n: int
    rmse: float
    rmse_by_question: tuple[float, ...]
    rmse_by_vote: tuple[float, ...]
    constraint_violation: float
    mean_constraint_violation: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "n": self.n,
            "rmse": self.rmse,
            "rmse_by_question": {
                str(question.number): value
                for question, value in zip(QUESTIONS, self.rmse_by_question, strict=True)
            },
            "rmse_by_vote": dict(zip(VOTE_COLUMNS, self.rmse_by_vote, strict=True)),
            "constraint_violation": self.constraint_violation,
            "mean_constraint_violation": self.mean_constraint_violation,
        }


@dataclass(frozen=True, slots=True)
class ClassResult:
    """How well one class is told from the rest.

    Attributes
    ----------
    name : str
    n : int
        Rows of this class.
    precision, recall, f1 : float
        0 where they have no denominator.
    auc, average_precision : float or None
        Of its probability, one against the rest; None where all rows are of
        this class, or none is.
    roc : RocCurve or None
    """

    name: str
    n: int
    precision: float
    recall: float
    f1: float
    auc: float | None
    average_precision: float | None
    roc: RocCurve | None = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """For JSON, without the curve."""
        return {
            "n": self.n,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "auc": self.auc,
            "average_precision": self.average_precision,
        }


@dataclass(frozen=True, slots=True)
class ClassReport:
    """Agreement with the classes of one scheme.

    Attributes
    ----------
    n : int
        Rows whose class is known.
    accuracy, macro_f1, balanced_accuracy : float
        As in ``metrics.ClassScores``.
    macro_auc : float or None
        Mean of the classes that have one.
    log_loss, brier : float
        See ``calibration``.
    calibration : Calibration
    classes : tuple of ClassResult
    confusion : ndarray, shape (K, K), int64
        Rows are true classes, columns predicted ones.
    """

    n: int
    accuracy: float
    macro_f1: float
    balanced_accuracy: float
    macro_auc: float | None
    log_loss: float
    brier: float
    calibration: Calibration
    classes: tuple[ClassResult, ...]
    confusion: NDArray[np.int64]

    @property
    def names(self) -> tuple[str, ...]:
        """Classes in the order of ``confusion``."""
        return tuple(result.name for result in self.classes)

    @property
    def ece(self) -> float:
        """Expected calibration error."""
        return self.calibration.expected_error

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "n": self.n,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "balanced_accuracy": self.balanced_accuracy,
            "macro_auc": self.macro_auc,
            "log_loss": self.log_loss,
            "brier": self.brier,
            "calibration": self.calibration.as_dict(),
            "per_class": {result.name: result.as_dict() for result in self.classes},
            "confusion": self.confusion.tolist(),
        }


@dataclass(frozen=True, slots=True)
class Scores:
    """Everything predictions can be scored on with the labels of a set.

    Attributes
    ----------
    n : int
        Galaxies.
    votes : VoteScores or None
        None where there are no predicted or no true votes.
    classes : mapping of str to ClassReport
        By scheme; those both sides have.
    """

    n: int
    votes: VoteScores | None
    classes: Mapping[str, ClassReport]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "n": self.n,
            "votes": None if self.votes is None else self.votes.as_dict(),
            "classes": {scheme: report.as_dict() for scheme, report in self.classes.items()},
        }


def vote_scores(truth: NDArray[np.floating], predicted: NDArray[np.floating]) -> VoteScores:
    """Score vote fractions.

    Parameters
    ----------
    truth, predicted : ndarray, shape (N, 37)
        Cumulative vote fractions. Rows whose truth holds NaN count for the
        constraints only.

    Raises
    ------
    ValueError
        The shapes are wrong, a prediction is not finite, or no truth is known.
    """
    if truth.shape != predicted.shape or truth.shape[1:] != (len(VOTE_COLUMNS),):
        raise ValueError(f"need two of shape (N, 37); got {truth.shape}, {predicted.shape}")
    _check_finite(predicted)
    known = ~np.isnan(truth).any(axis=1)
    if not known.any():
        raise ValueError("no row has known votes")
    true, said = truth[known].astype(np.float64), predicted[known].astype(np.float64)
    violation = constraint_violation(predicted)
    return VoteScores(
        n=int(known.sum()),
        rmse=vote_rmse(true, said),
        rmse_by_question=tuple(vote_rmse(true[:, s], said[:, s]) for s in QUESTION_SLICES),
        rmse_by_vote=tuple(vote_rmse(true[:, [i]], said[:, [i]]) for i in range(truth.shape[1])),
        constraint_violation=float(violation.max()),
        mean_constraint_violation=float(violation.mean()),
    )


def class_report(
    truth_index: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    names: Sequence[str],
    *,
    bins: int = BINS,
) -> ClassReport:
    """Score class probabilities; the predicted class is the most likely one.

    Parameters
    ----------
    truth_index : ndarray, shape (N,), integer
        Into ``names``; rows of ``UNKNOWN_CLASS`` are left out.
    probabilities : ndarray, shape (N, K)
        Adding up to 1.
    names : sequence of str, K long
    bins : int
        Of the calibration.

    Raises
    ------
    ValueError
        The shapes are wrong, the probabilities are none, or no class is known.
    """
    if probabilities.shape != (len(truth_index), len(names)):
        raise ValueError(
            f"need probabilities of shape ({len(truth_index)}, {len(names)}); "
            f"got {probabilities.shape}"
        )
    _check_probabilities(probabilities)
    known = truth_index != UNKNOWN_CLASS
    if not known.any():
        raise ValueError("no row has a known class")
    true, said = truth_index[known], probabilities[known].astype(np.float64)
    scores = class_scores(true, said.argmax(axis=1), len(names))
    results = []
    for k, name in enumerate(names):
        told = _separation(true == k, said[:, k])
        results.append(
            ClassResult(
                name, scores.support[k], scores.precision[k], scores.recall[k], scores.f1[k], *told
            )
        )
    areas = [result.auc for result in results if result.auc is not None]
    return ClassReport(
        n=scores.n,
        accuracy=scores.accuracy,
        macro_f1=scores.macro_f1,
        balanced_accuracy=scores.balanced_accuracy,
        macro_auc=float(np.mean(areas)) if areas else None,
        log_loss=log_loss(true, said),
        brier=brier_score(true, said),
        calibration=calibration(true, said, bins=bins),
        classes=tuple(results),
        confusion=scores.confusion,
    )


def score(predictions: Predictions, galaxies: GalaxySet, *, bins: int = BINS) -> Scores:
    """Score predictions of galaxies, matched by their ids.

    Parameters
    ----------
    predictions : Predictions
    galaxies : GalaxySet
        The same galaxies in any order.
    bins : int
        Of the calibration.

    Raises
    ------
    GalaxyEdgeError
        The two hold other galaxies, a prediction is no number or no
        probability, a scheme has another number of classes, or there is
        nothing that both sides have.
    """
    matched = aligned(predictions, galaxies)
    votes = None
    if matched.votes is not None and galaxies.has_votes.any():
        try:
            votes = vote_scores(galaxies.votes, matched.votes)
        except ValueError as error:
            raise GalaxyEdgeError(f"{galaxies.name}: predicted votes: {error}") from error
    reports = {}
    for scheme in scored_schemes(matched, galaxies):
        labels = galaxies.classes[scheme]
        try:
            reports[scheme] = class_report(
                labels.index, matched.classes[scheme], labels.names, bins=bins
            )
        except ValueError as error:
            raise GalaxyEdgeError(f"{galaxies.name}: predicted {scheme}: {error}") from error
    if votes is None and not reports:
        raise GalaxyEdgeError(
            f"{galaxies.name}: nothing to score. Predicted: "
            f"{_listed(predictions.votes is not None, predictions.classes)}; labels: "
            f"{_listed(bool(galaxies.has_votes.any()), galaxies.classes)}"
        )
    return Scores(len(galaxies), votes, reports)


def scored_schemes(predictions: Predictions, galaxies: GalaxySet) -> tuple[str, ...]:
    """Class schemes that are predicted and known for at least one galaxy."""
    return tuple(
        scheme
        for scheme, labels in galaxies.classes.items()
        if scheme in predictions.classes and labels.known.any()
    )


def aligned(predictions: Predictions, galaxies: GalaxySet) -> Predictions:
    """Predictions in the order of the galaxies.

    Raises
    ------
    GalaxyEdgeError
        The two hold other galaxies, or an id is there twice and the order differs.
    """
    if predictions.ids == galaxies.ids:
        return predictions
    place = {identity: row for row, identity in enumerate(predictions.ids)}
    missing = [identity for identity in galaxies.ids if identity not in place]
    extra = set(predictions.ids).difference(galaxies.ids)
    if missing or extra:
        parts = [f"{len(missing)} without a prediction (first {missing[0]})"] if missing else []
        parts += [f"{len(extra)} predicted but not in the set (one is {min(extra)})"] * bool(extra)
        raise GalaxyEdgeError(
            f"{galaxies.name}: {len(galaxies)} galaxies and {len(predictions)} predictions do not "
            f"match: {'; '.join(parts)}. Predict, or choose, the same rows that are scored"
        )
    if len(place) != len(predictions) or len(predictions) != len(galaxies):
        raise GalaxyEdgeError(
            f"{galaxies.name}: some ids are there twice, so predictions in another order cannot "
            "be matched; predict the rows in the order of the set"
        )
    order = np.array([place[identity] for identity in galaxies.ids], dtype=np.int64)
    return Predictions(
        ids=galaxies.ids,
        votes=None if predictions.votes is None else predictions.votes[order],
        classes={scheme: values[order] for scheme, values in predictions.classes.items()},
    )


def restricted(predictions: Predictions, ids: Collection[str]) -> Predictions:
    """The predictions of some galaxies, in the order of the predictions."""
    wanted = set(ids)
    rows = np.array([i for i, each in enumerate(predictions.ids) if each in wanted], np.int64)
    return Predictions(
        ids=tuple(predictions.ids[i] for i in rows),
        votes=None if predictions.votes is None else predictions.votes[rows],
        classes={scheme: values[rows] for scheme, values in predictions.classes.items()},
    )


def _separation(
    positive: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[float | None, float | None, RocCurve | None]:
    if not positive.any() or positive.all():
        return None, None, None
    return (
        roc_auc(scores[positive], scores[~positive]),
        average_precision(positive, scores),
        roc_curve(positive, scores),
    )


def _check_finite(values: NDArray[np.floating]) -> None:
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise ValueError(f"{len(bad)} rows hold NaN or infinity (first: row {bad[0]})")


def _check_probabilities(values: NDArray[np.floating]) -> None:
    _check_finite(values)
    sums = values.sum(axis=1, dtype=np.float64)
    bad = np.flatnonzero((np.abs(sums - 1.0) > _SUM_TOLERANCE) | (values < 0.0).any(axis=1))
    if len(bad):
        raise ValueError(
            f"{len(bad)} rows are no probabilities (first: row {bad[0]} with sum {sums[bad[0]]:g})"
        )


def _listed(votes: bool, schemes: Mapping[str, object]) -> str:
    return ", ".join([*(["votes"] if votes else []), *schemes]) or "nothing"
