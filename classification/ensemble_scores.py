"""What an ensemble is worth beside its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from annotations.galaxies.dataset import GalaxySet
from classification.batches import VOTES
from classification.ensembles import Classifier, Weights, average, check_classes
from classification.predictions import Predictions
from classification.scoring import Scores, score
from edge_runtime.errors import GalaxyEdgeError

ENSEMBLE = "ensemble"


@dataclass(frozen=True, slots=True)
class EnsembleScores:
    """Figures of the members and of their average on one split.

    Attributes
    ----------
    split : str
    members : tuple of str
        Names of the runs.
    weights : mapping of str to tuple of float
        By output.
    scores : tuple of Scores
        Of each member, and last of the ensemble.
    """

    split: str
    members: tuple[str, ...]
    weights: Weights
    scores: tuple[Scores, ...]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "members": [
                {"name": name, **found.as_dict()}
                for name, found in zip(self.members, self.scores, strict=False)
            ],
            ENSEMBLE: self.scores[-1].as_dict(),
        }

    def markdown(self) -> str:
        """A table with a row for each member and one for the ensemble."""
        schemes = list(self.scores[-1].classes)
        has_votes = self.scores[-1].votes is not None
        head = [self.split, *(["weight, votes", "RMSE"] if has_votes else [])]
        for scheme in schemes:
            head += [f"weight, {scheme}", "accuracy", "macro F1", "log-loss"]
        lines = [_row(head), "|" + " --- |" + " ---: |" * (len(head) - 1)]
        for number, (name, found) in enumerate(
            zip([*self.members, ENSEMBLE], self.scores, strict=True)
        ):
            cells = [name]
            if has_votes:
                cells.append(self._weight(VOTES, number))
                cells.append("–" if found.votes is None else f"{found.votes.rmse:.4f}")
            for scheme in schemes:
                cells.append(self._weight(scheme, number))
                report = found.classes.get(scheme)
                cells += (
                    ["–"] * 3
                    if report is None
                    else [
                        f"{report.accuracy:.4f}",
                        f"{report.macro_f1:.4f}",
                        f"{report.log_loss:.4f}",
                    ]
                )
            lines.append(_row(cells))
        return "\n".join(lines)

    def _weight(self, output: str, number: int) -> str:
        weights = self.weights.get(output, ())
        return f"{weights[number]:.3f}" if number < len(weights) else ""


def score_ensemble(
    split: str,
    names: Sequence[str],
    predicted: Sequence[Predictions],
    weights: Mapping[str, tuple[float, ...]],
    galaxies: GalaxySet,
) -> EnsembleScores:
    """Score members and their average on the same galaxies.

    Parameters
    ----------
    split : str
        Name of the part the galaxies are of.
    names : sequence of str
        Of the members.
    predicted : sequence of Predictions
        Of each member, in the order of ``galaxies``.
    weights : mapping of str to tuple of float
        By output.
    galaxies : GalaxySet

    Raises
    ------
    GalaxyEdgeError
        The galaxies have no labels of what a member predicts.
    """
    everyone = [*predicted, average(predicted, weights)]
    return EnsembleScores(
        split, tuple(names), weights, tuple(score(each, galaxies) for each in everyone)
    )


def scored_rows(classifiers: Sequence[Classifier], galaxies: GalaxySet) -> GalaxySet:
    """Rows with a label of a kind that one of the classifiers predicts.

    Raises
    ------
    GalaxyEdgeError
        There is none, or the labels name other classes than the classifiers know.
    """
    check_classes(classifiers, galaxies)
    keep = np.zeros(len(galaxies), dtype=bool)
    for answer in (each.predict(galaxies.rows(np.arange(1))) for each in classifiers):
        if answer.votes is not None:
            keep |= galaxies.has_votes
        for scheme in answer.classes:
            if scheme in galaxies.classes:
                keep |= galaxies.classes[scheme].known
    if not keep.any():
        raise GalaxyEdgeError(f"{galaxies.name}: no galaxy has a label of what is predicted")
    return galaxies.rows(keep)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
