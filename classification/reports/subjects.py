"""Classifiers to report on: their answers, read from files or made now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from annotations.galaxies.dataset import CLASS5, ELLIPTICAL, GALAXY10, GalaxySet
from annotations.galaxies.registry import read_galaxies
from classification import elliptical
from classification.edge_classifiers import BundleClassifier
from classification.predictions import Predictions
from classification.reports.bundle_answers import bundle_run
from classification.reports.run_record import NETWORK_NAME, Run, read_run
from classification.scoring import aligned, restricted
from edge_runtime.errors import GalaxyEdgeError

_log = logging.getLogger(__name__)

ALL_SPLITS = "all"
VOTES = "votes"
_VOTE_TARGETS = (VOTES, "counts")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """A classifier with its answers.

    Attributes
    ----------
    run : Run
    predictions : Predictions
        Of ``galaxies``, in their order.
    galaxies : GalaxySet
        Those with a label of a kind that the classifier gives.
    """

    run: Run
    predictions: Predictions
    galaxies: GalaxySet


def read_split(data: Path, split: str) -> GalaxySet:
    """Galaxies to report on.

    Parameters
    ----------
    data : Path
        Labelled set of any format.
    split : str
        ``train``, ``val``, ``test``, or ``all``.

    Returns
    -------
    GalaxySet
        With the scheme ``elliptical`` wherever it can be told.

    Raises
    ------
    GalaxyEdgeError
        The set cannot be read, or has nothing in this split.
    """
    galaxies = read_galaxies(data)
    chosen = galaxies if split == ALL_SPLITS else galaxies.where(split)
    if not len(chosen):
        known = ", ".join(sorted(set(galaxies.split) - {""})) or "none at all"
        raise GalaxyEdgeError(
            f"{data}: no galaxy of split {split!r}; it has: {known}. {ALL_SPLITS!r} takes all"
        )
    if CLASS5 in chosen.classes and ELLIPTICAL not in chosen.classes:
        chosen = elliptical.derive_elliptical(chosen)
    return chosen


def file_subject(path: Path, galaxies: GalaxySet) -> Subject:
    """A classifier of which there is nothing but a file of predictions.

    Raises
    ------
    GalaxyEdgeError
        The file cannot be read, or lacks galaxies that are labelled.
    """
    predictions = Predictions.load(path)
    return _subject(Run(path.stem, {"predictions": str(path)}), predictions, galaxies, path)


def run_subject(
    folder: Path,
    galaxies: GalaxySet,
    split: str,
    *,
    predictions_path: Path | None = None,
    turned_views: int = 1,
    progress: Progress | None = None,
) -> Subject:
    """A trained network; its predictions are made and saved where they are missing or old.

    Parameters
    ----------
    folder : Path
        Run folder.
    galaxies : GalaxySet
        Of one split.
    split : str
        Name of the split, for the file of the predictions.
    predictions_path : Path, optional
        Their file; ``predictions_<split>.npz`` in the folder where not given.
    turned_views : int
        Turned and mirrored views of each galaxy that are averaged.
    progress : callable, optional
        Called with the number of galaxies done and their total.

    Raises
    ------
    GalaxyEdgeError
        The folder is damaged, a picture cannot be read, or kept predictions
        lack galaxies that are labelled.
    """
    run = read_run(folder)
    _check_classes(run, galaxies)
    views = f"_{turned_views}_views" if turned_views > 1 else ""
    path = predictions_path or folder / f"predictions_{split}{views}.npz"
    network = folder / NETWORK_NAME
    if path.is_file() and not _older(path, network):
        return _subject(run, Predictions.load(path), galaxies, path)
    if not network.is_file():
        raise GalaxyEdgeError(f"{folder}: has neither {path.name} nor {NETWORK_NAME}")
    from classification.network import TrainedNetwork

    _log.info("%s: predicting %s", run.name, path.name)
    trained = TrainedNetwork.load(folder)
    asked = _labelled(galaxies, _gives(trained.target))
    predictions = trained.predict(asked, turned_views=turned_views, progress=progress)
    predictions.save(path)
    return _subject(run, predictions, galaxies, path)


def bundle_subject(
    path: Path | None,
    galaxies: GalaxySet,
    *,
    predictions_path: Path | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Subject:
    """The int8 classifier of a bundle, run as at the telescope.

    Parameters
    ----------
    path : Path or None
        Bundle; None is the one in the program.
    galaxies : GalaxySet
        Those of unknown scale are left out.
    predictions_path : Path, optional
        File to save the predictions to.
    threads : int
    progress : callable, optional
        Called with the number of galaxies done and their total.

    Raises
    ------
    GalaxyEdgeError
        The bundle is damaged, or no galaxy is left.
    """
    classifier = BundleClassifier(path, threads)
    scaled = np.isfinite(galaxies.frame_scale)
    asked = _labelled(galaxies.rows(scaled), {VOTES, CLASS5, GALAXY10})
    predictions = classifier.predict(asked, progress=progress)
    if predictions_path is not None:
        predictions.save(predictions_path)
    return Subject(bundle_run(classifier.bundle), predictions, asked)


def with_elliptical(subject: Subject) -> Subject:
    """The subject with ``elliptical`` derived from its five classes, if it has them."""
    five = subject.galaxies.classes.get(CLASS5)
    if five is None:
        return subject
    derived = elliptical.with_elliptical(subject.predictions, five.names)
    return subject if derived is subject.predictions else replace(subject, predictions=derived)


def _subject(run: Run, predictions: Predictions, galaxies: GalaxySet, path: Path) -> Subject:
    gives = set(predictions.classes) | ({VOTES} if predictions.votes is not None else set())
    asked = _labelled(galaxies, gives)
    predicted = set(predictions.ids)
    missing = [each for each in asked.ids if each not in predicted]
    if missing:
        raise GalaxyEdgeError(
            f"{path}: lacks {len(missing)} of {len(asked)} labelled galaxies (first {missing[0]}); "
            "it was made for other data. Name another file, or remove it"
        )
    return Subject(run, aligned(restricted(predictions, asked.ids), asked), asked)


def _gives(target: str) -> set[str]:
    """Kinds of label that a network trained for ``target`` gives."""
    return {VOTES, CLASS5, GALAXY10} if target in _VOTE_TARGETS else {target}


def _labelled(galaxies: GalaxySet, gives: Collection[str]) -> GalaxySet:
    keep = galaxies.has_votes if VOTES in gives else np.zeros(len(galaxies), bool)
    for scheme, labels in galaxies.classes.items():
        if scheme in gives:
            keep = keep | labels.known
    if not keep.any():
        raise GalaxyEdgeError(
            f"{galaxies.name}: no galaxy has a label of a kind that the classifier gives "
            f"({', '.join(sorted(gives)) or 'nothing'}); labels: "
            f"{', '.join(['votes'] * bool(galaxies.has_votes.any()) + list(galaxies.classes))}"
        )
    return galaxies.rows(keep)


def _check_classes(run: Run, galaxies: GalaxySet) -> None:
    for scheme, names in run.classes.items():
        if scheme in galaxies.classes and names != galaxies.classes[scheme].names:
            raise GalaxyEdgeError(
                f"{run.name}: gives {scheme} as {', '.join(names)}, but {galaxies.name} has "
                f"{', '.join(galaxies.classes[scheme].names)}"
            )


def _older(path: Path, network: Path) -> bool:
    return network.is_file() and path.stat().st_mtime < network.stat().st_mtime
