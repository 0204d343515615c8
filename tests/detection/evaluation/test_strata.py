"""Recall by size and brightness, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from detection_cases import A, B, picture

from detection.evaluation.strata import (
    box_sizes_px,
    recall_by,
    relative_sizes,
    surface_brightness_sigma,
    wilson_interval,
)

SKY, SIGMA = 40.0, 5.0


def noisy_sky(height: int, width: int) -> np.ndarray:
    grey = np.random.default_rng(1).normal(SKY, SIGMA, (height, width))
    return np.repeat(np.rint(np.clip(grey, 0, 255)).astype(np.uint8)[:, :, None], 3, axis=2)


def test_sizes_are_geometric_means():
    boxes = np.array([(0, 0, 10, 40), B], np.float32)
    assert box_sizes_px(boxes).tolist() == [20.0, 20.0]
    assert relative_sizes(boxes, 400, 100).tolist() == [0.1, 0.1]


def test_recall_of_each_stratum():
    pictures = [picture([A, B], [A], [0.9]), picture([B], [B], [0.9])]
    sizes = [box_sizes_px(p.boxes_xyxy_px) for p in pictures]
    small, large, none = recall_by(sizes, pictures, (0.0, 20.0, 30.0, math.inf), 0.5)
    assert (small.galaxies, small.found, small.recall) == (1, 1, 1.0)
    assert (large.galaxies, large.found, large.recall) == (2, 1, 0.5)  # the lower edge belongs
    assert (none.galaxies, none.recall, none.recall_low) == (0, None, None)


def test_difficult_galaxies_and_unknown_values_are_in_no_stratum():
    case = picture([A, B], [A, B], [0.9, 0.8], [True, False])
    (stratum,) = recall_by([np.array([1.0, np.nan])], [case], (-math.inf, math.inf), 0.5)
    assert stratum.galaxies == 0


def test_wilson_interval_from_the_literature():
    # 8 of 10: 0.490 to 0.943 (Brown, Cai & DasGupta 2001 give the formula)
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    low, high = wilson_interval(5, 5)
    assert low == pytest.approx(0.5655, abs=1e-4)
    assert high == 1.0


def test_brightness_is_in_deviations_of_the_sky():
    frame = noisy_sky(200, 200)
    frame[80:120, 80:120] += np.uint8(30)
    boxes = np.array([(80, 80, 120, 120), (10, 10, 50, 50)], np.float32)
    bright, nothing = surface_brightness_sigma(frame, boxes, 0.08)
    assert bright == pytest.approx(30 / SIGMA, rel=0.15)
    assert nothing == pytest.approx(0.0, abs=0.2)


def test_stars_and_other_galaxies_beside_do_not_change_it():
    frame = noisy_sky(200, 200)
    frame[80:120, 80:120] += np.uint8(30)
    frame[80:120, 122:140] = 255
    frame[70, ::7] = 255
    boxes = np.array([(80, 80, 120, 120), (122, 80, 140, 120)], np.float32)
    assert surface_brightness_sigma(frame, boxes, 0.08)[0] == pytest.approx(6.0, rel=0.2)


def test_galaxy_that_fills_the_frame_is_measured_against_the_level_of_the_sky():
    frame = noisy_sky(100, 100)
    frame[30:70, 30:70] += np.uint8(50)
    (value,) = surface_brightness_sigma(frame, np.array([(0, 0, 100, 100)], np.float32), SKY / 255)
    assert value == pytest.approx(50 * 0.16 / SIGMA, rel=0.25)


def test_box_outside_has_no_brightness():
    boxes = np.array([(300, 300, 320, 320)], np.float32)
    assert np.isnan(surface_brightness_sigma(noisy_sky(64, 64), boxes, 0.08)[0])
