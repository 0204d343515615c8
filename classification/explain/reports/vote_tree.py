"""Votes laid out as the decision tree that they answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.decision_tree import (
    PARENT_INDEX,
    QUESTION_SLICES,
    QUESTIONS,
    VOTE_COLUMNS,
)

_ASKED = 0.05  # questions that fewer reached are left out


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer of a question.

    Attributes
    ----------
    text, column : str
    fraction : float
        Predicted, of all people, 0 to 1.
    true : float or None
        Known fraction.
    leads : bool
        Most of those asked chose it.
    """

    text: str
    column: str
    fraction: float
    true: float | None
    leads: bool


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question.

    Attributes
    ----------
    number, depth : int
        Depth 0 is asked of everybody.
    text : str
    asked : float
        Part of the people who reach it, predicted.
    answers : tuple of AnswerRow
    """

    number: int
    depth: int
    text: str
    asked: float
    answers: tuple[AnswerRow, ...]


def tree_rows(
    votes: NDArray[np.floating], true: NDArray[np.floating] | None = None
) -> tuple[QuestionRow, ...]:
    """Questions that are reached, each below the answer that leads to it.

    Parameters
    ----------
    votes : ndarray, shape (37,)
        Predicted.
    true : ndarray, shape (37,), optional
        Known; NaN where not.
    """
    known = true is not None and bool(np.isfinite(true).all())
    rows: list[QuestionRow] = []

    def add(place: int, depth: int) -> None:
        parent = PARENT_INDEX[place]
        asked = 1.0 if parent is None else float(votes[parent])
        if asked < _ASKED:
            return
        columns = QUESTION_SLICES[place]
        highest = columns.start + int(np.argmax(votes[columns]))
        question = QUESTIONS[place]
        rows.append(
            QuestionRow(
                question.number,
                depth,
                question.text,
                asked,
                tuple(
                    AnswerRow(
                        text,
                        VOTE_COLUMNS[column],
                        float(votes[column]),
                        float(true[column]) if known and true is not None else None,
                        column == highest,
                    )
                    for text, column in zip(
                        question.answers, range(columns.start, columns.stop), strict=True
                    )
                ),
            )
        )
        for column in range(columns.start, columns.stop):
            for child, leads_from in enumerate(PARENT_INDEX):
                if leads_from == column:
                    add(child, depth + 1)

    for place, parent in enumerate(PARENT_INDEX):
        if parent is None:
            add(place, 0)
    return tuple(rows)
