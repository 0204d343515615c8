"""Networks that answer together: weighted averages of their predictions."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from annotations.formats.outputs import new_file
from annotations.galaxies.dataset import GalaxySet
from classification.batches import COUNTS, VOTES
from classification.predictions import Predictions
from classification.provenance import code_version
from edge_runtime.errors import GalaxyEdgeError

ENSEMBLE_NAME = "ensemble.json"
SCHEMA_VERSION = 1

Weights = Mapping[str, tuple[float, ...]]
"""By output, ``votes`` or a scheme of classes: one weight for each network."""

Progress = Callable[[int, int], None]


class Classifier(Protocol):
    """What predicts galaxies: a trained network, or several together."""

    def predict(
        self, galaxies: GalaxySet, *, turned_views: int = 1, progress: Progress | None = None
    ) -> Predictions:
        """Predict all galaxies of a set, averaged over turned and mirrored views."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """A network of an ensemble.

    Attributes
    ----------
    run : Path
        Folder of its training.
    sha256 : str
        Of its weights.
    """

    run: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Several networks and the weights of their answers.

    Attributes
    ----------
    members : tuple of Member
    classifiers : tuple of Classifier
        The networks, in the order of ``members``. Those that know the same
        scheme of classes agree on its classes and their order.
    weights : mapping of str to tuple of float
        By output; see ``average``.
    turned_views : int
        Views each galaxy is seen in unless asked otherwise.
    rule : str
        How the weights came about, for example ``fit`` or ``uniform``.
    data_hash : str
        Of the labels they were fitted on; empty for given ones.
    """

    members: tuple[Member, ...]
    classifiers: tuple[Classifier, ...]
    weights: Weights
    turned_views: int = 1
    rule: str = ""
    data_hash: str = ""

    def __post_init__(self) -> None:
        if not self.members or len(self.members) != len(self.classifiers):
            raise ValueError(
                f"{len(self.members)} members, but {len(self.classifiers)} classifiers"
            )
        class_names(self.classifiers)

    def predict(
        self,
        galaxies: GalaxySet,
        *,
        turned_views: int | None = None,
        progress: Progress | None = None,
    ) -> Predictions:
        """Predict all galaxies of a set.

        Parameters
        ----------
        galaxies : GalaxySet
        turned_views : int, optional
            Turned and mirrored views that each network averages over, instead
            of the ensemble's own number.
        progress : callable, optional
            Told how many predictions of how many are made.
        """
        views = self.turned_views if turned_views is None else turned_views
        return average(
            predict_each(self.classifiers, galaxies, turned_views=views, progress=progress),
            self.weights,
        )

    def save(self, path: Path) -> None:
        """Write as ``ensemble.json``; runs are named relative to its folder."""
        folder = path.resolve().parent
        content = {
            "schema": SCHEMA_VERSION,
            "members": [
                {"run": os.path.relpath(member.run.resolve(), folder), "sha256": member.sha256}
                for member in self.members
            ],
            "weights": {output: list(weights) for output, weights in self.weights.items()},
            "weights_rule": self.rule,
            "turned_views": self.turned_views,
            "data_hash": self.data_hash,
            "code_version": code_version(),
        }
        with new_file(path) as partial:
            partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Ensemble:
        """Read what ``save`` wrote, with its networks.

        Raises
        ------
        GalaxyEdgeError
            The file is missing or no ensemble, or a network is missing or was
            trained anew since.
        """
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if content["schema"] != SCHEMA_VERSION:
                raise GalaxyEdgeError(
                    f"{path}: schema {content['schema']} is not {SCHEMA_VERSION}; make the "
                    "ensemble again with this version"
                )
            members = tuple(
                Member(path.parent / entry["run"], str(entry["sha256"]))
                for entry in content["members"]
            )
            weights = {
                str(output): tuple(float(w) for w in values)
                for output, values in content["weights"].items()
            }
            for output, values in weights.items():
                check_weights(output, values, len(members))
            views = int(content["turned_views"])
            rule, data_hash = str(content["weights_rule"]), str(content["data_hash"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise GalaxyEdgeError(f"{path}: cannot be read as an ensemble ({error})") from error
        for member in members:
            if network_hash(member.run) != member.sha256:
                raise GalaxyEdgeError(
                    f"{member.run}: the network is not the one that {path} was made with; make "
                    "the ensemble again"
                )
        classifiers = tuple(load_classifier(member.run) for member in members)
        return cls(members, classifiers, weights, views, rule, data_hash)


def load_classifier(path: Path) -> Classifier:
    """Load the network of a run, or an ensemble.

    Parameters
    ----------
    path : Path
        Folder of a run, folder with an ``ensemble.json``, or that file.

    Raises
    ------
    GalaxyEdgeError
        It is neither, or cannot be read.
    """
    from classification.network import TrainedNetwork

    if path.is_file():
        return Ensemble.load(path)
    if (path / ENSEMBLE_NAME).is_file():
        return Ensemble.load(path / ENSEMBLE_NAME)
    return TrainedNetwork.load(path)


def class_names(classifiers: Sequence[Classifier]) -> dict[str, tuple[str, ...]]:
    """Classes, in the order of their indices, of each scheme that networks were trained for.

    Raises
    ------
    GalaxyEdgeError
        Two of them know a scheme by other classes, or in another order.
    """
    from classification.network import TrainedNetwork

    found: dict[str, tuple[str, ...]] = {}
    for classifier in classifiers:
        known: Mapping[str, tuple[str, ...]] = {}
        if isinstance(classifier, Ensemble):
            known = class_names(classifier.classifiers)
        elif isinstance(classifier, TrainedNetwork) and classifier.target not in (VOTES, COUNTS):
            known = {classifier.target: classifier.card.class_names}
        for scheme, names in known.items():
            if found.setdefault(scheme, names) != names:
                raise GalaxyEdgeError(
                    f"one network knows {scheme} as {', '.join(found[scheme])}, another as "
                    f"{', '.join(names)}; only answers to the same classes can be averaged"
                )
    return found


def check_classes(classifiers: Sequence[Classifier], galaxies: GalaxySet) -> None:
    """Make sure that networks and labels mean the same by each scheme of classes.

    Raises
    ------
    GalaxyEdgeError
        They do not.
    """
    for scheme, names in class_names(classifiers).items():
        if scheme in galaxies.classes and galaxies.classes[scheme].names != names:
            raise GalaxyEdgeError(
                f"{galaxies.name}: has {scheme} as {', '.join(galaxies.classes[scheme].names)}, "
                f"but the networks know {', '.join(names)}"
            )


def network_hash(run: Path) -> str:
    """SHA-256 of the network in the folder of a run, or of an ensemble's file.

    Raises
    ------
    GalaxyEdgeError
        There is none.
    """
    from classification.network import NETWORK_FILE

    candidates = [run] if run.is_file() else [run / NETWORK_FILE, run / ENSEMBLE_NAME]
    for file in candidates:
        if file.is_file():
            return hashlib.sha256(file.read_bytes()).hexdigest()
    raise GalaxyEdgeError(f"{run}: holds no trained network; expected {NETWORK_FILE} there")


def predict_each(
    classifiers: Sequence[Classifier],
    galaxies: GalaxySet,
    *,
    turned_views: int = 1,
    progress: Progress | None = None,
) -> list[Predictions]:
    """Predictions of several networks, with one progress for all."""
    found = []
    total = len(classifiers) * len(galaxies)
    for number, classifier in enumerate(classifiers):
        report = None if progress is None else _part(progress, number * len(galaxies), total)
        found.append(classifier.predict(galaxies, turned_views=turned_views, progress=report))
    return found


def _part(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)


def average(predictions: Sequence[Predictions], weights: Weights) -> Predictions:
    """Weighted average of predictions.

    Votes that obey the decision tree do so after averaging, since its sums are
    linear and the weights add up to 1.

    Parameters
    ----------
    predictions : sequence of Predictions
        Of the same galaxies in the same order.
    weights : mapping of str to tuple of float
        By output: not negative, adding up to 1, one for each of the
        predictions. Outputs without weights are left out.

    Raises
    ------
    GalaxyEdgeError
        The galaxies differ, or a network with a weight lacks an output.
    ValueError
        The weights are none, or not one for each.
    """
    if not predictions:
        raise ValueError("an average needs predictions")
    ids = predictions[0].ids
    for number, each in enumerate(predictions):
        if each.ids != ids:
            raise GalaxyEdgeError(
                f"network {number + 1} predicts other galaxies than the first, or another order; "
                "predict the same set with all of them"
            )
    for output, values in weights.items():
        check_weights(output, values, len(predictions))
    votes = None
    if VOTES in weights:
        votes = _mean([each.votes for each in predictions], weights[VOTES], VOTES)
    classes = {
        scheme: _mean([each.classes.get(scheme) for each in predictions], values, scheme)
        for scheme, values in weights.items()
        if scheme != VOTES
    }
    return Predictions(ids, votes, classes)


def check_weights(output: str, weights: Sequence[float], members: int) -> None:
    """Raise ``ValueError`` unless there is one for each, none negative, with the sum 1."""
    if len(weights) != members:
        raise ValueError(f"{output}: {len(weights)} weights for {members} networks")
    if not all(weight >= 0 for weight in weights) or abs(sum(weights) - 1.0) > 1e-6:
        raise ValueError(f"{output}: weights must not be negative and add up to 1: {weights}")


def _mean(
    values: Sequence[NDArray[np.float32] | None], weights: Sequence[float], output: str
) -> NDArray[np.float32]:
    total: NDArray[np.float64] | None = None
    for number, (value, weight) in enumerate(zip(values, weights, strict=True)):
        if weight == 0.0:
            continue
        if value is None:
            raise GalaxyEdgeError(
                f"network {number + 1} has weight {weight:g} for {output}, but does not predict it"
            )
        part = weight * value.astype(np.float64)
        total = part if total is None else total + part
    assert total is not None  # the weights add up to 1
    return total.astype(np.float32)
