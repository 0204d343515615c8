"""``galaxy-edge evaluate classifier``: the shipped classifier on labelled cut-outs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.loading import load_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.decision_tree import constraint_violation
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.galaxy_labels import read_crops, read_labels
from edge_runtime.sighting import CLASS5

_BATCH = 256  # crops held in memory at a time


class ClassScores(TypedDict):
    """Scores of one class."""

    precision: float
    recall: float
    f1: float
    n: int


class ClassifierScores(TypedDict, total=False):
    """What ``evaluate classifier`` writes; see `evaluate_classifier`."""

    accuracy: float
    macro_f1: float
    per_class: dict[str, ClassScores]
    confusion: list[list[int]]
    n: int
    rmse: float
    constraint_violation: float
    n_votes: int
    galaxy_recall: float
    bundle: str


def evaluate_classifier(
    labels: Path,
    *,
    split: str | None = None,
    sources: Sequence[str] | None = None,
    bundle_path: Path | None = None,
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> ClassifierScores:
    """Score a bundle's classifier.

    Parameters
    ----------
    labels : Path
        CSV in the format of ``galaxies/labels.csv``. Rows with a class or with
        votes, and a known scale, are scored.
    split : str, optional
        Only rows of this split.
    sources : sequence of str, optional
        Only rows of these sources.
    bundle_path : Path, optional
        Folder or zip; the shipped bundle where not given.

    Returns
    -------
    ClassifierScores
        ``confusion`` has a row per true and a column per predicted class, in
        the order of ``per_class``. ``rmse`` is over all 37 fractions,
        ``constraint_violation`` the largest of any row and question, and
        ``galaxy_recall`` the share of the cut-outs that pass the veto.

    Raises
    ------
    GalaxyEdgeError
        The table or a picture is wrong, or no row is left to score.
    """
    bundle = load_bundle(bundle_path)
    classifier = Classifier(bundle, threads)
    table = read_labels(labels).where(split, sources)
    table = table.rows((table.has_class | table.has_votes) & np.isfinite(table.frame_scale))
    count = len(table)
    if count == 0:
        raise GalaxyEdgeError(
            f"{labels}: no row with labels left (split {split or 'any'}, "
            f"source {', '.join(sources) if sources else 'any'})"
        )
    predicted = np.empty(count, dtype=np.int64)
    votes = np.empty_like(table.votes)
    galaxy = np.empty(count, dtype=np.float32)
    for start in range(0, count, _BATCH):
        part = np.zeros(count, dtype=bool)
        part[start : start + _BATCH] = True
        crops = read_crops(table.rows(part), classifier.input_size_px)
        for i, crop in enumerate(crops, start=start):
            answer = classifier.classify(crop)
            predicted[i] = int(np.argmax(answer.class_probabilities))
            votes[i] = answer.votes
            galaxy[i] = answer.galaxy_probability
        if progress is not None:
            progress(min(start + _BATCH, count), count)
    scores = ClassifierScores(bundle=f"{bundle.name} {bundle.version} {bundle.sha256[:12]}")
    if table.has_class.any():
        scores.update(class_scores(table.class5[table.has_class], predicted[table.has_class]))
    if table.has_votes.any():
        difference = votes[table.has_votes] - table.votes[table.has_votes]
        scores["rmse"] = float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))
        scores["n_votes"] = int(table.has_votes.sum())
    scores["constraint_violation"] = float(constraint_violation(votes).max())
    scores["galaxy_recall"] = float(np.mean(galaxy >= bundle.manifest.classifier.veto_threshold))
    return scores


def class_scores(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> ClassifierScores:
    """Accuracy, F1 and confusion of class indices.

    Parameters
    ----------
    truth, predicted : ndarray, shape (N,), int64
        Indices into ``CLASS5``.

    Returns
    -------
    ClassifierScores
        Without the keys of the votes. A class that occurs in neither does not
        enter ``macro_f1``.
    """
    confusion = np.zeros((len(CLASS5), len(CLASS5)), dtype=np.int64)
    np.add.at(confusion, (truth, predicted), 1)
    right = np.diag(confusion)
    per_class: dict[str, ClassScores] = {}
    f1_values = []
    for i, name in enumerate(CLASS5):
        actual, claimed = int(confusion[i].sum()), int(confusion[:, i].sum())
        f1 = 2.0 * int(right[i]) / (actual + claimed) if actual + claimed else 0.0
        per_class[name] = ClassScores(
            precision=int(right[i]) / claimed if claimed else 0.0,
            recall=int(right[i]) / actual if actual else 0.0,
            f1=f1,
            n=actual,
        )
        if actual + claimed:
            f1_values.append(f1)
    return ClassifierScores(
        accuracy=float(right.sum() / max(len(truth), 1)),
        macro_f1=float(np.mean(f1_values)) if f1_values else 0.0,
        per_class=per_class,
        confusion=confusion.tolist(),
        n=len(truth),
    )
