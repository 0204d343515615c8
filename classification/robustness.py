"""What a classifier loses when a telescope shows galaxies worse than the survey did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from annotations.galaxies.dataset import CLASS5, GalaxySet
from classification.edge_classifiers import GalaxyClassifier
from classification.scoring import score
from classification.telescope_faults import FAULTS, with_fault
from edge_runtime.errors import GalaxyEdgeError

NO_FAULT = "none"


@dataclass(frozen=True, slots=True)
class FaultScores:
    """Scores under one fault.

    Attributes
    ----------
    fault, summary : str
    accuracy, macro_f1 : float or None
        Of the five classes; None from a classifier without them.
    rmse : float or None
        Of the 37 votes; None from a classifier without them.
    accuracy_loss, macro_f1_loss, rmse_rise : float or None
        Against no fault; positive is worse.
    """

    fault: str
    summary: str
    accuracy: float | None
    macro_f1: float | None
    rmse: float | None
    accuracy_loss: float | None = None
    macro_f1_loss: float | None = None
    rmse_rise: float | None = None


@dataclass(frozen=True, slots=True)
class Robustness:
    """Scores of one classifier under all faults.

    Attributes
    ----------
    name : str
        Of the classifier.
    n_class, n_votes : int
        Galaxies with one of the five classes, and with votes.
    rows : tuple of FaultScores
        The first is without a fault.
    """

    name: str
    n_class: int
    n_votes: int
    rows: tuple[FaultScores, ...]

    @property
    def worst_accuracy_loss(self) -> float | None:
        """Largest loss of accuracy under any fault."""
        losses = [row.accuracy_loss for row in self.rows[1:] if row.accuracy_loss is not None]
        return max(losses, default=None)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "worst_accuracy_loss": self.worst_accuracy_loss}

    def markdown(self) -> str:
        """Table, one row a fault."""
        scored = f"{self.n_class} galaxies with one of five classes, {self.n_votes} with 37 votes"
        lines = [
            f"{self.name}: {scored}.",
            "",
            "| fault | accuracy | loss | macro F1 | loss | RMSE | rise | what |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for row in self.rows:
            cells = (
                _number(row.accuracy),
                _number(row.accuracy_loss, sign=True),
                _number(row.macro_f1),
                _number(row.macro_f1_loss, sign=True),
                _number(row.rmse, digits=4),
                _number(row.rmse_rise, digits=4, sign=True),
            )
            lines.append(f"| {row.fault} | {' | '.join(cells)} | {row.summary} |")
        return "\n".join(lines) + "\n"


def measure_robustness(
    classifier: GalaxyClassifier,
    galaxies: GalaxySet,
    *,
    name: str,
    faults: Sequence[str] = tuple(FAULTS),
    progress: Callable[[int, int], None] | None = None,
) -> Robustness:
    """Score a classifier under each fault.

    Parameters
    ----------
    classifier : GalaxyClassifier
        Of a bundle, a ``TrainedNetwork``, or a network of the edge.
    galaxies : GalaxySet
        Those with one of the five classes, or with votes, are scored.
    name : str
        Of the classifier, for the table.
    faults : sequence of str
        Of ``FAULTS``; ``none`` is always the first.
    progress : callable, optional
        Called with the faults done and all of them.

    Raises
    ------
    GalaxyEdgeError
        No galaxy has labels, or the classifier gives neither votes nor the
        five classes.
    """
    labelled = galaxies.labels(CLASS5).known | galaxies.has_votes
    if not labelled.any():
        raise GalaxyEdgeError(f"{galaxies.name}: no galaxy has one of the five classes, or votes")
    galaxies = galaxies.rows(np.asarray(labelled))
    order = [NO_FAULT, *(fault for fault in faults if fault != NO_FAULT)]
    rows: list[FaultScores] = []
    for done, fault in enumerate(order):
        if progress is not None:
            progress(done, len(order))
        rows.append(_scores(classifier, galaxies, fault, rows[0] if rows else None))
    if progress is not None:
        progress(len(order), len(order))
    return Robustness(
        name=name,
        n_class=int(galaxies.labels(CLASS5).known.sum()),
        n_votes=int(galaxies.has_votes.sum()),
        rows=tuple(rows),
    )


def _scores(
    classifier: GalaxyClassifier, galaxies: GalaxySet, fault: str, clean: FaultScores | None
) -> FaultScores:
    faulty = with_fault(galaxies, fault)
    scores = score(classifier.predict(faulty), faulty)
    report = scores.classes.get(CLASS5)
    if report is None and scores.votes is None:
        raise GalaxyEdgeError("the classifier gives neither votes nor the five classes")
    accuracy = None if report is None else report.accuracy
    macro_f1 = None if report is None else report.macro_f1
    rmse = None if scores.votes is None else scores.votes.rmse
    return FaultScores(
        fault=fault,
        summary=FAULTS[fault].summary,
        accuracy=accuracy,
        macro_f1=macro_f1,
        rmse=rmse,
        accuracy_loss=_difference(clean and clean.accuracy, accuracy),
        macro_f1_loss=_difference(clean and clean.macro_f1, macro_f1),
        rmse_rise=_difference(rmse, clean and clean.rmse),
    )


def _difference(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _number(value: float | None, *, digits: int = 3, sign: bool = False) -> str:
    if value is None:
        return "—"
    return f"{value:{'+' if sign else ''}.{digits}f}"
