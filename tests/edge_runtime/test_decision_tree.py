import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_runtime.decision_tree import (
    ANSWER_NAMES,
    COLUMN_INDEX,
    EVALUATION_ORDER,
    QUESTION_SLICES,
    QUESTIONS,
    VOTE_COLUMNS,
    constraint_violation,
    votes_from_logits,
)


def test_the_columns_are_those_of_the_kaggle_challenge() -> None:
    assert len(VOTE_COLUMNS) == len(ANSWER_NAMES) == 37
    assert VOTE_COLUMNS[0] == "Class1.1"
    assert VOTE_COLUMNS[13:15] == ("Class6.1", "Class6.2")
    assert VOTE_COLUMNS[-1] == "Class11.6"
    assert [len(q.answers) for q in QUESTIONS] == [3, 2, 2, 2, 4, 2, 3, 7, 3, 3, 6]


def test_every_question_hangs_on_the_answer_the_survey_asked_it_after() -> None:
    parents = {q.number: q.parent for q in QUESTIONS}
    assert parents == {
        1: None,
        2: "Class1.2",
        3: "Class2.2",
        4: "Class2.2",
        5: "Class2.2",
        6: None,
        7: "Class1.1",
        8: "Class6.1",
        9: "Class2.1",
        10: "Class4.1",
        11: "Class4.1",
    }


def test_parents_are_evaluated_before_their_children() -> None:
    seen: set[str] = set()
    for i in EVALUATION_ORDER:
        assert QUESTIONS[i].parent is None or QUESTIONS[i].parent in seen
        seen.update(QUESTIONS[i].columns)
    assert seen == set(VOTE_COLUMNS)


@settings(max_examples=200, deadline=None)
@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(0, 4), st.just(37)),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_any_finite_logits_give_consistent_votes(logits: np.ndarray) -> None:
    votes = votes_from_logits(logits)
    assert votes.dtype == np.float32
    assert votes.shape == logits.shape
    assert ((votes >= 0) & (votes <= 1)).all()
    violation = constraint_violation(votes)
    assert violation.shape == (len(logits), 11)
    assert (violation < 1e-6).all()


def test_equal_logits_share_the_parents_fraction_equally() -> None:
    votes = votes_from_logits(np.zeros(37))
    expected = {"Class1.1": 1 / 3, "Class2.2": 1 / 6, "Class4.1": 1 / 12, "Class11.6": 1 / 72}
    for column, fraction in expected.items():
        assert votes[COLUMN_INDEX[column]] == pytest.approx(fraction)


def test_each_question_is_checked_on_its_own() -> None:
    good = votes_from_logits(np.zeros((1, 37)))
    for i, columns in enumerate(QUESTION_SLICES):
        bad = good.copy()
        bad[0, columns.stop - 1] += 0.25
        violation = constraint_violation(bad)[0]
        assert violation[i] == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("values", [np.zeros(36), np.zeros((2, 38)), np.float64(1.0)])
def test_a_wrong_width_is_refused(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="37"):
        votes_from_logits(values)
    with pytest.raises(ValueError, match="37"):
        constraint_violation(values)


def test_logits_that_are_not_finite_are_refused() -> None:
    logits = np.zeros((1, 37))
    logits[0, 5] = np.nan
    with pytest.raises(ValueError, match="finite"):
        votes_from_logits(logits)
