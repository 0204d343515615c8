"""Extended sources are proposed, stars are not."""

from __future__ import annotations

import numpy as np
import pytest

from detection.evaluation.sep_proposals import SepParams, sep_proposals
from edge_runtime.boxes import iou

SKY = 20


def starry_sky(height: int, width: int, stars: int = 60) -> np.ndarray:
    generator = np.random.default_rng(4)
    level = generator.normal(SKY, 4.0, (height, width))
    for x, y, peak in zip(
        generator.uniform(10, width - 10, stars),
        generator.uniform(10, height - 10, stars),
        generator.uniform(60, 220, stars),
        strict=True,
    ):
        add_source(level, x, y, 1.8, 1.8, peak)
    return level


def add_source(level: np.ndarray, x: float, y: float, a: float, b: float, peak: float) -> None:
    rows, columns = np.mgrid[: level.shape[0], : level.shape[1]]
    level += peak * np.exp(-0.5 * (((columns - x) / a) ** 2 + ((rows - y) / b) ** 2))


def picture_of(level: np.ndarray) -> np.ndarray:
    grey = np.clip(np.rint(level), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_a_galaxy_among_stars_is_the_only_candidate():
    level = starry_sky(300, 400)
    add_source(level, 250, 120, 14, 7, 100)
    found = sep_proposals(picture_of(level))
    assert len(found.scores) == 1
    assert found.scores.tolist() == pytest.approx([0.3])
    truth = np.array([(250 - 42, 120 - 21, 250 + 42, 120 + 21)], np.float32)
    assert iou(found.xyxy_px, truth)[0, 0] > 0.5


def test_box_is_in_pixels_of_the_whole_frame():
    level = starry_sky(600, 1000)
    add_source(level, 700, 200, 30, 30, 100)
    found = sep_proposals(picture_of(level), SepParams(longest_side_px=500))
    truth = np.array([(610, 110, 790, 290)], np.float32)
    assert iou(found.xyxy_px[:1], truth)[0, 0] > 0.5


def test_stars_and_blank_sky_give_none():
    assert len(sep_proposals(picture_of(starry_sky(300, 400))).scores) == 0
    flat = np.full((100, 100, 3), SKY, np.uint8)
    assert sep_proposals(flat).xyxy_px.shape == (0, 4)


def test_a_satellite_trail_is_too_long():
    level = starry_sky(300, 400)
    level[148:152, 40:360] += 80.0
    assert len(sep_proposals(picture_of(level)).scores) == 0


def test_candidates_are_at_most_so_many_brightest_first():
    level = starry_sky(400, 400)
    for i, peak in enumerate((50, 110, 80)):
        add_source(level, 80 + 120 * i, 200, 10, 10, peak)
    found = sep_proposals(picture_of(level), SepParams(most=2))
    centres = (found.xyxy_px[:, 0] + found.xyxy_px[:, 2]) / 2
    assert centres.tolist() == pytest.approx([200, 320], abs=3)
