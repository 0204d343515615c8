"""Scores of a classifier, float or int8, on labelled galaxies and empty sky."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from annotations.galaxy_zoo import GalaxyTable
from classification.metrics import class_scores, recall_at_false_rate, roc_auc, vote_rmse
from edge_runtime.decision_tree import constraint_violation, votes_from_logits
from edge_runtime.sighting import CLASS5

Logits = Mapping[str, NDArray[np.float32]]
Predict = Callable[[NDArray[np.float32]], Logits]
"""Crops (N, S, S, 3), 0 to 255, to the logits ``votes``, ``class5``, ``galaxy``."""

FALSE_RATE = 0.05


@dataclass(frozen=True, slots=True)
class VetoSet:
    """Crops that score the galaxy-or-not output.

    Attributes
    ----------
    galaxies : ndarray, shape (N, S, S, 3), float32
        Galaxies as a small telescope shows them.
    empty : ndarray, shape (M, S, S, 3), float32
        Crops without a galaxy.
    """

    galaxies: NDArray[np.float32]
    empty: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a classifier achieves.

    Attributes
    ----------
    accuracy, macro_f1 : float
        Of the five classes.
    f1 : dict
        F1 of each class by name.
    n_class, n_votes : int
        Rows with a class and with votes.
    rmse : float
        Of the 37 vote fractions.
    constraint_violation : float
        Largest miss of a sum of the decision tree.
    galaxy_auc, galaxy_recall : float
        Area under the curve of galaxy or not, and the part of degraded galaxies
        kept where ``FALSE_RATE`` of the empty crops pass; NaN without a veto set.
    """

    accuracy: float
    macro_f1: float
    f1: dict[str, float]
    n_class: int
    n_votes: int
    rmse: float
    constraint_violation: float
    galaxy_auc: float
    galaxy_recall: float

    @property
    def selection(self) -> float:
        """One number to pick the best epoch by; higher is better."""
        veto = 0.0 if np.isnan(self.galaxy_auc) else self.galaxy_auc
        return self.accuracy + self.macro_f1 - 5 * self.rmse + veto

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def evaluate(
    predict: Predict, crops: NDArray[np.uint8], table: GalaxyTable, veto: VetoSet | None = None
) -> Scores:
    """Score a classifier.

    Parameters
    ----------
    predict : callable
        See ``Predict``.
    crops : ndarray, shape (N, S, S, 3), uint8
        One crop for each row of ``table``.
    table : GalaxyTable
        True labels; rows without a class or votes are left out of those scores.
    veto : VetoSet or None
        Crops for the galaxy-or-not output.

    Raises
    ------
    ValueError
        If no row has a class or none has votes.
    """
    logits = predict(crops.astype(np.float32))
    votes = votes_from_logits(logits["votes"])
    classes, known = table.has_class, table.has_votes
    if not classes.any() or not known.any():
        raise ValueError("the labels to evaluate on hold no class or no votes")
    scores = class_scores(
        table.class5[classes], np.argmax(logits["class5"][classes], axis=1), len(CLASS5)
    )
    auc = recall = float("nan")
    if veto is not None:
        positive = predict(veto.galaxies)["galaxy"][:, 0]
        negative = predict(veto.empty)["galaxy"][:, 0]
        auc = roc_auc(positive, negative)
        recall = recall_at_false_rate(positive, negative, FALSE_RATE)
    return Scores(
        accuracy=scores.accuracy,
        macro_f1=scores.macro_f1,
        f1=dict(zip(CLASS5, scores.f1, strict=True)),
        n_class=scores.n,
        n_votes=int(known.sum()),
        rmse=vote_rmse(table.votes[known], votes[known]),
        constraint_violation=float(constraint_violation(votes).max()),
        galaxy_auc=auc,
        galaxy_recall=recall,
    )


def keras_predictor(model: keras.Model, batch_size: int = 256) -> Predict:
    """A ``Predict`` that runs a Keras model."""

    def predict(crops: NDArray[np.float32]) -> Logits:
        parts = [
            model(crops[i : i + batch_size].astype(np.float32), training=False)
            for i in range(0, len(crops), batch_size)
        ]
        return {
            name: np.concatenate([keras.ops.convert_to_numpy(part[name]) for part in parts])
            for name in parts[0]
        }

    return predict
