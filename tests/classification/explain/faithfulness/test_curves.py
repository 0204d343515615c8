from __future__ import annotations

import numpy as np
import pytest
from looking_networks import SIZE_PX, LookingNetwork, disc, galaxy_crop

from classification.explain.faithfulness.curves import (
    Curve,
    deletion_and_insertion,
    falling_order,
)
from classification.explain.faithfulness.scores import reference_maps
from classification.explain.targets import Target

TARGET = Target("class5:spiral", 0)
CROP = galaxy_crop(semi_major=9.0, ratio=1.0)
PERFECT = disc().astype(np.float32)


def test_a_perfect_map_beats_a_random_one_and_the_worst_one():
    network = LookingNetwork(disc())
    noise = reference_maps(SIZE_PX, 0)["random map"]
    found = deletion_and_insertion(
        network, CROP, TARGET, {"right": PERFECT, "random": noise, "wrong": -PERFECT}
    )
    assert found["right"].deletion.area < 0.12 * found["right"].deletion.answers[0]
    assert found["right"].insertion.area > 0.88 * found["right"].insertion.answers[-1]
    assert abs(found["random"].gain) < 0.02
    assert found["wrong"].gain == pytest.approx(-found["right"].gain, abs=0.01)
    assert found["right"].gain > 0.4


def test_curves_begin_and_end_with_the_whole_and_the_empty_crop():
    network = LookingNetwork(disc())
    pair = deletion_and_insertion(network, CROP, TARGET, {"map": PERFECT}, steps=8)["map"]
    whole = network.answers(CROP[None])[0, 0]
    assert pair.deletion.answers[0] == pytest.approx(whole)
    assert pair.insertion.answers[-1] == pytest.approx(whole)
    assert pair.deletion.answers[-1] == pair.insertion.answers[0] < 0.01
    assert len(pair.deletion.answers) == len(pair.insertion.answers) == 9


def test_all_maps_share_one_batch():
    network = LookingNetwork(disc())
    maps = {str(i): PERFECT for i in range(3)}
    deletion_and_insertion(network, CROP, TARGET, maps, steps=5)
    assert network.calls == 2 + 3 * 2 * 4


def test_area_of_a_straight_line_is_half():
    assert Curve(np.linspace(1, 0, 11)).area == pytest.approx(0.5)
    assert Curve(np.array([1.0, 0.0, 0.0])).area == pytest.approx(0.25)


def test_ties_are_broken_by_lot_and_not_by_rows():
    order = falling_order(np.zeros((20, 20)))
    assert sorted(order) == list(range(400))
    assert abs(np.corrcoef(order, np.arange(400))[0, 1]) < 0.15
    assert (falling_order(np.zeros((20, 20)), 1) != order).any()
    assert falling_order(np.array([[1.0, 3.0], [2.0, -1.0]])).tolist() == [1, 2, 0, 3]
