from __future__ import annotations

import numpy as np
import pytest

from classification.calibration import brier_score, calibration, log_loss


def test_errors_of_two_bins_by_hand() -> None:
    # confidences 0.6 (right), 0.6 (wrong), 0.9 (right)
    said = np.array([[0.6, 0.4], [0.6, 0.4], [0.1, 0.9]])
    found = calibration(np.array([0, 1, 1]), said, bins=10)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 1, 0]
    assert found.expected_error == pytest.approx((2 * 0.1 + 0.1) / 3)
    assert found.maximum_error == pytest.approx(0.1)
    assert found.accuracy[5] == pytest.approx(0.5)
    assert np.isnan(found.accuracy[0])
    assert found.as_dict()["confidence"][0] is None


def test_certain_and_right_is_calibrated() -> None:
    found = calibration(np.array([0, 1]), np.eye(2))
    assert (found.expected_error, found.maximum_error) == (0.0, 0.0)
    assert found.counts[-1] == 2


def test_calibrated_draws_have_a_small_error() -> None:
    rng = np.random.default_rng(5)
    said = rng.dirichlet(np.ones(3), 20_000)
    drawn = (rng.random((20_000, 1)) > np.cumsum(said, axis=1)).sum(axis=1)
    assert calibration(drawn, said).expected_error < 0.02
    assert calibration((drawn + 1) % 3, said).expected_error > 0.3


def test_brier_goes_from_zero_to_two() -> None:
    assert brier_score(np.array([0, 1]), np.eye(2)) == 0.0
    assert brier_score(np.array([1, 0]), np.eye(2)) == 2.0
    assert brier_score(np.array([0]), np.array([[0.5, 0.5]])) == pytest.approx(0.5)


def test_a_true_class_given_nothing_costs_a_finite_loss() -> None:
    assert log_loss(np.array([0]), np.array([[0.25, 0.75]])) == pytest.approx(np.log(4))
    assert log_loss(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(-np.log(1e-7))


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="need"):
        calibration(np.empty(0, int), np.empty((0, 3)))
