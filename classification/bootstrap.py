"""Confidence intervals of scores, and tests between two classifiers.

Percentile bootstrap (Efron & Tibshirani 1993, chapter 13) over galaxies. A
resample is held as the number of times each galaxy is drawn, so that every
score is a function of weights and no row is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet
from classification.calibration import BINS, confidence_bins
from classification.predictions import Predictions
from classification.scoring import aligned, scored_schemes

RESAMPLES = 2000
_CONFIDENCE = 0.95
_WEIGHTS_AT_A_TIME = 4_000_000  # of 8 bytes

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Weights of the rows (R, N) to a score for each of the R resamples, (R,); NaN where undefined."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A score and the interval that holds it at 95 %.

    Attributes
    ----------
    value, low, high : float or None
        None where the score is not defined.
    """

    value: float | None
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of a score between two classifiers on the same galaxies.

    Attributes
    ----------
    difference : float or None
        Second minus first; None where a score is not defined.
    low, high : float or None
        Ends of the interval at 95 %.
    p_value : float or None
        Two-sided: twice the share of the resamples on the less likely side of
        zero, and no less than one resample's share.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's test (1947) of two classifiers' accuracy, exact.

    Attributes
    ----------
    only_first, only_second : int
        Galaxies that only this one has right.
    p_value : float
        Two-sided, of a binomial with even odds; 1 where they never differ.
    """

    only_first: int
    only_second: int
    p_value: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def bootstrap_interval(
    statistic: Statistic, n: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """A score with its interval.

    Parameters
    ----------
    statistic : Statistic
    n : int
        Rows, at least 1.
    resamples : int
    seed : int
    """
    value = float(statistic(np.ones((1, n)))[0])
    drawn = np.concatenate([statistic(w) for w in resampled_weights(n, resamples, seed)])
    return Interval(*_value_and_ends(value, drawn))


def bootstrap_difference(
    first: Statistic, second: Statistic, n: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Difference of a score between two classifiers, each resample drawn for both.

    Parameters
    ----------
    first, second : Statistic
        The same score of the same rows.
    n : int
        Rows, at least 1.
    resamples : int
    seed : int
    """
    once = np.ones((1, n))
    difference = float((second(once) - first(once))[0])
    drawn = np.concatenate([second(w) - first(w) for w in resampled_weights(n, resamples, seed)])
    value, low, high = _value_and_ends(difference, drawn)
    drawn = drawn[np.isfinite(drawn)]
    if value is None or not len(drawn):
        return Difference(None, None, None, None)
    p_value = 2.0 * min(float(np.mean(drawn <= 0.0)), float(np.mean(drawn >= 0.0)))
    return Difference(value, low, high, min(1.0, max(p_value, 1.0 / len(drawn))))


