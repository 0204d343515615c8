from __future__ import annotations

import math

import numpy as np
import pytest
from looking_networks import disc, galaxy_crop

pytest.importorskip("sep", reason="workstation extra not installed")

from classification.explain.faithfulness.placement import placement
from classification.explain.galaxy_mask import crop_regions

REGIONS = crop_regions(galaxy_crop(96, semi_major=20, star=(30.0, -25.0)))


def test_a_map_inside_the_mask_scores_one():
    found = placement(REGIONS.galaxy.astype(np.float32), REGIONS)
    assert found.inside == 1
    assert found.pointing == 1
    assert sum(found.shares.values()) == pytest.approx(1)


def test_a_map_on_the_star_points_beside_the_galaxy():
    found = placement(disc(96, 2, x=29.5, y=-25.5).astype(np.float32), REGIONS)
    assert found.inside == 0
    assert found.pointing == 0
    assert found.shares["neighbours"] > 0.9


def test_negative_attribution_counts_nowhere():
    values = np.where(REGIONS.galaxy, 1.0, -5.0)
    assert placement(values, REGIONS).inside == 1


def test_an_even_map_has_the_share_of_the_area():
    found = placement(np.ones((96, 96)), REGIONS)
    assert found.shares == pytest.approx(REGIONS.shares())
    assert found.pointing == pytest.approx(REGIONS.shares()["galaxy"])


def test_a_map_without_anything_positive_has_no_place():
    found = placement(np.zeros((96, 96)), REGIONS)
    assert math.isnan(found.inside)
    assert math.isnan(found.pointing)


def test_another_size_is_refused():
    with pytest.raises(ValueError, match="the regions are"):
        placement(np.ones((48, 48)), REGIONS)
