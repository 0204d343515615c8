"""Which answer of a network is explained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classification.class_rules import CLASS5_COLUMNS
from classification.explain.networks import Crops, ExplainedNetwork
from classification.explain.outputs import CLASS5_SCHEME, EDGE_OUTPUTS, VOTE_OUTPUTS
from edge_runtime.decision_tree import (
    ANSWER_NAMES,
    COLUMN_INDEX,
    PARENT_INDEX,
    QUESTION_SLICES,
)
from edge_runtime.errors import GalaxyEdgeError


@dataclass(frozen=True, slots=True)
class Target:
    """One answer of a network.

    Attributes
    ----------
    label : str
        For people: ``class5:spiral``, ``votes:Class4.1 (spiral)``.
    index : int
        Column of the answers.
    """

    label: str
    index: int


def target_at(network: ExplainedNetwork, index: int) -> Target:
    """The target of one column of a network's answers."""
    return Target(_label(network.outputs[index]), index)


def strongest(network: ExplainedNetwork, crop: Crops) -> Target:
    """What a network takes a galaxy for.

    The likeliest of the five classes where the network gives them. Networks that give
    votes alone: the largest of the five vote fractions behind those classes, since the
    largest of all 37 is nearly always "not odd". Elsewhere the largest answer.

    Parameters
    ----------
    network : ExplainedNetwork
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255
    """
    return strongest_of(network, network.answers(crop[None])[0])


def strongest_of(network: ExplainedNetwork, answers: NDArray[np.float32]) -> Target:
    """Same as ``strongest`` from answers, shape (K,), that are known already."""
    outputs = network.outputs
    columns = [i for i, name in enumerate(outputs) if name.startswith(f"{CLASS5_SCHEME}:")]
    if not columns and outputs == VOTE_OUTPUTS:
        columns = [COLUMN_INDEX[column] for column in CLASS5_COLUMNS]
    columns = columns or list(range(len(outputs)))
    return target_at(network, max(columns, key=lambda column: answers[column]))


def for_questions(answers: NDArray[np.float32], *, least_asked: float = 0.0) -> tuple[Target, ...]:
    """For each question of the decision tree, the answer with the most votes.

    Parameters
    ----------
    answers : ndarray, shape (37,) or (43,)
        Of one crop, by a network whose first answers are the votes.
    least_asked : float
        Leave out questions that fewer were asked, 0 to 1: the vote fraction of the
        answer that leads to them.

    Raises
    ------
    GalaxyEdgeError
        The answers have no votes.
    """
    if answers.shape not in ((len(VOTE_OUTPUTS),), (len(EDGE_OUTPUTS),)):
        raise GalaxyEdgeError(
            f"answers of shape {answers.shape} hold no votes of the decision tree; "
            "a network with votes gives 37 or 43"
        )
    targets = []
    for columns, parent in zip(QUESTION_SLICES, PARENT_INDEX, strict=True):
        if parent is not None and answers[parent] < least_asked:
            continue
        index = columns.start + int(np.argmax(answers[columns]))
        targets.append(Target(_label(VOTE_OUTPUTS[index]), index))
    return tuple(targets)


def question_of(target: Target, network: ExplainedNetwork) -> int | None:
    """Position of the decision tree's question in ``QUESTIONS`` that a target answers."""
    if network.outputs[target.index] not in VOTE_OUTPUTS:
        return None
    column = VOTE_OUTPUTS.index(network.outputs[target.index])
    return next(i for i, s in enumerate(QUESTION_SLICES) if s.start <= column < s.stop)


def named(network: ExplainedNetwork, name: str) -> Target:
    """A target by its name.

    Parameters
    ----------
    network : ExplainedNetwork
    name : str
        An output, ``class5:spiral``, or its part behind the colon where that is unique,
        ``spiral`` or ``Class4.1``; or the short name of a vote, ``tight arms``.

    Raises
    ------
    GalaxyEdgeError
        No output has this name, or several have; the message lists those there are.
    """
    outputs = network.outputs
    for names in (
        outputs,
        tuple(output.partition(":")[2] for output in outputs),
        tuple(_meaning(output) for output in outputs),
    ):
        if name and names.count(name) == 1:
            return target_at(network, names.index(name))
    raise GalaxyEdgeError(f"{network.name}: has no answer {name!r}; it has: {', '.join(outputs)}")


def _meaning(output: str) -> str:
    scheme, _, column = output.partition(":")
    return ANSWER_NAMES[COLUMN_INDEX[column]] if output in VOTE_OUTPUTS and scheme else ""


def _label(output: str) -> str:
    meaning = _meaning(output)
    return f"{output} ({meaning})" if meaning else output
