import keras
import numpy as np
import pytest
import tensorflow as tf

from classification.losses import (
    ClassLoss,
    GalaxyLoss,
    VoteLoss,
    constraints,
    create_loss,
    log_gamma,
    loss_names,
    tree_votes,
)
from edge_runtime.decision_tree import QUESTION_SLICES, constraint_violation, votes_from_logits
from edge_runtime.errors import ConfigError

RNG = np.random.default_rng(5)
WIDTHS = [(VoteLoss(), 37), (ClassLoss([1, 2, 3, 4, 5], 0.1), 5), (GalaxyLoss(), 1)]


def targets(width: int, rows: int) -> np.ndarray:
    if width == 37:
        return votes_from_logits(RNG.normal(size=(rows, 37)))
    if width == 5:
        return np.eye(5, dtype=np.float32)[RNG.integers(0, 5, rows)]
    return RNG.integers(0, 2, (rows, 1)).astype(np.float32)


def test_the_differentiable_tree_equals_that_of_the_edge() -> None:
    logits = RNG.normal(0, 4, (50, 37)).astype(np.float32)
    votes = keras.ops.convert_to_numpy(tree_votes(keras.ops.convert_to_tensor(logits)))
    np.testing.assert_allclose(votes, votes_from_logits(logits), atol=1e-6)
    assert constraint_violation(votes).max() < 1e-5


@pytest.mark.parametrize(("loss", "width"), WIDTHS)
def test_an_unknown_label_gives_no_loss_and_no_gradient(
    loss: keras.losses.Loss, width: int
) -> None:
    logits = tf.Variable(RNG.normal(size=(6, width)).astype(np.float32))
    target = targets(width, 6)
    target[2:4] = np.nan
    with tf.GradientTape() as tape:
        rows = loss.call(tf.constant(target), logits)
        total = tf.reduce_sum(rows)
    gradient = tape.gradient(total, logits).numpy()
    assert np.isfinite(rows.numpy()).all()
    assert (rows.numpy()[2:4] == 0).all()
    assert (gradient[2:4] == 0).all()
    known = [0, 1, 4, 5]
    assert (rows.numpy()[known] > 0).all()
    assert (np.abs(gradient[known]).sum(axis=1) > 0).all()


@pytest.mark.parametrize(("loss", "width"), WIDTHS)
def test_unknown_rows_leave_the_loss_of_the_others_alone(
    loss: keras.losses.Loss, width: int
) -> None:
    logits = RNG.normal(size=(4, width)).astype(np.float32)
    target = targets(width, 4)
    alone = keras.ops.convert_to_numpy(loss.call(target[:2], logits[:2]))
    target[2:] = np.nan
    together = keras.ops.convert_to_numpy(loss.call(target, logits))
    np.testing.assert_allclose(together[:2], alone, rtol=1e-6)


def test_vote_loss_is_the_squared_error_when_the_entropy_counts_nothing() -> None:
    logits = RNG.normal(size=(3, 37)).astype(np.float32)
    target = targets(37, 3)
    loss = VoteLoss(square_weight=2.0, entropy_weight=0.0).call(target, logits)
    expected = 2 * np.square(votes_from_logits(logits) - target).sum(axis=1)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(loss), expected, rtol=1e-4)


def test_class_weights_scale_the_rows_of_their_class() -> None:
    logits = RNG.normal(size=(5, 5)).astype(np.float32)
    target = np.eye(5, dtype=np.float32)
    plain = keras.ops.convert_to_numpy(ClassLoss().call(target, logits))
    weighted = keras.ops.convert_to_numpy(ClassLoss([1, 2, 3, 4, 5]).call(target, logits))
    np.testing.assert_allclose(weighted / plain, [1, 2, 3, 4, 5], rtol=1e-5)


def test_galaxy_loss_is_finite_for_huge_logits() -> None:
    loss = GalaxyLoss().call(np.array([[1.0], [0.0]], "float32"), np.array([[-1e4], [1e4]], "f4"))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(loss), [1e4, 1e4])


