import keras
import numpy as np
import pytest
import tensorflow as tf

from classification.losses import ClassLoss, GalaxyLoss, VoteLoss, tree_votes
from edge_runtime.decision_tree import constraint_violation, votes_from_logits

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
