from __future__ import annotations

import math

import numpy as np
import pytest
from looking_networks import LookingNetwork, galaxy_crop

pytest.importorskip("sep", reason="workstation extra not installed")

from classification.explain.faithfulness.intervals import mean_difference, mean_interval
from classification.explain.faithfulness.scores import (
    PLACES,
    RANDOM,
    SCORES,
    SPOT,
    galaxy_scores,
    score_table,
)
from classification.explain.galaxy_mask import crop_regions
from classification.explain.targets import Target

TARGET = Target("class5:spiral", 0)


def rows(count: int = 6) -> list[dict[str, dict[str, float]]]:
    found = []
    for seed in range(count):
        crop = galaxy_crop(64, semi_major=18, angle_rad=0.5 * seed, star=(24, -20), seed=seed)
        regions = crop_regions(crop)
        network = LookingNetwork(regions.galaxy)

        def explain(name, changed):
            light = changed.astype(np.float32).mean(axis=2) - 40
            return light if name == "light" else -light

        maps = {name: explain(name, crop) for name in ("light", "dark")}
        scores, curves = galaxy_scores(
            network, crop, TARGET, maps, regions, explain=explain, seed=seed
        )
        assert curves["light"].gain == scores["light"]["gain"]
        found.append(scores)
    return found


def test_the_map_of_the_light_is_faithful_to_a_network_that_sees_light():
    table = score_table(rows(), resamples=200)
    assert table.n == 6
    assert list(table.means) == ["light", "dark", RANDOM, SPOT]
    light, dark = table.means["light"], table.means["dark"]
    assert light["inside"].value > 0.85
    assert light["neighbours"].value == pytest.approx(1 - light["inside"].value, abs=0.05)
    assert dark["inside"].value < 0.02
    assert light["gain"].low > table.means[RANDOM]["gain"].high
    assert table.above_random["light"].p_value < 0.02
    assert table.above_random["dark"].difference < 0
    assert table.best("gain") == table.best("deletion") == "light"
    assert light["rotation"].value > 0.5
    assert light["seconds"].value is None


def test_references_have_no_stability_and_are_never_the_best():
    table = score_table(rows(3), resamples=100)
    assert table.means[SPOT]["rotation"].value is None
    assert table.best("pointing") != SPOT
    assert table.best("seconds") is None


def test_every_score_is_there():
    scores = rows(1)[0]["light"]
    keys = {score.key for score in SCORES} - {"seconds", "completeness_error"}
    assert keys | set(PLACES) == set(scores)


def test_unknown_values_are_left_out_of_the_mean():
    values = np.array([1.0, math.nan, 3.0])
    found = mean_interval(values, resamples=200)
    assert found.value == 2
    assert found.low >= 1
    assert found.high <= 3
    assert mean_interval(np.full(3, math.nan)).value is None
    assert mean_difference(values, values + 1).difference == pytest.approx(1)
    assert mean_difference(values, np.full(3, math.nan)).difference is None
