"""The Galaxy Zoo 2 decision tree and votes that obey it.

Volunteers answered up to eleven questions about a galaxy; which question came
next depended on the answer before. The 37 vote fractions are cumulative, as in
the Kaggle Galaxy Zoo challenge: the fractions of one question add up to the
fraction of the answer that leads to it (Willett et al. 2013, MNRAS 435, 2835,
table 2). Everything here, including the eleven sums, is derived from
``QUESTIONS``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the tree.

    Attributes
    ----------
    number : int
        Number of the question, 1 to 11, as in the column names.
    text : str
        The question as a person would ask it.
    answers : tuple of str
        Short names of the answers in column order.
    parent : str or None
        Column of the answer that leads to this question, for example
        ``"Class1.2"``; None where everybody is asked.
    """

    number: int
    text: str
    answers: tuple[str, ...]
    parent: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names of the answers, for example ``("Class2.1", "Class2.2")``."""
        return tuple(f"Class{self.number}.{i}" for i in range(1, len(self.answers) + 1))


QUESTIONS = (
    Question(
        1,
        "Is the galaxy smooth and rounded, with no sign of a disk?",
        ("smooth", "features or disk", "star or artifact"),
    ),
    Question(2, "Could this be a disk viewed edge-on?", ("edge-on", "not edge-on"), "Class1.2"),
    Question(3, "Is there a bar through the centre of the galaxy?", ("bar", "no bar"), "Class2.2"),
    Question(4, "Is there a spiral arm pattern?", ("spiral", "no spiral"), "Class2.2"),
    Question(
        5,
        "How prominent is the central bulge?",
        ("no bulge", "noticeable bulge", "obvious bulge", "dominant bulge"),
        "Class2.2",
    ),
    Question(6, "Is there anything odd?", ("odd", "not odd")),
    Question(
        7, "How rounded is it?", ("completely round", "in between", "cigar-shaped"), "Class1.1"
    ),
    Question(
        8,
        "What is the odd feature?",
        ("ring", "lens or arc", "disturbed", "irregular", "other", "merger", "dust lane"),
        "Class6.1",
    ),
    Question(
        9,
        "Does the galaxy have a bulge at its centre, and of what shape?",
        ("rounded edge-on bulge", "boxy edge-on bulge", "no edge-on bulge"),
        "Class2.1",
    ),
    Question(
        10,
        "How tightly wound do the spiral arms appear?",
        ("tight arms", "medium arms", "loose arms"),
        "Class4.1",
    ),
    Question(
        11,
        "How many spiral arms are there?",
        ("1 arm", "2 arms", "3 arms", "4 arms", "more than 4 arms", "number of arms unclear"),
        "Class4.1",
    ),
)
"""The eleven questions in the order of their numbers."""

VOTE_COLUMNS = tuple(column for question in QUESTIONS for column in question.columns)
"""The 37 column names in Kaggle order."""

ANSWER_NAMES = tuple(answer for question in QUESTIONS for answer in question.answers)
"""What each of ``VOTE_COLUMNS`` means, for people."""

COLUMN_INDEX = {column: index for index, column in enumerate(VOTE_COLUMNS)}
"""Position of each column in ``VOTE_COLUMNS``."""


def _slices() -> tuple[slice, ...]:
    slices: list[slice] = []
    start = 0
    for question in QUESTIONS:
        slices.append(slice(start, start + len(question.answers)))
        start += len(question.answers)
    return tuple(slices)


def _parents() -> tuple[int | None, ...]:
    return tuple(
        None if question.parent is None else COLUMN_INDEX[question.parent] for question in QUESTIONS
    )


def _evaluation_order() -> tuple[int, ...]:
    """Positions of the questions so that a parent always comes before its children."""
    done: set[int] = set()
    order: list[int] = []
    while len(order) < len(QUESTIONS):
        ready = [
            i
            for i in range(len(QUESTIONS))
            if i not in done and (PARENT_INDEX[i] is None or PARENT_INDEX[i] in _columns(order))
        ]
        order.extend(ready)
        done.update(ready)
    return tuple(order)


def _columns(questions: list[int]) -> set[int]:
    return {
        column
        for i in questions
        for column in range(QUESTION_SLICES[i].start, QUESTION_SLICES[i].stop)
    }


QUESTION_SLICES = _slices()
"""Columns of each question within the 37."""

PARENT_INDEX = _parents()
"""Column whose fraction the answers of each question add up to; None means 1."""

EVALUATION_ORDER = _evaluation_order()
"""Positions of the questions, parents first."""


def votes_from_logits(logits: ArrayLike) -> NDArray[np.float32]:
    """Vote fractions from the 37 logits of the classifier.

    Softmax within each question, times the fraction of the parent's answer: the
    sums of the tree hold by construction.

    Parameters
    ----------
    logits : array_like, shape (N, 37) or (37,)
        Finite numbers.

    Returns
    -------
    ndarray, shape as ``logits``, float32
        Cumulative vote fractions, 0 to 1.

    Raises
    ------
    ValueError
        If the last axis is not 37 long or a logit is not finite.
    """
    values = np.asarray(logits, dtype=np.float64)
    _check_width(values, "logits")
    if not np.isfinite(values).all():
        raise ValueError("logits must be finite; got NaN or infinity")
    votes = np.empty_like(values)
    for i in EVALUATION_ORDER:
        columns, parent = QUESTION_SLICES[i], PARENT_INDEX[i]
        part = values[..., columns]
        with np.errstate(over="ignore"):  # a gap beyond float64 is a fraction of 0
            weights = np.exp(part - part.max(axis=-1, keepdims=True))
        fractions = weights / weights.sum(axis=-1, keepdims=True)
        votes[..., columns] = (
            fractions if parent is None else fractions * votes[..., parent : parent + 1]
        )
    return votes.astype(np.float32)


def constraint_violation(votes: ArrayLike) -> NDArray[np.float32]:
    """How far vote fractions are from the eleven sums of the tree.

    Parameters
    ----------
    votes : array_like, shape (N, 37) or (37,)
        Cumulative vote fractions.

    Returns
    -------
    ndarray, shape (N, 11) or (11,), float32
        For each question the absolute difference between the sum of its answers
        and the fraction of its parent's answer (1 where everybody is asked).

    Raises
    ------
    ValueError
        If the last axis is not 37 long.
    """
    values = np.asarray(votes, dtype=np.float64)
    _check_width(values, "votes")
    violation = np.empty((*values.shape[:-1], len(QUESTIONS)))
    for i, (columns, parent) in enumerate(zip(QUESTION_SLICES, PARENT_INDEX, strict=True)):
        expected = 1.0 if parent is None else values[..., parent]
        violation[..., i] = np.abs(values[..., columns].sum(axis=-1) - expected)
    return violation.astype(np.float32)


def _check_width(values: NDArray[np.float64], name: str) -> None:
    if values.ndim == 0 or values.shape[-1] != len(VOTE_COLUMNS):
        raise ValueError(
            f"{name} must end in an axis of {len(VOTE_COLUMNS)}; got shape {values.shape}"
        )
