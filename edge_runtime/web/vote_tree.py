"""Votes arranged for people: the questions of the tree with their answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.decision_tree import PARENT_INDEX, QUESTION_SLICES, QUESTIONS

REACHED = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer with its votes.

    Attributes
    ----------
    name, column : str
        What it means; its column, for example ``"Class4.1"``.
    share : float
        Part of those asked this question that gave it, 0 to 1.
    fraction : float
        Part of everybody (the vote fraction), 0 to 1.
    winner : bool
        Whether it has the most votes of its question.
    """

    name: str
    column: str
    share: float
    fraction: float
    winner: bool


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question with the votes of its answers.

    Attributes
    ----------
    number : int
    text : str
    asked : float
        Part of everybody that got to this question, 0 to 1.
    reached : bool
        Whether it lies on the way most people took.
    answers : tuple of Answer
    """

    number: int
    text: str
    asked: float
    reached: bool
    answers: tuple[Answer, ...]


def asked_questions(votes: NDArray[np.float32]) -> tuple[AskedQuestion, ...]:
    """Arrange the 37 vote fractions by question, in the order of their numbers.

    Parameters
    ----------
    votes : ndarray, shape (37,), float32
    """
    questions = []
    for question, columns, parent in zip(QUESTIONS, QUESTION_SLICES, PARENT_INDEX, strict=True):
        fractions = [float(value) for value in np.clip(votes[columns], 0.0, 1.0)]
        total = sum(fractions)
        best = int(np.argmax(fractions))
        answers = tuple(
            Answer(name, column, fraction / total if total > 0.0 else 0.0, fraction, i == best)
            for i, (name, column, fraction) in enumerate(
                zip(question.answers, question.columns, fractions, strict=True)
            )
        )
        asked = 1.0 if parent is None else float(np.clip(votes[parent], 0.0, 1.0))
        questions.append(
            AskedQuestion(question.number, question.text, asked, asked >= REACHED, answers)
        )
    return tuple(questions)


def summary(votes: NDArray[np.float32], most: int = 4) -> tuple[Answer, ...]:
    """The winning answers along the way most people took, for a line of a list."""
    winners = (
        max(question.answers, key=lambda answer: answer.fraction)
        for question in asked_questions(votes)
        if question.reached and question.number != 6
    )
    return tuple(winners)[:most]
