from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics
from made_up_galaxies import galaxies, probabilities, some_votes

from annotations.galaxies.dataset import CLASS5
from classification.predictions import Predictions
from classification.scoring import class_report, restricted, score, vote_scores
from edge_runtime.decision_tree import COLUMN_INDEX, VOTE_COLUMNS
from edge_runtime.errors import GalaxyEdgeError

TRUE = np.random.default_rng(1).integers(0, 5, 200)
NAMES = tuple("abcde")


def test_one_wrong_vote_shows_in_its_question_and_column() -> None:
    truth = some_votes(4)
    said = truth.copy()
    column = COLUMN_INDEX["Class7.2"]
    said[0, column] += 0.3
    scores = vote_scores(truth, said)
    assert scores.n == 4
    assert scores.rmse == pytest.approx(np.sqrt(0.09 / (4 * 37)), rel=1e-5)
    assert scores.rmse_by_question[6] == pytest.approx(np.sqrt(0.09 / (4 * 3)), rel=1e-5)
    assert sum(scores.rmse_by_question) == pytest.approx(scores.rmse_by_question[6])
    assert scores.rmse_by_vote[column] == pytest.approx(0.15, rel=1e-5)
    assert scores.constraint_violation == pytest.approx(0.3, abs=1e-6)
    assert scores.mean_constraint_violation == pytest.approx(0.3 / 44, abs=1e-6)


def test_rows_without_votes_count_for_the_constraints_only() -> None:
    truth, said = some_votes(3), some_votes(3)
    truth[2] = np.nan
    said[2, 0] += 1.0
    scores = vote_scores(truth, said)
    assert (scores.n, scores.rmse) == (2, 0.0)
    assert scores.constraint_violation == pytest.approx(1.0, abs=1e-6)


def test_votes_that_are_no_numbers_are_refused_with_their_row() -> None:
    said = some_votes(3)
    said[1, 4] = np.nan
    with pytest.raises(ValueError, match="first: row 1"):
        vote_scores(some_votes(3), said)
    with pytest.raises(ValueError, match="no row has known votes"):
        vote_scores(np.full((2, 37), np.nan), some_votes(2))
    with pytest.raises(ValueError, match=r"\(N, 37\)"):
        vote_scores(np.zeros((2, 36)), np.zeros((2, 36)))


def test_classes_score_as_scikit_learn_scores_them() -> None:
    said = probabilities(TRUE, 5, right=1.0).astype(np.float64)
    said /= said.sum(axis=1, keepdims=True)
    chosen = said.argmax(axis=1)
    report = class_report(TRUE, said, NAMES)
    reference = sklearn.metrics
    assert report.accuracy == pytest.approx(reference.accuracy_score(TRUE, chosen))
    assert report.macro_f1 == pytest.approx(reference.f1_score(TRUE, chosen, average="macro"))
    assert report.balanced_accuracy == pytest.approx(
        reference.balanced_accuracy_score(TRUE, chosen)
    )
    assert report.log_loss == pytest.approx(reference.log_loss(TRUE, said))
    assert report.confusion.tolist() == reference.confusion_matrix(TRUE, chosen).tolist()
    precision, recall, f1, _ = reference.precision_recall_fscore_support(TRUE, chosen)
    assert [c.precision for c in report.classes] == pytest.approx(precision.tolist())
    assert [c.recall for c in report.classes] == pytest.approx(recall.tolist())
    assert [c.f1 for c in report.classes] == pytest.approx(f1.tolist())
    for k, result in enumerate(report.classes):
        positive = k == TRUE
        assert result.auc == pytest.approx(reference.roc_auc_score(positive, said[:, k]))
        assert result.average_precision == pytest.approx(
            reference.average_precision_score(positive, said[:, k])
        )
        false, true, _ = reference.roc_curve(positive, said[:, k], drop_intermediate=False)
        assert result.roc is not None
        assert result.roc.false_rate == pytest.approx(false)
        assert result.roc.true_rate == pytest.approx(true)
    assert report.macro_auc == pytest.approx(np.mean([c.auc for c in report.classes]))


def test_tied_scores_make_one_point_of_the_curve() -> None:
    truth = np.array([0, 0, 1, 1])
    said = np.array([[0.5, 0.5], [0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    roc = class_report(truth, said, ("no", "yes")).classes[1].roc
    assert roc is not None
    assert roc.false_rate.tolist() == [0.0, 0.0, 0.5, 1.0]
    assert roc.true_rate.tolist() == [0.0, 0.5, 1.0, 1.0]


def test_a_class_that_never_occurs_has_no_curve_and_does_not_lower_the_mean() -> None:
    truth = np.array([0, 0, 1, 1])
    said = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1]])
    report = class_report(truth, said, ("a", "b", "c"))
    absent = report.classes[2]
    assert (absent.n, absent.auc, absent.average_precision, absent.roc) == (0, None, None, None)
    assert report.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    assert report.macro_auc == 1.0


