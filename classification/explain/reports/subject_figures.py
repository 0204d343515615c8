"""All numbers about one network on a set of galaxies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import UNKNOWN_CLASS, GalaxySet
from classification.bootstrap import Interval
from classification.explain.explained_set import ExplainedSet
from classification.explain.faithfulness.intervals import mean_interval
from classification.explain.faithfulness.randomisation import RandomisationCheck
from classification.explain.faithfulness.scores import ScoreTable, score_table
from classification.explain.reports.findings import (
    BAD,
    Finding,
    accuracy_finding,
    completeness_findings,
    faithfulness_finding,
    inside_finding,
    own_finding,
    randomisation_finding,
)
from classification.explain.subjects import ClassAnswers, ExplainedSubject, class_answers


@dataclass(frozen=True, slots=True)
class SubjectFigures:
    """All numbers about one network.

    Attributes
    ----------
    name, kind : str
    classes : ClassAnswers or None
    truth : ndarray, shape (N,), int64
        Known class of each galaxy; ``UNKNOWN_CLASS`` where not.
    right : ndarray, shape (N,), bool
        Galaxies whose class is known and predicted.
    accuracy : Interval
    commonest : float or None
        Accuracy of always answering the commonest class.
    own : Interval
        How much higher the answer explained is for a galaxy than for the others.
    table : ScoreTable
        Over all galaxies.
    right_table : ScoreTable or None
        Over the galaxies that are right; None where none is.
    checks : mapping of str to RandomisationCheck
        By method; empty where there was no check of this network.
    findings : tuple of Finding
    """

    name: str
    kind: str
    classes: ClassAnswers | None
    truth: NDArray[np.int64]
    right: NDArray[np.bool_]
    accuracy: Interval
    commonest: float | None
    own: Interval
    table: ScoreTable
    right_table: ScoreTable | None
    checks: Mapping[str, RandomisationCheck]
    findings: tuple[Finding, ...]

    @property
    def exposed(self) -> bool:
        """Whether the network itself, not a method, fails a test."""
        return any(
            finding.state == BAD and finding.key in ("accuracy", "own", "faithfulness")
            for finding in self.findings
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""

        def means(table: ScoreTable) -> dict[str, Any]:
            return {
                name: {key: each.as_dict() for key, each in scores.items()}
                for name, scores in table.means.items()
            }

        return {
            "name": self.name,
            "kind": self.kind,
            "galaxies": self.table.n,
            "accuracy": self.accuracy.as_dict(),
            "commonest_class_accuracy": self.commonest,
            "answer_above_other_galaxies": self.own.as_dict(),
            "scores": means(self.table),
            "gain_above_random": {
                name: each.as_dict() for name, each in self.table.above_random.items()
            },
            "right": None if self.right_table is None else means(self.right_table),
            "galaxies_right": int(self.right.sum()),
            "randomisation": {
                name: {
                    "passes": check.passes,
                    "reason": check.reason,
                    "margin": check.margin,
                    "itself": check.itself.as_dict(),
                    "stages": [
                        {
                            "layers": layers,
                            "correlation": correlation.as_dict(),
                            "structure": structure.as_dict(),
                            "known": known,
                        }
                        for layers, correlation, structure, known in zip(
                            check.stages,
                            check.correlation,
                            check.structure,
                            check.known,
                            strict=True,
                        )
                    ],
                }
                for name, check in self.checks.items()
            },
            "findings": {
                finding.key: {"state": finding.state, "text": finding.text}
                for finding in self.findings
            },
            "exposed": self.exposed,
        }


def subject_figures(explained: ExplainedSet, subject: ExplainedSubject) -> SubjectFigures:
    """The numbers about one network, and what they say."""
    name = subject.name
    classes = class_answers(subject.network, explained.answers[name])
    truth = known_classes(explained.galaxies, classes)
    known = truth != UNKNOWN_CLASS
    right = np.zeros(len(truth), bool)
    accuracy, commonest = Interval(None, None, None), None
    if classes is not None and known.any():
        right = known & (classes.probabilities.argmax(axis=1) == truth)
        accuracy = mean_interval(np.where(known, right.astype(np.float64), np.nan))
        commonest = float(np.bincount(truth[known]).max() / known.sum())
    own = mean_interval(above_others(explained.answers[name], explained.targets[name]))
    rows = explained.scores[name]
    table = score_table(rows)
    right_table = score_table([rows[i] for i in np.flatnonzero(right)]) if right.any() else None
    checks = explained.checks.get(name, {})
    return SubjectFigures(
        name=name,
        kind=subject.kind,
        classes=classes,
        truth=truth,
        right=right,
        accuracy=accuracy,
        commonest=commonest,
        own=own,
        table=table,
        right_table=right_table,
        checks=checks,
        findings=(
            accuracy_finding(accuracy, commonest),
            own_finding(own),
            faithfulness_finding(table),
            inside_finding(right_table),
            randomisation_finding(checks, subject.has_gradient, list(explained.checks)),
            *completeness_findings(table),
        ),
    )


def known_classes(galaxies: GalaxySet, classes: ClassAnswers | None) -> NDArray[np.int64]:
    """Known class of each galaxy in the scheme of the answers, shape (N,)."""
    unknown = np.full(len(galaxies), UNKNOWN_CLASS, np.int64)
    if classes is None or classes.scheme not in galaxies.classes:
        return unknown
    labels = galaxies.classes[classes.scheme]
    return labels.index if labels.names == classes.names else unknown


def above_others(
    answers: NDArray[np.floating], targets: NDArray[np.integer]
) -> NDArray[np.float64]:
    """How much higher each galaxy's answer is than the mean of the others' same answer.

    Near 0 for a network that says much the same of every picture. Pictures without
    their galaxy would ask the same, but no network was trained on such pictures.

    Parameters
    ----------
    answers : ndarray, shape (N, K)
    targets : ndarray, shape (N,)
        Column of each galaxy's answer.

    Returns
    -------
    ndarray, shape (N,), float64
        NaN where there is no other galaxy.
    """
    count = len(answers)
    if count < 2:
        return np.full(count, np.nan)
    own = answers[np.arange(count), targets].astype(np.float64)
    others = (answers.sum(axis=0, dtype=np.float64)[targets] - own) / (count - 1)
    return own - others
