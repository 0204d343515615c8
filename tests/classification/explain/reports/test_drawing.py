from __future__ import annotations

import base64
import math

import cv2
import numpy as np
import pytest
from looking_networks import disc, galaxy_crop

pytest.importorskip("sep", reason="workstation extra not installed")

from classification.explain.galaxy_mask import crop_regions
from classification.explain.reports.drawing import (
    colour_gradient,
    coloured,
    map_uri,
    outlines,
    scale_bar,
)
from classification.explain.reports.mean_maps import REACH, SIZE_PX, mean_map, unit_ellipse
from classification.explain.reports.vote_tree import tree_rows
from edge_runtime.decision_tree import COLUMN_INDEX, votes_from_logits


def decoded(uri: str) -> np.ndarray:
    data = base64.b64decode(uri.partition(",")[2])
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]


def test_orange_speaks_for_the_answer_and_purple_against_it():
    red, green, blue = (coloured(np.array([[-1.0, 0.0, 1.0]])))[0].astype(int).T
    assert blue[0] > green[0]  # purple
    assert red[2] > green[2] > blue[2]  # orange
    assert min(red[1], green[1], blue[1]) > 240  # white between
    assert colour_gradient().count("rgb(") == 11


def test_a_map_keeps_its_places_and_signs_in_the_picture():
    values = np.zeros((32, 32), np.float32)
    values[4:12, 20:28], values[20:28, 4:12] = 3.0, -3.0
    picture = decoded(map_uri(values, size_px=128)).astype(int)
    assert picture.shape == (128, 128, 3)
    plus, minus, nothing = picture[32, 96], picture[96, 32], picture[64, 64]
    assert plus[0] > plus[2] + 50
    assert minus[2] > minus[1] + 50
    assert nothing.min() > 230


def test_outlines_are_drawn_around_the_galaxy():
    regions = crop_regions(galaxy_crop(64, semi_major=20, ratio=1.0))
    picture = decoded(map_uri(np.zeros((64, 64)), outlines(regions), 256)).astype(int).sum(axis=2)
    row = picture[128]
    dark = np.flatnonzero(row < 400)
    assert len(dark) >= 2
    assert dark.min() == pytest.approx(128 - 80, abs=8)
    assert dark.max() == pytest.approx(128 + 80, abs=8)


def test_the_bar_is_in_arcseconds_only_where_the_angle_is_known():
    # 4.1 R90 of 50 frame pixels each; a picture of 0.705 px to the frame's
    unknown = scale_bar(205.0, 0.705, 186, None)
    assert unknown.label == "1 R90"
    assert unknown.percent == pytest.approx(100 / 4.1)
    known = scale_bar(205.0, 0.705, 186, 0.396)
    side = 205 * 0.705 * 0.396
    assert known.label == "20″"
    assert known.percent == pytest.approx(100 * 20 / side)
    assert scale_bar(None, math.nan, 120, None) is None
    assert scale_bar(None, math.nan, 120, 0.5).percent == pytest.approx(100 * 20 / 60)
    assert scale_bar(None, 1.0, 424, None).percent == pytest.approx(100 / 8.48)


@pytest.mark.parametrize("count", [1, 7])
def test_galaxies_of_all_sizes_and_directions_have_one_mean(count):
    maps, crops, regions = [], [], []
    for i in range(count):
        crop = galaxy_crop(96, semi_major=15 + 2 * i, ratio=0.4, angle_rad=0.8 * i, seed=i)
        found = crop_regions(crop)
        maps.append(found.galaxy.astype(np.float32))
        crops.append(crop)
        regions.append(found)
    mean = mean_map(maps, crops, regions)
    inside = unit_ellipse(mean.axis_ratio)
    assert mean.n == count
    assert mean.axis_ratio == pytest.approx(0.4, abs=0.06)
    known = np.isfinite(mean.values)
    share = mean.values[inside].sum() / mean.values[known].sum()
    assert share > 0.9
    assert inside.mean() == pytest.approx(math.pi * 0.4 / (2 * REACH) ** 2, rel=0.15)
    assert mean.values.shape == (SIZE_PX, SIZE_PX)
    assert mean.light[SIZE_PX // 2, SIZE_PX // 2].min() > 120


def test_no_galaxy_has_no_mean():
    with pytest.raises(ValueError, match="no map"):
        mean_map([], [], [])


def test_the_tree_shows_each_question_below_the_answer_that_leads_to_it():
    logits = np.full(37, -9.0)
    for column in ("Class1.2", "Class2.2", "Class3.1", "Class4.1", "Class6.2", "Class10.1"):
        logits[COLUMN_INDEX[column]] = 3.0
    rows = tree_rows(votes_from_logits(logits))
    assert [(row.number, row.depth) for row in rows] == [
        (1, 0), (2, 1), (3, 2), (4, 2), (10, 3), (11, 3), (5, 2), (6, 0),
    ]  # fmt: skip
    spiral = next(row for row in rows if row.number == 4)
    assert [answer.text for answer in spiral.answers if answer.leads] == ["spiral"]
    assert spiral.asked == pytest.approx(1, abs=1e-3)
    assert all(answer.true is None for row in rows for answer in row.answers)


def test_known_votes_stand_beside_the_predicted_ones():
    votes = votes_from_logits(np.random.default_rng(0).normal(size=37))
    true = votes_from_logits(np.random.default_rng(1).normal(size=37))
    rows = tree_rows(votes, true)
    for row in rows:
        for answer in row.answers:
            assert answer.true == pytest.approx(float(true[COLUMN_INDEX[answer.column]]))
    assert tree_rows(votes, np.full(37, np.nan))[0].answers[0].true is None


def test_a_disc_is_round():
    assert disc(20, 5).sum() == pytest.approx(math.pi * 25, rel=0.05)
