"""Weights by which the predictions of several networks are averaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import GalaxySet
from classification.batches import VOTES
from classification.calibration import LEAST_PROBABILITY
from classification.predictions import Predictions
from classification.scoring import aligned
from edge_runtime.errors import ConfigError, GalaxyEdgeError

FIT = "fit"
UNIFORM = "uniform"

_SUM_TOLERANCE = 1e-3
_NEGLIGIBLE = 1e-9


def parse_weights(text: str, members: int) -> tuple[float, ...] | None:
    """Read weights as of the command line.

    Parameters
    ----------
    text : str
        ``fit``, ``uniform``, or numbers with commas such as ``0.6,0.4``.
    members : int
        Number of networks.

    Returns
    -------
    tuple of float or None
        One for each network, adding up to 1; None for ``fit``.

    Raises
    ------
    ConfigError
        They are no weights, or not one for each network.
    """
    if text == FIT:
        return None
    if text == UNIFORM:
        return (1.0 / members,) * members
    try:
        given = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"--weights {text}: expected fit, uniform, or numbers such as 0.6,0.4"
        ) from error
    if len(given) != members:
        raise ConfigError(f"--weights {text}: {len(given)} numbers for {members} networks")
    if not all(weight >= 0 for weight in given) or abs(sum(given) - 1.0) > _SUM_TOLERANCE:
        raise ConfigError(f"--weights {text}: must not be negative, and add up to 1")
    return tuple(weight / sum(given) for weight in given)


def fit_vote_weights(
    predicted: NDArray[np.floating], truth: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Weights of the average with the least squared error.

    Non-negative least squares (Lawson & Hanson 1974). With weights w that add
    up to 1, the error of the average is E w, where E holds the errors of each
    network. Appending a row of ones whose target is 1 makes the non-negative
    solution of E w = 0 a multiple of the best of these weights.

    Parameters
    ----------
    predicted : ndarray, shape (M, N, 37)
        Of M networks.
    truth : ndarray, shape (N, 37)
        Rows of NaN are left out.

    Returns
    -------
    ndarray, shape (M,), float64
        Not negative, adding up to 1.

    Raises
    ------
    ValueError
        No truth is known.
    """
    from scipy.optimize import nnls

    known = ~np.isnan(truth).any(axis=1)
    if not known.any():
        raise ValueError("no row has known votes")
    errors = (predicted[:, known].astype(np.float64) - truth[known]).reshape(len(predicted), -1)
    scale = float(np.sqrt(np.mean(np.square(errors)) * errors.shape[1]))
    if scale == 0.0:
        return np.full(len(predicted), 1.0 / len(predicted))
    triangle = np.linalg.qr(errors.T / scale, mode="r")  # the same least squares, M rows
    system = np.vstack([triangle, np.ones(len(predicted))])
    target = np.zeros(len(system))
    target[-1] = 1.0
    weights, _ = nnls(system, target)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def fit_class_weights(
    predicted: NDArray[np.floating], truth_index: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Weights of the average with the least log-loss, a convex problem.

    Parameters
    ----------
    predicted : ndarray, shape (M, N, K)
        Probabilities of M networks.
    truth_index : ndarray, shape (N,), integer
        Class of each row; negative ones are left out.

    Returns
    -------
    ndarray, shape (M,), float64
        Not negative, adding up to 1.

    Raises
    ------
    ValueError
        No class is known.
    GalaxyEdgeError
        The solver did not get there.
    """
    from scipy.optimize import minimize

    known = np.flatnonzero(truth_index >= 0)
    if not len(known):
        raise ValueError("no row has a known class")
    said = predicted[:, known, truth_index[known]].astype(np.float64)
    likelihoods = np.maximum(said, LEAST_PROBABILITY)  # shape (M, rows)
    members = len(predicted)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        mixed = weights @ likelihoods
        return -float(np.mean(np.log(mixed))), -(likelihoods / mixed).mean(axis=1)

    result = minimize(
        loss,
        np.full(members, 1.0 / members),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * members,
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones_like(w)}
        ],
        options={"ftol": 1e-12, "maxiter": 500},
    )
    if not result.success:
        raise GalaxyEdgeError(f"weights by log-loss could not be fitted: {result.message}")
    weights = np.where(result.x < _NEGLIGIBLE, 0.0, result.x)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def fitted_weights(
    predictions: Sequence[Predictions], galaxies: GalaxySet
) -> dict[str, tuple[float, ...]]:
    """Fit weights for each output on labelled galaxies.

    Parameters
    ----------
    predictions : sequence of Predictions
        Of each network, on these galaxies.
    galaxies : GalaxySet
        Not those the networks were trained on.

    Returns
    -------
    dict of str to tuple of float
        For ``votes`` and each scheme of classes that some network predicts and
        the galaxies have. A network that lacks an output has weight 0 there.

    Raises
    ------
    GalaxyEdgeError
        Predictions and galaxies are not the same, or have nothing in common.
    """
    matched = [aligned(each, galaxies) for each in predictions]
    weights: dict[str, tuple[float, ...]] = {}
    having = [i for i, each in enumerate(matched) if each.votes is not None]
    if having and galaxies.has_votes.any():
        votes = np.stack([matched[i].votes for i in having])  # type: ignore[misc]
        weights[VOTES] = _spread(fit_vote_weights(votes, galaxies.votes), having, len(matched))
    for scheme, labels in galaxies.classes.items():
        having = [i for i, each in enumerate(matched) if scheme in each.classes]
        if having and labels.known.any():
            classes = np.stack([matched[i].classes[scheme] for i in having])
            weights[scheme] = _spread(
                fit_class_weights(classes, labels.index), having, len(matched)
            )
    if not weights:
        raise GalaxyEdgeError(
            f"{galaxies.name}: has no labels of what these networks predict, so that no weights "
            "can be fitted; take --weights uniform"
        )
    return weights


def shared_weights(
    predictions: Sequence[Predictions], given: Sequence[float]
) -> dict[str, tuple[float, ...]]:
    """The same weights for all outputs, scaled up where a network lacks one.

    Parameters
    ----------
    predictions : sequence of Predictions
        Of each network, on any galaxies.
    given : sequence of float
        One for each network.

    Returns
    -------
    dict of str to tuple of float
        Without outputs that only networks of weight 0 have.
    """
    schemes = {scheme: None for each in predictions for scheme in each.classes}
    has = {VOTES: [each.votes is not None for each in predictions]} | {
        scheme: [scheme in each.classes for each in predictions] for scheme in schemes
    }
    weights = {}
    for output, present in has.items():
        kept = np.where(present, np.asarray(given, dtype=np.float64), 0.0)
        if kept.sum() > 0:
            weights[output] = tuple(float(w) for w in kept / kept.sum())
    return weights


def _spread(weights: NDArray[np.float64], having: Sequence[int], members: int) -> tuple[float, ...]:
    everyone = np.zeros(members)
    everyone[list(having)] = weights
    return tuple(float(w) for w in everyone)
