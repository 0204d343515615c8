"""Heads give what they are named for, in full precision."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from classification.heads import TREE_37, Head, TreeVotes, attach, softmax
from edge_runtime.decision_tree import constraint_violation, votes_from_logits
from edge_runtime.errors import ConfigError


def test_tree_votes_are_those_of_the_edge() -> None:
    logits = np.random.default_rng(4).normal(0, 3, (20, 37)).astype(np.float32)
    found = keras.ops.convert_to_numpy(TreeVotes()(logits))
    np.testing.assert_allclose(found, votes_from_logits(logits), atol=1e-6)


@pytest.mark.parametrize("head", [TREE_37, softmax(5), Head("sigmoid", 3)])
def test_answers_are_float32_under_mixed_precision(head: Head) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        inputs = keras.Input((16,))
        features = keras.layers.Dense(8)(inputs)
        outputs = attach(features, head)
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(features.dtype) == "bfloat16"
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    found = keras.Model(inputs, outputs).predict(
        np.random.default_rng(1).normal(0, 3, (5, 16)), verbose=0
    )
    assert found.dtype == np.float32
    if head is TREE_37:
        assert constraint_violation(found).max() < 1e-5


def test_options_go_to_the_dense_layer() -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, attach(inputs, TREE_37, use_bias=False))
    assert model.count_params() == 4 * 37


@pytest.mark.parametrize(
    ("kind", "width", "message"),
    [("linear", 3, "sigmoid, softmax, tree"), ("softmax", 0, "at least 1"), ("tree", 36, "37")],
)
def test_impossible_heads_are_refused(kind: str, width: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Head(kind, width)
