"""What the numbers say about a network and its explanations, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from classification.bootstrap import Difference, Interval
from classification.explain.faithfulness.randomisation import RandomisationCheck
from classification.explain.faithfulness.scores import RANDOM, REFERENCES, ScoreTable

INSIDE_GOAL = 0.8
"""Part of the positive attribution that should lie on the galaxy."""

COMPLETENESS_GOAL = 0.01
LEAST_OWN = 0.1
"""Answers that other galaxies get as well, but for so much, are not about the galaxy."""

LEAST_GAIN = 0.1
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


def best_placed(table: ScoreTable) -> str | None:
    """The method with the most positive attribution on the galaxy."""
    return table.best("inside")


def accuracy_finding(accuracy: Interval, commonest: float | None) -> Finding:
    """Whether the network knows more than which class is common."""
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


def own_finding(own: Interval) -> Finding:
    """Whether answers depend on the picture."""
    if own.value is None or own.low is None:
        return Finding("own", "There is no other galaxy to compare answers with.", OPEN)
    said = f"A galaxy gets its answer by {_interval(own)} more than the other galaxies do"
    if own.low < LEAST_OWN:
        return Finding("own", f"{said}: the answers hardly depend on the picture.", BAD)
    return Finding("own", f"{said}: the answers depend on the picture.", GOOD)


def faithfulness_finding(table: ScoreTable) -> Finding:
    """Whether any method finds the pixels that answers rest on."""
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


def inside_finding(table: ScoreTable | None) -> Finding:
    """Whether enough of the positive attribution lies on the galaxy."""
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


def randomisation_finding(
    checks: Mapping[str, RandomisationCheck], has_gradient: bool, others: Sequence[str]
) -> Finding:
    """Whether any method's maps depend on the weights.

    Parameters
    ----------
    checks : mapping of str to RandomisationCheck
        Of this network, by method; empty where there was none.
    has_gradient : bool
        Whether its weights could be redrawn.
    others : sequence of str
        Networks beside it that were checked.
    """
    if not checks:
        if has_gradient:
            text = "The check with redrawn weights was not asked for."
        elif others:
            text = (
                "A TFLite file has no weights that could be redrawn; the check ran on "
                f"{', '.join(others)} with the same methods."
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


def completeness_findings(table: ScoreTable) -> list[Finding]:
    """Whether maps that promise a sum have it."""
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
