"""Last layers of the workbench's networks: from features to vote fractions or classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from classification.losses import tree_votes
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.errors import ConfigError
from edge_runtime.sighting import CLASS5

SIGMOID = "sigmoid"
SOFTMAX = "softmax"
TREE = "tree"
KINDS = (SIGMOID, SOFTMAX, TREE)

HEAD_LAYER = "head"
"""Name of the last layer of every network with one output."""

_FLOAT32 = "float32"  # answers keep their precision where the rest computes in 16 bits


@dataclass(frozen=True, slots=True)
class Head:
    """What a network answers.

    Attributes
    ----------
    kind : str
        ``sigmoid``: independent numbers from 0 to 1. ``softmax``: probabilities
        that add up to 1. ``tree``: 37 vote fractions that obey the decision
        tree by construction.
    width : int
        How many numbers.

    Raises
    ------
    ConfigError
        The kind is unknown, the width is not positive, or a tree is not as wide
        as the decision tree.
    """

    kind: str
    width: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"unknown head {self.kind!r}; known: {', '.join(KINDS)}")
        if self.width < 1:
            raise ConfigError(f"a head is at least 1 wide; got {self.width}")
        if self.kind == TREE and self.width != len(VOTE_COLUMNS):
            raise ConfigError(f"a tree head is {len(VOTE_COLUMNS)} wide; got {self.width}")

    def __str__(self) -> str:
        return f"{self.kind}-{self.width}"


SIGMOID_37 = Head(SIGMOID, len(VOTE_COLUMNS))
"""The 37 vote fractions, each by itself."""

TREE_37 = Head(TREE, len(VOTE_COLUMNS))
"""The 37 vote fractions, consistent with the decision tree."""

BINARY = Head(SIGMOID, 1)
"""Probability of the second of two classes."""


def softmax(width: int) -> Head:
    """Head for the probabilities of ``width`` classes."""
    return Head(SOFTMAX, width)


@keras.saving.register_keras_serializable(package="galaxy_edge")
class TreeVotes(layers.Layer):
    """Vote fractions from 37 logits: softmax within each question times the parent's fraction.

    Input and output have the shape (N, 37). The output is float32 also where
    the dtype policy is a mixed one, since eleven products of 16-bit numbers
    would break the sums of the tree.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "dtype": _FLOAT32})

    def call(self, logits: keras.KerasTensor) -> keras.KerasTensor:
        """Vote fractions, shape (N, 37), float32."""
        return tree_votes(logits)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Same as the input's."""
        return input_shape


def attach(features: keras.KerasTensor, head: Head, **dense_options: Any) -> keras.KerasTensor:
    """Dense layer and activation of a head.

    Parameters
    ----------
    features : KerasTensor, shape (N, F)
    head : Head
    **dense_options
        Of the ``keras.layers.Dense`` layer, for example ``kernel_regularizer``.

    Returns
    -------
    KerasTensor, shape (N, head.width), float32
        Activated, from a layer named ``head``.
    """
    if head.kind == TREE:
        logits = layers.Dense(head.width, name="head_logits", dtype=_FLOAT32, **dense_options)
        return TreeVotes(name=HEAD_LAYER)(logits(features))
    dense = layers.Dense(
        head.width, activation=head.kind, name=HEAD_LAYER, dtype=_FLOAT32, **dense_options
    )
    return dense(features)


def edge_outputs(features: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
    """The three answers of the bundle's classifier, as logits.

    Parameters
    ----------
    features : KerasTensor, shape (N, F)

    Returns
    -------
    dict of str to KerasTensor, float32
        ``votes`` (N, 37), ``class5`` (N, 5) and ``galaxy`` (N, 1), from layers of
        these names.
    """
    widths = {"votes": len(VOTE_COLUMNS), "class5": len(CLASS5), "galaxy": 1}
    return {
        name: layers.Dense(width, name=name, dtype=_FLOAT32)(features)
        for name, width in widths.items()
    }