def test_one_row_of_one_class_can_be_scored() -> None:
    report = class_report(np.array([1]), np.array([[0.2, 0.8]]), ("a", "b"))
    assert (report.n, report.accuracy, report.macro_f1, report.macro_auc) == (1, 1.0, 1.0, None)
    assert report.brier == pytest.approx(0.08)
    json.dumps(report.as_dict(), allow_nan=False)


def test_rows_of_unknown_class_are_left_out() -> None:
    truth = np.array([-1, 0, 1])
    said = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    assert class_report(truth, said, ("a", "b")).n == 2
    with pytest.raises(ValueError, match="no row has a known class"):
        class_report(np.array([-1]), said[:1], ("a", "b"))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ([[0.5, 0.6]], "sum 1.1"),
        ([[1.5, -0.5]], "no probabilities"),
        ([[np.nan, 1.0]], "NaN"),
        ([[0.2, 0.3, 0.5]], "shape"),
    ],
)
def test_what_is_no_probability_is_refused(said: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        class_report(np.array([0]), np.array(said), ("a", "b"))


def test_predictions_are_matched_by_id() -> None:
    true = TRUE[:30]
    labelled = galaxies(true, votes=some_votes(30))
    said = probabilities(true, 5, right=1.5)
    votes = some_votes(30, seed=9)
    straight = score(Predictions(labelled.ids, votes, {CLASS5: said}), labelled)
    order = np.random.default_rng(0).permutation(30)
    shuffled = Predictions(
        tuple(labelled.ids[i] for i in order), votes[order], {CLASS5: said[order]}
    )
    again = score(shuffled, labelled)
    assert again.as_dict() == straight.as_dict()
    assert straight.n == 30
    assert straight.votes is not None
    assert straight.votes.rmse == pytest.approx(np.sqrt(np.mean((votes - labelled.votes) ** 2)))


def test_predictions_can_be_cut_to_some_galaxies() -> None:
    said = Predictions(("g2", "x", "g0"), some_votes(3), {CLASS5: np.eye(5, dtype=np.float32)[:3]})
    cut = restricted(said, ("g0", "g2"))
    assert cut.ids == ("g2", "g0")
    assert cut.classes[CLASS5].argmax(axis=1).tolist() == [0, 2]
    np.testing.assert_array_equal(cut.votes, said.votes[[0, 2]])
    assert score(cut, galaxies([1, 1, 0]).rows(np.array([0, 2]))).n == 2


def test_other_galaxies_are_refused_by_name() -> None:
    labelled = galaxies([0, 1, 2])
    said = np.full((3, 5), 0.2, np.float32)
    with pytest.raises(
        GalaxyEdgeError, match=r"1 without a prediction \(first g2\); 1 predicted.*x"
    ):
        score(Predictions(("g0", "g1", "x"), classes={CLASS5: said}), labelled)
    twice = replace(labelled, ids=("g0", "g0", "g1"))
    with pytest.raises(GalaxyEdgeError, match="twice"):
        score(Predictions(("g1", "g0", "g0"), classes={CLASS5: said}), twice)
    assert score(Predictions(("g0", "g0", "g1"), classes={CLASS5: said}), twice).n == 3


def test_nothing_in_common_is_said() -> None:
    labelled = galaxies([0, 1])
    with pytest.raises(GalaxyEdgeError, match="Predicted: votes; labels: class5"):
        score(Predictions(labelled.ids, some_votes(2)), labelled)


def test_wrong_number_of_classes_names_the_scheme() -> None:
    labelled = galaxies([0, 1])
    with pytest.raises(GalaxyEdgeError, match="predicted class5: need probabilities of shape"):
        score(Predictions(labelled.ids, classes={CLASS5: np.full((2, 4), 0.25)}), labelled)


def test_scores_go_into_json_with_the_columns_named() -> None:
    labelled = galaxies([0, 1, 2], votes=some_votes(3))
    said = Predictions(labelled.ids, some_votes(3), {CLASS5: np.eye(5, dtype=np.float32)[:3]})
    text = json.loads(json.dumps(score(said, labelled).as_dict(), allow_nan=False))
    assert list(text["votes"]["rmse_by_vote"]) == list(VOTE_COLUMNS)
    assert text["classes"][CLASS5]["per_class"]["spiral"]["auc"] is None
