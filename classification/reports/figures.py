"""The figures of one classifier: scores with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from classification.bootstrap import RESAMPLES, Interval, bootstrap_interval, statistics
from classification.reports.subjects import Subject
from classification.scoring import Scores, VoteScores, score, vote_scores


@dataclass(frozen=True, slots=True)
class RunFigures:
    """Figures of one classifier on one set.

    Attributes
    ----------
    name : str
        Of the run.
    facts : mapping of str to str
    galaxies : str
        Name of the set.
    split : str
    data_hash : str
    scores : Scores
    rmse : Interval or None
    constant : VoteScores or None
        Of always answering the mean votes of these galaxies: what a network
        that sees nothing reaches.
    class_intervals : mapping of str to mapping of str to Interval
        By scheme: ``accuracy``, ``macro_f1``, ``macro_auc``, ``ece``.
    resamples, seed : int
        Of the intervals.
    """

    name: str
    facts: Mapping[str, str]
    galaxies: str
    split: str
    data_hash: str
    scores: Scores
    rmse: Interval | None
    constant: VoteScores | None
    class_intervals: Mapping[str, Mapping[str, Interval]]
    resamples: int
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "facts": dict(self.facts),
            "data": {"name": self.galaxies, "split": self.split, "sha256": self.data_hash},
            "scores": self.scores.as_dict(),
            "constant_rmse": None if self.constant is None else self.constant.rmse,
            "intervals": {
                "confidence": 0.95,
                "resamples": self.resamples,
                "seed": self.seed,
                "rmse": None if self.rmse is None else self.rmse.as_dict(),
                "classes": {
                    scheme: {name: each.as_dict() for name, each in intervals.items()}
                    for scheme, intervals in self.class_intervals.items()
                },
            },
        }


def run_figures(
    subject: Subject, split: str, *, resamples: int = RESAMPLES, seed: int = 0
) -> RunFigures:
    """Score a classifier.

    Raises
    ------
    GalaxyEdgeError
        Its answers are no numbers, or there is nothing to score.
    """
    galaxies = subject.galaxies
    scores = score(subject.predictions, galaxies)
    found = statistics(subject.predictions, galaxies)
    constant = rmse = None
    if scores.votes is not None:
        rmse = bootstrap_interval(
            found.votes["rmse"], found.n_votes, resamples=resamples, seed=seed
        )
        truth = galaxies.votes[galaxies.has_votes]
        constant = vote_scores(truth, np.broadcast_to(truth.mean(axis=0), truth.shape))
    return RunFigures(
        name=subject.run.name,
        facts=subject.run.facts,
        galaxies=galaxies.name,
        split=split,
        data_hash=galaxies.data_hash,
        scores=scores,
        rmse=rmse,
        constant=constant,
        class_intervals={
            scheme: {
                name: bootstrap_interval(
                    each, found.n_classes[scheme], resamples=resamples, seed=seed
                )
                for name, each in held.items()
            }
            for scheme, held in found.classes.items()
        },
        resamples=resamples,
        seed=seed,
    )
