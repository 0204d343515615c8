"""Fitted weights are the best there are, and wrong ones are refused."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_galaxies import galaxies, some_votes

pytest.importorskip("scipy", reason="workstation extra not installed")

from classification.ensemble_weights import (
    fit_class_weights,
    fit_vote_weights,
    fitted_weights,
    parse_weights,
    shared_weights,
)
from classification.predictions import Predictions
from edge_runtime.errors import ConfigError, GalaxyEdgeError


def noisy_votes(truth: np.ndarray, *sigmas: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([truth + rng.normal(0, sigma, truth.shape) for sigma in sigmas])


def rmse(weights: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((np.tensordot(weights, predicted, 1) - truth) ** 2)))


def log_loss(weights: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> float:
    mixed = np.tensordot(weights, predicted, 1)
    return -float(np.mean(np.log(mixed[np.arange(len(truth)), truth])))


def some_probabilities(truth: np.ndarray, *strengths: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (len(strengths), len(truth), 5))
    for member, strength in enumerate(strengths):
        logits[member, np.arange(len(truth)), truth] += strength
    odds = np.exp(logits)
    return odds / odds.sum(axis=2, keepdims=True)


def test_independent_errors_get_weights_by_their_inverse_variance():
    truth = some_votes(2000).astype(np.float64)
    weights = fit_vote_weights(noisy_votes(truth, 0.1, 0.2), truth)
    # 1/0.01 : 1/0.04 = 0.8 : 0.2
    np.testing.assert_allclose(weights, [0.8, 0.2], atol=0.01)


def test_no_other_weights_have_a_smaller_error():
    truth = some_votes(60).astype(np.float64)
    predicted = noisy_votes(truth, 0.05, 0.08, 0.3)
    predicted[1] = 0.7 * predicted[0] + 0.3 * predicted[1]  # errors that hang together
    weights = fit_vote_weights(predicted, truth)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1.0)
    best = rmse(weights, predicted, truth)
    for other in np.random.default_rng(1).dirichlet(np.ones(3), 500):
        assert best <= rmse(other, predicted, truth) + 1e-12


def test_a_network_that_only_adds_errors_gets_no_weight():
    truth = some_votes(50).astype(np.float64)
    good = noisy_votes(truth, 0.05)[0]
    weights = fit_vote_weights(np.stack([good, truth + 3.0 * (good - truth)]), truth)
    np.testing.assert_allclose(weights, [1.0, 0.0], atol=1e-12)


def test_twins_and_faultless_networks_have_weights_too():
    truth = some_votes(20).astype(np.float64)
    one = noisy_votes(truth, 0.1)[0]
    assert fit_vote_weights(np.stack([one, one]), truth).sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(fit_vote_weights(np.stack([truth, truth]), truth), [0.5, 0.5])


def test_rows_without_votes_do_not_count():
    truth = some_votes(40).astype(np.float64)
    predicted = noisy_votes(truth, 0.1, 0.2)
    expected = fit_vote_weights(predicted[:, :30], truth[:30])
    truth[30:] = np.nan
    np.testing.assert_allclose(fit_vote_weights(predicted, truth), expected)
    with pytest.raises(ValueError, match="no row has known votes"):
        fit_vote_weights(predicted, np.full_like(truth, np.nan))


def test_no_other_weights_have_a_smaller_log_loss():
    truth = np.random.default_rng(5).integers(0, 5, 300)
    predicted = some_probabilities(truth, 2.0, 1.5, 0.1)
    weights = fit_class_weights(predicted, truth)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1.0)
    best = log_loss(weights, predicted, truth)
    assert best < min(log_loss(np.eye(3)[i], predicted, truth) for i in range(3))
    for other in np.random.default_rng(1).dirichlet(np.ones(3), 500):
        assert best <= log_loss(other, predicted, truth) + 1e-9


def test_a_certain_and_wrong_answer_leaves_the_fit_finite():
    truth = np.array([0, 1, 2, 3])
    right = np.eye(5)[truth] * 0.9 + 0.02
    wrong = np.eye(5)[(truth + 1) % 5]
    weights = fit_class_weights(np.stack([wrong, right]), truth)
    np.testing.assert_allclose(weights, [0.0, 1.0], atol=1e-6)


def test_each_output_gets_weights_of_its_own():
    labels = np.arange(80) % 5
    truth = some_votes(80)
    labelled = galaxies(labels, votes=truth)
    votes = noisy_votes(truth.astype(np.float64), 0.05, 0.05).astype(np.float32)
    classes = some_probabilities(labels, 0.5, 3.0, 2.0).astype(np.float32)
    predictions = [
        Predictions(labelled.ids, votes[0], {"class5": classes[0]}),
        Predictions(labelled.ids, votes[1], {"class5": classes[1]}),
        Predictions(labelled.ids, None, {"class5": classes[2]}),
    ]
    weights = fitted_weights(predictions, labelled)
    assert set(weights) == {"votes", "class5"}
    assert weights["votes"][2] == 0.0
    assert weights["votes"][0] == pytest.approx(0.5, abs=0.1)
    assert weights["class5"][1] > 0.4 > weights["class5"][0]
    unlabelled = galaxies(np.full(80, -1))
    with pytest.raises(GalaxyEdgeError, match="take --weights uniform"):
        fitted_weights(predictions, unlabelled)


def test_given_weights_are_scaled_up_where_a_network_lacks_an_output():
    ids = ("a",)
    probability = np.full((1, 5), 0.2, np.float32)
    predictions = [
        Predictions(ids, some_votes(1), {"class5": probability}),
        Predictions(ids, None, {"class5": probability}),
        Predictions(ids, some_votes(1), {}),
    ]
    weights = shared_weights(predictions, (0.3, 0.4, 0.3))
    assert weights["votes"] == pytest.approx((0.5, 0.0, 0.5))
    assert weights["class5"] == pytest.approx((3 / 7, 4 / 7, 0.0))
    assert set(shared_weights(predictions, (0.0, 1.0, 0.0))) == {"class5"}


def test_weights_are_read_from_words_and_numbers():
    assert parse_weights("fit", 3) is None
    assert parse_weights("uniform", 4) == (0.25,) * 4
    assert parse_weights("0.6,0.4", 2) == pytest.approx((0.6, 0.4))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("best", "expected fit, uniform, or numbers"),
        ("0.6,0.4", "2 numbers for 3 networks"),
        ("0.6,0.6,-0.2", "must not be negative"),
        ("0.5,0.2,0.2", "add up to 1"),
        ("nan,0.5,0.5", "must not be negative"),
    ],
)
def test_wrong_weights_are_refused(text: str, message: str):
    with pytest.raises(ConfigError, match=message):
        parse_weights(text, 3)