def resampled_weights(n: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each of N rows is drawn, in blocks of resamples.

    Yields
    ------
    ndarray, shape (R, N), float64
        Rows adding up to N; the blocks' R add up to ``resamples``.

    Raises
    ------
    ValueError
        There is no row or no resample.
    """
    if n < 1 or resamples < 1:
        raise ValueError(f"need a row and a resample; got {n} and {resamples}")
    rng = np.random.default_rng(seed)
    block = max(1, min(resamples, _WEIGHTS_AT_A_TIME // n))
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        drawn = rng.integers(0, n, (count, n)) + n * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)


def rmse_statistic(truth: NDArray[np.floating], predicted: NDArray[np.floating]) -> Statistic:
    """RMSE over all columns of rows (N, M) without NaN."""
    squared = np.mean(np.square(predicted.astype(np.float64) - truth), axis=1)
    return lambda weights: np.sqrt(weights @ squared / weights.sum(axis=1))


def accuracy_statistic(true: NDArray[np.integer], predicted: NDArray[np.integer]) -> Statistic:
    """Share of the rows (N,) whose class is right."""
    hit = (true == predicted).astype(np.float64)
    return lambda weights: weights @ hit / weights.sum(axis=1)


def class_f1_statistic(
    true: NDArray[np.integer], predicted: NDArray[np.integer], class_index: int
) -> Statistic:
    """F1 of one class; NaN where it is neither drawn nor predicted."""
    present, claimed = true == class_index, predicted == class_index
    hit = (present & claimed).astype(np.float64)
    total = present.astype(np.float64) + claimed

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return _ratio(2.0 * (weights @ hit), weights @ total)

    return statistic


def macro_f1_statistic(
    true: NDArray[np.integer], predicted: NDArray[np.integer], classes: int
) -> Statistic:
    """Mean F1 of the classes that are drawn or predicted."""
    parts = [class_f1_statistic(true, predicted, k) for k in range(classes)]
    return lambda weights: _mean_of_known([part(weights) for part in parts])


def macro_auc_statistic(
    true: NDArray[np.integer], probabilities: NDArray[np.floating]
) -> Statistic:
    """Mean area under the ROC curve of the classes, one against the rest; (N,) and (N, K)."""
    parts = [_auc_statistic(true == k, probabilities[:, k]) for k in range(probabilities.shape[1])]
    return lambda weights: _mean_of_known([part(weights) for part in parts])


def calibration_statistic(
    true: NDArray[np.integer], probabilities: NDArray[np.floating], *, bins: int = BINS
) -> Statistic:
    """Expected calibration error, in bins of equal width."""
    index, confidence, hit = confidence_bins(true, probabilities, bins)
    gaps = np.zeros((len(true), bins))
    gaps[np.arange(len(true)), index] = hit - confidence
    return lambda weights: np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)


@dataclass(frozen=True, slots=True)
class Statistics:
    """The scores of one classifier that get intervals.

    Attributes
    ----------
    votes : mapping of str to Statistic
        ``rmse``, over the galaxies with votes; empty without.
    n_votes : int
    classes : mapping of str to mapping of str to Statistic
        By scheme: ``accuracy``, ``macro_f1``, ``macro_auc``, ``ece``, over the
        galaxies with a class.
    n_classes : mapping of str to int
    """

    votes: Mapping[str, Statistic]
    n_votes: int
    classes: Mapping[str, Mapping[str, Statistic]]
    n_classes: Mapping[str, int]


def statistics(predictions: Predictions, galaxies: GalaxySet, *, bins: int = BINS) -> Statistics:
    """The scores of predictions as functions of the galaxies' weights.

    Raises
    ------
    GalaxyEdgeError
        The two hold other galaxies.
    """
    matched = aligned(predictions, galaxies)
    known = galaxies.has_votes
    votes = {}
    if matched.votes is not None and known.any():
        votes["rmse"] = rmse_statistic(galaxies.votes[known], matched.votes[known])
    classes, counts = {}, {}
    for scheme in scored_schemes(matched, galaxies):
        labels = galaxies.classes[scheme]
        true, said = labels.index[labels.known], matched.classes[scheme][labels.known]
        chosen = said.argmax(axis=1)
        counts[scheme] = len(true)
        classes[scheme] = {
            "accuracy": accuracy_statistic(true, chosen),
            "macro_f1": macro_f1_statistic(true, chosen, said.shape[1]),
            "macro_auc": macro_auc_statistic(true, said),
            "ece": calibration_statistic(true, said, bins=bins),
        }
    return Statistics(votes, int(known.sum()), classes, counts)


def mcnemar(
    true: NDArray[np.integer], first: NDArray[np.integer], second: NDArray[np.integer]
) -> McNemar:
    """Test whether two classifiers are right equally often.

    Parameters
    ----------
    true, first, second : ndarray, shape (N,), integer
        True classes, and those of each classifier.
    """
    from scipy.stats import binomtest

    only_first = int(np.sum((first == true) & (second != true)))
    only_second = int(np.sum((second == true) & (first != true)))
    differing = only_first + only_second
    p_value = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    return McNemar(only_first, only_second, p_value)


def _auc_statistic(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> Statistic:
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    chosen = positive[order].astype(np.float64)

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        sorted_weights = weights[:, order]
        above = np.add.reduceat(sorted_weights * chosen, starts, axis=1)
        below = np.add.reduceat(sorted_weights * (1.0 - chosen), starts, axis=1)
        beaten = np.cumsum(below, axis=1) - below / 2.0
        pairs = above.sum(axis=1) * below.sum(axis=1)
        return _ratio((above * beaten).sum(axis=1), pairs)

    return statistic


def _value_and_ends(
    value: float, drawn: NDArray[np.float64]
) -> tuple[float | None, float | None, float | None]:
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(drawn):
        return None, None, None
    tail = 50.0 * (1.0 - _CONFIDENCE)
    low, high = np.percentile(drawn, [tail, 100.0 - tail])
    return value, float(low), float(high)


def _mean_of_known(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    stacked = np.stack(values)
    known = np.isfinite(stacked)
    return _ratio(np.where(known, stacked, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = np.full(above.shape, np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio
