"""What the numbers say about a network and its explanations, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import UNKNOWN_CLASS, GalaxySet
from classification.bootstrap import Difference, Interval
from classification.explain.explained_set import ExplainedSet
from classification.explain.faithfulness.intervals import mean_interval
from classification.explain.faithfulness.randomisation import RandomisationCheck
from classification.explain.faithfulness.scores import RANDOM, REFERENCES, ScoreTable, score_table
from classification.explain.subjects import ClassAnswers, ExplainedSubject, class_answers

INSIDE_GOAL = 0.8
"""Part of the positive attribution that should lie on the galaxy."""

COMPLETENESS_GOAL = 0.01
LEAST_OWN = 0.1
"""Answers that other galaxies get as well, but for so much, are not about the galaxy."""

LEAST_GAIN = 0.05
"""Insertion less deletion above that of a random map; less is next to nothing."""

GOOD, BAD, OPEN = "good", "bad", "open"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tested.

    Attributes
    ----------
    key, text : str
    state : str
        ``good``, ``bad``, or ``open`` where it could not be told.
    """

    key: str
    text: str
    state: str


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
            _accuracy(accuracy, commonest),
            _own(own),
            _faithfulness(table),
            _inside(right_table),
            _randomisation(checks, explained, subject),
            *_completeness(table),
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


def best_placed(table: ScoreTable) -> str | None:
    """The method with the most positive attribution on the galaxy."""
    return table.best("inside")


def _accuracy(accuracy: Interval, commonest: float | None) -> Finding:
    if accuracy.value is None or accuracy.low is None or commonest is None:
        return Finding("accuracy", "No class of these galaxies is known in its scheme.", OPEN)
    said = f"It names the class of {_percent(accuracy)} of the galaxies"
    if accuracy.low <= commonest:
        return Finding(
            "accuracy",
            f"{said}: no better than always naming the commonest class ({commonest:.0%}).",
            BAD,
        )
    return Finding(
        "accuracy", f"{said}; always naming the commonest class would give {commonest:.0%}.", GOOD
    )


def _own(own: Interval) -> Finding:
    if own.value is None or own.low is None:
        return Finding("own", "There is no other galaxy to compare answers with.", OPEN)
    said = f"A galaxy gets its answer by {_interval(own)} more than the other galaxies do"
    if own.low < LEAST_OWN:
        return Finding("own", f"{said}: the answers hardly depend on the picture.", BAD)
    return Finding("own", f"{said}: the answers depend on the picture.", GOOD)


def _faithfulness(table: ScoreTable) -> Finding:
    method = table.best("gain")
    if method is None:
        return Finding("faithfulness", "No map could be scored.", OPEN)
    above: Difference = table.above_random[method]
    if above.difference is None or above.low is None:
        return Finding("faithfulness", "No map could be compared with a random one.", OPEN)
    random = table.means[RANDOM]["gain"].value or 0.0
    said = (
        f"Insertion less deletion is {_interval(table.means[method]['gain'])} for its most "
        f"faithful maps ({method}) and {random:+.3f} for a random map"
    )
    if above.low < LEAST_GAIN:
        return Finding(
            "faithfulness", f"{said}: no method finds pixels that the answer rests on.", BAD
        )
    return Finding("faithfulness", f"{said}: the maps show pixels that the answer rests on.", GOOD)


def _inside(table: ScoreTable | None) -> Finding:
    method = None if table is None else best_placed(table)
    if table is None or method is None:
        return Finding("inside", "No galaxy is classified correctly.", OPEN)
    inside = table.means[method]["inside"]
    good = (inside.value or 0.0) >= INSIDE_GOAL
    return Finding(
        "inside",
        f"Of the positive attribution of {method}, {_percent(inside)} lies inside the isophote "
        f"of correctly classified galaxies; {INSIDE_GOAL:.0%} is the goal.",
        GOOD if good else BAD,
    )


def _randomisation(
    checks: Mapping[str, RandomisationCheck], explained: ExplainedSet, subject: ExplainedSubject
) -> Finding:
    if not checks:
        if subject.has_gradient:
            text = "The check with redrawn weights was not asked for."
        elif explained.checks:
            held = ", ".join(explained.checks)
            text = (
                "A TFLite file has no weights that could be redrawn; the check ran on "
                f"{held} with the same methods."
            )
        else:
            text = (
                "A TFLite file has no weights that could be redrawn; name the .keras file it "
                "was exported from with --compare, and the check runs on it."
            )
        return Finding("randomisation", text, OPEN)
    margin = next(iter(checks.values())).margin
    passing = [name for name, check in checks.items() if check.passes]
    failing = [f"{name} ({c.reason})" for name, c in checks.items() if not c.passes]
    said = f"Mean rank correlation with the maps of redrawn weights below {margin:g}: "
    if not passing:
        return Finding("randomisation", f"{said}no method. {'; '.join(failing)}.", BAD)
    rest = f" Not passed by {'; '.join(failing)}." if failing else ""
    return Finding("randomisation", f"{said}passed by {', '.join(passing)}.{rest}", GOOD)


def _completeness(table: ScoreTable) -> list[Finding]:
    found = []
    for name, means in table.means.items():
        error = means["completeness_error"]
        if name in REFERENCES or error.value is None:
            continue
        good = error.value <= COMPLETENESS_GOAL
        found.append(
            Finding(
                f"completeness {name}",
                f"The sums of {name} are off by {error.value:.2%} on average; "
                f"{COMPLETENESS_GOAL:.0%} is the goal.",
                GOOD if good else BAD,
            )
        )
    return found


def _percent(found: Interval) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def _interval(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