def value(loss: keras.losses.Loss, target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(
        loss.call(
            keras.ops.convert_to_tensor(target, "float32"),
            keras.ops.convert_to_tensor(predicted, "float32"),
        )
    )


def counts(rows: int) -> np.ndarray:
    return RNG.integers(0, 40, (rows, 37)).astype(np.float32)


@pytest.mark.parametrize("name", loss_names())
def test_activated_losses_skip_unknown_rows_and_stay_finite_at_the_ends(name: str) -> None:
    width = 5 if "entropy" in name or name == "focal" else 37
    target = counts(6) if name == "dirichlet_multinomial" else targets(width, 6)
    target[3] = np.nan
    predicted = np.tile([[0.0], [1.0]], (3, width)).astype(np.float32)
    predicted[4:] = RNG.uniform(0.1, 0.9, (2, width))
    variable = tf.Variable(predicted)
    with tf.GradientTape() as tape:
        rows = create_loss(name).call(tf.constant(target), variable)
        total = tf.reduce_sum(rows)
    gradient = tape.gradient(total, variable).numpy()
    assert np.isfinite(rows.numpy()).all()
    assert np.isfinite(gradient).all()
    assert rows.numpy()[3] == 0
    assert (gradient[3] == 0).all()
    assert (np.abs(gradient[4:]).sum(axis=1) > 0).all()


def test_cross_entropy_is_minus_the_logarithm_of_the_right_class() -> None:
    predicted = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32)
    target = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    np.testing.assert_allclose(
        value(create_loss("cross_entropy"), target, predicted), -np.log([0.7, 0.3]), rtol=1e-5
    )
    np.testing.assert_allclose(
        value(create_loss("cross_entropy", class_weights=[1, 5, 1]), target, predicted),
        -np.log([0.7, 0.3]) * [1, 5],
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        value(create_loss("focal", gamma=2.0), target, predicted),
        -np.log([0.7, 0.3]) * np.square([0.3, 0.7]),
        rtol=1e-5,
    )


def test_one_column_is_the_probability_of_the_second_of_two_classes() -> None:
    loss = create_loss("cross_entropy")
    found = value(loss, np.array([[1.0], [0.0]]), np.array([[0.8], [0.8]]))
    np.testing.assert_allclose(found, -np.log([0.8, 0.2]), rtol=1e-5)


def test_label_smoothing_spreads_a_part_of_the_target() -> None:
    predicted = np.array([[0.5, 0.25, 0.25]], np.float32)
    target = np.array([[1, 0, 0]], np.float32)
    smooth = np.array([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3])
    np.testing.assert_allclose(
        value(create_loss("cross_entropy", label_smoothing=0.1), target, predicted),
        [-(smooth * np.log(predicted[0])).sum()],
        rtol=1e-5,
    )


def test_constraints_are_those_of_the_edge() -> None:
    votes = RNG.uniform(0, 1, (20, 37)).astype(np.float32)
    found = keras.ops.convert_to_numpy(constraints(keras.ops.convert_to_tensor(votes)))
    np.testing.assert_allclose(np.abs(found), constraint_violation(votes), atol=1e-5)


def test_constrained_mse_adds_the_weighted_violations() -> None:
    votes, predicted = targets(37, 4), RNG.uniform(0, 1, (4, 37)).astype(np.float32)
    mse = np.square(votes - predicted).mean(axis=1)
    np.testing.assert_allclose(value(create_loss("mse"), votes, predicted), mse, rtol=1e-5)
    np.testing.assert_allclose(
        value(create_loss("constrained_mse", constraint_weight=0.01), votes, predicted),
        mse + 0.01 * constraint_violation(predicted).sum(axis=1),
        rtol=1e-5,
    )


def test_mse_counts_only_the_votes_that_are_known() -> None:
    votes = np.zeros((1, 37), np.float32)
    votes[0, 2:] = np.nan
    found = value(create_loss("mse"), votes, np.full((1, 37), 0.5))
    np.testing.assert_allclose(found, [0.25], rtol=1e-6)


def test_dirichlet_multinomial_is_the_likelihood_of_the_counts() -> None:
    from scipy.stats import dirichlet_multinomial

    answers, predicted = counts(5), RNG.uniform(0, 1, (5, 37))
    answers[0, QUESTION_SLICES[9]] = 0  # a question nobody was asked
    expected = np.zeros(5)
    for columns in QUESTION_SLICES:
        for row in range(5):
            part = answers[row, columns].astype(int)
            expected[row] -= dirichlet_multinomial.logpmf(
                part, 1 + 100 * predicted[row, columns], part.sum()
            )
    found = value(create_loss("dirichlet_multinomial"), answers, predicted)
    np.testing.assert_allclose(found, expected, rtol=2e-4)


def test_log_gamma_equals_that_of_the_library() -> None:
    from scipy.special import gammaln

    x = np.geomspace(0.01, 5000, 400).astype(np.float32)
    found = keras.ops.convert_to_numpy(log_gamma(keras.ops.convert_to_tensor(x)))
    np.testing.assert_allclose(found, gammaln(x.astype(np.float64)), rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("name", loss_names())
def test_a_loss_is_rebuilt_from_its_configuration(name: str) -> None:
    loss = create_loss(name)
    again = type(loss).from_config(loss.get_config())
    assert again.get_config() == loss.get_config()


def test_an_unknown_loss_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"unknown loss 'rmse'; known: .*focal, mse"):
        create_loss("rmse")
