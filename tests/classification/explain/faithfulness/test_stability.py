from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from looking_networks import galaxy_crop

from classification.explain.faithfulness.similarity import (
    rank_correlation,
    scaled,
    structural_similarity,
)
from classification.explain.faithfulness.stability import stability, turned

CROP = galaxy_crop(64, semi_major=20, ratio=0.4, angle_rad=0.5)


def light(crop: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(crop.astype(np.float32).mean(axis=2), (0, 0), 3.0)


def test_a_map_that_follows_the_galaxy_is_stable():
    found = stability(light, CROP, light(CROP))
    assert found.rotation > 0.9
    assert found.noise > 0.9


def test_a_map_that_stays_where_it_is_does_not_turn_with_the_galaxy():
    fixed = light(CROP)
    found = stability(lambda crop: fixed, CROP, fixed, angle_deg=40)
    assert found.noise == pytest.approx(1)
    assert found.rotation < 0.8 < stability(light, CROP, fixed, angle_deg=40).rotation


def test_a_map_of_noise_is_not_stable():
    rng = np.random.default_rng(0)
    found = stability(lambda crop: rng.normal(size=(64, 64)), CROP, rng.normal(size=(64, 64)))
    assert abs(found.rotation) < 0.1
    assert abs(found.noise) < 0.1


def test_turning_there_and_back_gives_the_same_map():
    values = light(CROP)
    middle = np.s_[16:48, 16:48]
    back = turned(turned(values, 25), -25)
    assert np.abs(back - values)[middle].max() < 0.05 * values.max()


def test_rank_correlation_of_what_has_no_ranks_is_not_known():
    assert math.isnan(rank_correlation(np.zeros((5, 5)), np.eye(5)))
    assert rank_correlation(np.arange(25.0), np.exp(np.arange(25.0))) == pytest.approx(1)
    assert rank_correlation(np.arange(25.0), -np.arange(25.0)) == pytest.approx(-1)


def test_structure_is_compared_whatever_the_scale():
    values = light(CROP) - 30
    assert structural_similarity(values, 1000 * values) == pytest.approx(1, abs=1e-3)
    noise = np.random.default_rng(0).normal(size=(64, 64))
    assert structural_similarity(values, noise) < 0.2
    assert math.isnan(structural_similarity(values, np.ones((64, 64))))


def test_a_scaled_map_keeps_its_signs():
    values = np.array([[-2.0, 0.0], [1.0, 4.0]])
    assert (np.sign(scaled(values)) == np.sign(values)).all()
    assert np.abs(scaled(values)).max() == 1
    assert (scaled(np.zeros((3, 3))) == 0).all()
