"""Classical classifiers on simple features: what networks have to beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet
from classification.predictions import Predictions
from classification.simple_features import galaxy_features
from edge_runtime.errors import ConfigError, GalaxyEdgeError

VOTES = "votes"


@dataclass(frozen=True, slots=True)
class _Method:
    """Makers of an estimator of classes and one of votes, given a seed."""

    classes: Callable[[int], Any]
    votes: Callable[[int], Any]


_FOLDS = 3
"""Of the calibration of the support vector machine; a class needs a galaxy in each."""


def _svm_classes(seed: int) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    # probabilities from decision values of folds, as SVMs have none of their own
    svm = CalibratedClassifierCV(
        SVC(C=3.0, class_weight="balanced", random_state=seed), cv=_FOLDS, ensemble=False
    )
    return make_pipeline(StandardScaler(), svm)


def _svm_votes(_: int) -> Any:
    from sklearn.multioutput import MultiOutputRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    return make_pipeline(StandardScaler(), MultiOutputRegressor(SVR(C=0.3, epsilon=0.05)))


def _tree_classes(seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(min_samples_leaf=10, class_weight="balanced", random_state=seed)


def _tree_votes(seed: int) -> Any:
    from sklearn.tree import DecisionTreeRegressor

    return DecisionTreeRegressor(min_samples_leaf=20, random_state=seed)


def _forest_classes(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        300, min_samples_leaf=2, class_weight="balanced_subsample", random_state=seed, n_jobs=-1
    )


def _forest_votes(seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(
        200, min_samples_leaf=3, max_features=0.4, random_state=seed, n_jobs=-1
    )


_METHODS = {
    "svm": _Method(_svm_classes, _svm_votes),
    "decision_tree": _Method(_tree_classes, _tree_votes),
    "random_forest": _Method(_forest_classes, _forest_votes),
}
BASELINES = tuple(_METHODS)
"""Support vector machine with a Gaussian kernel, decision tree, random forest."""


class Baseline:
    """A classical method and what it has learnt.

    Parameters
    ----------
    name : str
        One of ``BASELINES``.
    target : str
        ``votes`` or a scheme of classes.
    seed : int

    Raises
    ------
    ConfigError
        The name is unknown.
    """

    def __init__(self, name: str, target: str, seed: int = 0) -> None:
        if name not in _METHODS:
            raise ConfigError(f"unknown baseline {name!r}; known: {', '.join(BASELINES)}")
        method = _METHODS[name]
        self.name = name
        self.target = target
        self._estimator = (method.votes if target == VOTES else method.classes)(seed)
        self._width = 0

    def fit(self, galaxies: GalaxySet, features: NDArray[np.float32] | None = None) -> int:
        """Learn from the galaxies that have the target.

        Parameters
        ----------
        galaxies : GalaxySet
        features : ndarray, shape (N, F), optional
            Of ``galaxy_features``, where they are there already.

        Returns
        -------
        int
            Galaxies learnt from.

        Raises
        ------
        GalaxyEdgeError
            Fewer than two classes, or no votes, are known.
        """
        features = galaxy_features(galaxies) if features is None else features
        if self.target == VOTES:
            known, answers = galaxies.has_votes, galaxies.votes
            if not known.any():
                raise GalaxyEdgeError(f"{galaxies.name}: no galaxy has votes")
            self._width = answers.shape[1]
        else:
            labels = galaxies.labels(self.target)
            known, answers = labels.known, labels.index
            if len(np.unique(answers[known])) < 2:
                raise GalaxyEdgeError(f"{galaxies.name}: fewer than two classes of {self.target}")
            self._width = len(labels.names)
        rows = np.flatnonzero(known)
        if self.target != VOTES:
            rows = with_rare_repeated(rows, answers[rows], _FOLDS)
        self._estimator.fit(features[rows], answers[rows])
        return int(known.sum())

    def predict(
        self, galaxies: GalaxySet, features: NDArray[np.float32] | None = None
    ) -> Predictions:
        """Answers for all galaxies; arguments as for ``fit``.

        Returns
        -------
        Predictions
            Votes from 0 to 1, or probabilities of all classes of the scheme.
        """
        features = galaxy_features(galaxies) if features is None else features
        if self.target == VOTES:
            votes = np.clip(self._estimator.predict(features), 0, 1).astype(np.float32)
            return Predictions(galaxies.ids, votes=votes)
        probabilities = np.zeros((len(galaxies), self._width), np.float32)
        probabilities[:, self._estimator.classes_] = self._estimator.predict_proba(features)
        return Predictions(galaxies.ids, classes={self.target: probabilities})


def with_rare_repeated(
    rows: NDArray[np.integer], labels: NDArray[np.integer], least: int
) -> NDArray[np.int64]:
    """Rows, those of classes with fewer than ``least`` repeated until there are as many.

    Parameters
    ----------
    rows, labels : ndarray, shape (N,), integer
        Rows and their classes.
    least : int

    Returns
    -------
    ndarray, shape (M,), int64
        All rows in their order, then what is repeated.
    """
    repeated = [np.asarray(rows, np.int64)]
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if count < least:
            repeated.append(np.resize(rows[labels == label], least - count).astype(np.int64))
    return np.concatenate(repeated)
