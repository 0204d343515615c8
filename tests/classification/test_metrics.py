import numpy as np
import pytest

from classification.metrics import class_scores, recall_at_false_rate, roc_auc, vote_rmse


def test_scores_of_a_small_confusion() -> None:
    scores = class_scores(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0]), 3)
    assert scores.confusion.tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert scores.accuracy == pytest.approx(0.6)
    assert scores.f1 == pytest.approx((0.5, 0.8, 0.0))
    assert scores.macro_f1 == pytest.approx(1.3 / 3)


def test_no_rows_are_refused() -> None:
    none = np.empty(0, int)
    with pytest.raises(ValueError, match="non-empty"):
        class_scores(none, none, 5)
    with pytest.raises(ValueError, match="at least one"):
        roc_auc(none.astype(float), np.ones(1))


def test_area_under_the_curve_counts_ties_half() -> None:
    assert roc_auc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert roc_auc(np.array([0.0]), np.array([1.0])) == 0.0
    assert roc_auc(np.array([1.0, 1.0]), np.array([1.0, 0.0])) == pytest.approx(0.75)


def test_recall_at_a_false_rate_uses_the_quantile_of_the_negatives() -> None:
    negative = np.linspace(0, 1, 101)
    assert recall_at_false_rate(np.array([0.94, 0.96, 2.0]), negative, 0.05) == pytest.approx(2 / 3)


def test_rmse_is_over_all_votes() -> None:
    assert vote_rmse(np.zeros((2, 2)), np.array([[0, 0], [0, 1.0]])) == pytest.approx(0.5)
