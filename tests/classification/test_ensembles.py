"""Averages of predictions, and ensembles kept in files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_galaxies import some_votes

from classification.ensembles import average
from classification.predictions import Predictions
from edge_runtime.decision_tree import constraint_violation
from edge_runtime.errors import GalaxyEdgeError

IDS = tuple(f"g{i}" for i in range(6))
ROUND = np.tile(np.float32([0.7, 0.1, 0.1, 0.05, 0.05]), (6, 1))
SPIRAL = np.tile(np.float32([0.1, 0.1, 0.1, 0.1, 0.6]), (6, 1))


@given(
    raw=st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda w: sum(w) > 0.01),
    seed=st.integers(0, 1000),
)
def test_averages_of_votes_that_obey_the_tree_obey_it(raw: list[float], seed: int):
    weights = tuple(weight / sum(raw) for weight in raw)
    members = [Predictions(IDS, some_votes(6, seed + i)) for i in range(3)]
    votes = average(members, {"votes": weights}).votes
    assert votes is not None
    assert votes.dtype == np.float32
    assert constraint_violation(votes).max() < 1e-6
    assert votes.min() >= 0
    assert votes.max() <= 1 + 1e-6


def test_the_published_weights_by_hand():
    first, second = (
        Predictions(IDS, None, {"class5": ROUND}),
        Predictions(IDS, None, {"class5": SPIRAL}),
    )
    mixed = average([first, second], {"class5": (0.6, 0.4)}).classes["class5"]
    np.testing.assert_allclose(mixed[0], [0.46, 0.1, 0.1, 0.07, 0.27], atol=1e-6)
    assert mixed.sum(axis=1) == pytest.approx(np.ones(6))


def test_a_network_without_weight_need_not_have_the_output():
    members = [Predictions(IDS, some_votes(6)), Predictions(IDS, None, {"class5": ROUND})]
    mixed = average(members, {"votes": (1.0, 0.0), "class5": (0.0, 1.0)})
    np.testing.assert_array_equal(mixed.votes, members[0].votes)
    np.testing.assert_array_equal(mixed.classes["class5"], ROUND)
    with pytest.raises(GalaxyEdgeError, match=r"network 2 has weight 0\.5 for votes"):
        average(members, {"votes": (0.5, 0.5)})


def test_predictions_of_other_galaxies_are_not_averaged():
    members = [Predictions(IDS, some_votes(6)), Predictions(IDS[::-1], some_votes(6))]
    with pytest.raises(GalaxyEdgeError, match="network 2 predicts other galaxies"):
        average(members, {"votes": (0.5, 0.5)})


@pytest.mark.parametrize("weights", [(1.0,), (0.5, 0.6), (1.5, -0.5)])
def test_weights_that_are_none_are_refused(weights: tuple[float, ...]):
    members = [Predictions(IDS, some_votes(6, i)) for i in range(2)]
    with pytest.raises(ValueError, match="weights"):
        average(members, {"votes": weights})
