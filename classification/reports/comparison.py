"""Several classifiers on the same galaxies: figures, intervals, paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import ELLIPTICAL, GalaxySet
from classification.bootstrap import (
    RESAMPLES,
    Difference,
    Interval,
    McNemar,
    Statistic,
    bootstrap_difference,
    bootstrap_interval,
    class_f1_statistic,
    mcnemar,
    statistics,
)
from classification.predictions import Predictions
from classification.reports.subjects import VOTES, Subject, with_elliptical
from classification.scoring import (
    ClassReport,
    VoteScores,
    aligned,
    class_report,
    restricted,
    vote_scores,
)
from edge_runtime.errors import GalaxyEdgeError

LOWER_IS_BETTER = ("rmse", "ece")


@dataclass(frozen=True, slots=True)
class Entry:
    """One classifier in a comparison of one kind of answer.

    Attributes
    ----------
    name : str
    place : int
        Among all classifiers, from 0; gives it the same colour in every chart.
    scores : VoteScores or ClassReport
    intervals : mapping of str to Interval
        By metric.
    differences : mapping of str to Difference
        Against the first classifier; empty for itself.
    mcnemar : McNemar or None
        Against the first classifier, of the classes.
    class_f1 : mapping of str to Interval
        Of each class; empty for votes.
    """

    name: str
    place: int
    scores: VoteScores | ClassReport
    intervals: Mapping[str, Interval]
    differences: Mapping[str, Difference]
    mcnemar: McNemar | None
    class_f1: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Classifiers compared by one kind of answer.

    Attributes
    ----------
    kind : str
        ``votes``, or a class scheme.
    galaxies : GalaxySet
        Those that have the label and that all of the classifiers answer.
    entries : tuple of Entry
        The classifiers that give this kind of answer, in their order.
    answers : tuple of ndarray, shape (N, M), float32
        Of each entry: votes or probabilities.
    """

    kind: str
    galaxies: GalaxySet
    entries: tuple[Entry, ...]
    answers: tuple[NDArray[np.float32], ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the figures that have intervals."""
        return tuple(self.entries[0].intervals)

    def best(self, metric: str) -> str | None:
        """Name of the classifier with the best value, None where none is defined."""
        values = {
            entry.name: value
            for entry in self.entries
            if (value := entry.intervals[metric].value) is not None
        }
        if not values:
            return None
        choose = min if metric in LOWER_IS_BETTER else max
        return choose(values, key=lambda name: values[name])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": self.kind,
            "n": len(self.galaxies),
            "best": {metric: self.best(metric) for metric in self.metrics},
            "against": self.entries[0].name,
            "classifiers": [
                {
                    "name": entry.name,
                    "scores": entry.scores.as_dict(),
                    "intervals": {k: v.as_dict() for k, v in entry.intervals.items()},
                    "differences": {k: v.as_dict() for k, v in entry.differences.items()},
                    "mcnemar": None if entry.mcnemar is None else entry.mcnemar.as_dict(),
                    "class_f1": {k: v.as_dict() for k, v in entry.class_f1.items()},
                }
                for entry in self.entries
            ],
        }


def compare(
    subjects: Sequence[Subject], *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Comparison]:
    """Compare classifiers by every kind of answer that at least one of them gives.

    Parameters
    ----------
    subjects : sequence of Subject
        Of the same set; the others are tested against the first that gives an
        answer of a kind. ``elliptical`` is derived from five classes for those
        that do not give it, if another one does.
    resamples, seed : int
        Of the intervals and differences.

    Raises
    ------
    GalaxyEdgeError
        Two have the same name, or their galaxies have nothing in common.
    """
    names = [subject.run.name for subject in subjects]
    if len(set(names)) < len(names):
        raise GalaxyEdgeError(f"classifiers need different names, not {', '.join(names)}")
    if any(ELLIPTICAL in subject.predictions.classes for subject in subjects):
        subjects = [with_elliptical(subject) for subject in subjects]
    return [
        _compare(kind, [s for s in subjects if kind in _kinds(s)], names, resamples, seed)
        for kind in dict.fromkeys(kind for subject in subjects for kind in _kinds(subject))
    ]


def unique_names(subjects: Sequence[Subject], places: Sequence[str]) -> list[str]:
    """Names of the subjects; where two are the same, their places instead."""
    names = [subject.run.name for subject in subjects]
    if len(set(names)) == len(names):
        return names
    if len(set(places)) == len(places):
        return list(places)
    raise GalaxyEdgeError(f"the same classifier is named twice: {', '.join(places)}")


def disagreement(comparison: Comparison) -> NDArray[np.float64]:
    """How far the answers about each galaxy are apart, shape (N,).

    Standard deviation over the classifiers, root mean square over the votes or
    the classes.
    """
    spread = np.std(np.stack(comparison.answers).astype(np.float64), axis=0)
    return np.asarray(np.sqrt(np.mean(np.square(spread), axis=1)))


def _kinds(subject: Subject) -> list[str]:
    """What the subject answers and its galaxies have, votes first."""
    said, galaxies = subject.predictions, subject.galaxies
    kinds = [VOTES] if said.votes is not None and galaxies.has_votes.any() else []
    return kinds + [
        scheme
        for scheme, labels in galaxies.classes.items()
        if scheme in said.classes and labels.known.any()
    ]


def _compare(
    kind: str, subjects: list[Subject], names: list[str], resamples: int, seed: int
) -> Comparison:
    galaxies = _common(kind, subjects)
    said = [aligned(restricted(s.predictions, galaxies.ids), galaxies) for s in subjects]
    held = [_statistics(kind, each, galaxies) for each in said]
    chosen = [] if kind == VOTES else [each.classes[kind].argmax(axis=1) for each in said]
    entries = []
    for number, (subject, predictions) in enumerate(zip(subjects, said, strict=True)):
        options = {"resamples": resamples, "seed": seed}
        entries.append(
            Entry(
                name=subject.run.name,
                place=names.index(subject.run.name),
                scores=_scores(kind, predictions, galaxies),
                intervals={
                    metric: bootstrap_interval(each, len(galaxies), **options)
                    for metric, each in held[number].items()
                },
                differences={
                    metric: bootstrap_difference(held[0][metric], each, len(galaxies), **options)
                    for metric, each in held[number].items()
                    if number
                },
                mcnemar=mcnemar(galaxies.classes[kind].index, chosen[0], chosen[number])
                if number and chosen
                else None,
                class_f1={
                    name: bootstrap_interval(
                        class_f1_statistic(galaxies.classes[kind].index, chosen[number], k),
                        len(galaxies),
                        **options,
                    )
                    for k, name in enumerate(galaxies.classes[kind].names)
                }
                if chosen
                else {},
            )
        )
    return Comparison(kind, galaxies, tuple(entries), tuple(_answers(kind, s) for s in said))


def _common(kind: str, subjects: list[Subject]) -> GalaxySet:
    """Galaxies with a label of this kind that all subjects answer."""
    first = subjects[0].galaxies
    known = first.has_votes if kind == VOTES else first.classes[kind].known
    everywhere = set.intersection(*(set(subject.galaxies.ids) for subject in subjects))
    keep = known & np.array([identity in everywhere for identity in first.ids])
    if not keep.any():
        raise GalaxyEdgeError(
            f"{first.name}: no galaxy with known {kind} is answered by all of "
            f"{', '.join(subject.run.name for subject in subjects)}"
        )
    return first.rows(keep)


def _statistics(
    kind: str, predictions: Predictions, galaxies: GalaxySet
) -> Mapping[str, Statistic]:
    found = statistics(predictions, galaxies)
    return found.votes if kind == VOTES else found.classes[kind]


def _scores(kind: str, predictions: Predictions, galaxies: GalaxySet) -> VoteScores | ClassReport:
    answers = _answers(kind, predictions)
    try:
        if kind == VOTES:
            return vote_scores(galaxies.votes, answers)
        labels = galaxies.classes[kind]
        return class_report(labels.index, answers, labels.names)
    except ValueError as error:
        raise GalaxyEdgeError(f"{galaxies.name}: predicted {kind}: {error}") from error


def _answers(kind: str, predictions: Predictions) -> NDArray[np.float32]:
    if kind != VOTES:
        return predictions.classes[kind]
    assert predictions.votes is not None
    return predictions.votes
