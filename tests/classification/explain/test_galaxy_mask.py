from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from looking_networks import galaxy_crop

pytest.importorskip("sep", reason="workstation extra not installed")

from annotations.galaxy_zoo import read_crops, read_labels
from classification.explain.galaxy_mask import (
    REGIONS,
    NoGalaxyError,
    crop_regions,
    ellipse_of,
    in_galaxy_frame,
)


@pytest.mark.parametrize("angle", [0.0, 0.6, 1.5, 2.4])
def test_mask_and_ellipse_are_those_of_the_drawn_galaxy(angle):
    regions = crop_regions(galaxy_crop(96, semi_major=26, ratio=0.5, angle_rad=angle))
    found = regions.ellipse
    assert regions.galaxy.sum() == pytest.approx(math.pi * 26 * 13, rel=0.15)
    assert found.x_px == pytest.approx(48, abs=0.5)
    assert found.y_px == pytest.approx(48, abs=0.5)
    assert found.semi_major_px == pytest.approx(26, rel=0.1)
    assert found.semi_minor_px == pytest.approx(13, rel=0.15)
    assert math.cos(2 * (found.angle_rad - angle)) == pytest.approx(1, abs=0.01)
    assert not regions.truncated


def test_regions_fill_the_crop_and_tell_the_star_from_the_galaxy():
    regions = crop_regions(galaxy_crop(96, semi_major=20, star=(30.0, -25.0)))
    assert sum(regions.shares().values()) == pytest.approx(1)
    assert regions.mask("neighbours")[48 - 25, 48 + 30]
    assert not regions.galaxy[48 - 25, 48 + 30]
    assert regions.mask("outskirts")[48, 48 + 25]
    assert regions.mask("border")[0, 0]
    assert regions.mask("sky")[80, 20]
    assert [*regions.shares()] == list(REGIONS)


def test_masks_of_another_size_show_the_same_galaxy():
    crop = galaxy_crop(192, semi_major=60)
    fine, coarse = crop_regions(crop), crop_regions(crop, 48)
    assert coarse.galaxy.shape == (48, 48)
    assert coarse.galaxy.mean() == pytest.approx(fine.galaxy.mean(), rel=0.03)
    assert coarse.ellipse.semi_major_px == pytest.approx(fine.ellipse.semi_major_px / 4, rel=0.03)


def test_sky_alone_is_no_galaxy():
    sky = np.random.default_rng(0).normal(20, 2, (64, 64, 3)).clip(0, 255).astype(np.uint8)
    with pytest.raises(NoGalaxyError, match=r"dark\.png: no galaxy in the middle"):
        crop_regions(sky, name="dark.png")


def test_a_star_in_a_corner_is_no_galaxy_in_the_middle():
    corner = galaxy_crop(96, semi_major=0.01, star=(-35.0, -35.0))
    with pytest.raises(NoGalaxyError):
        crop_regions(corner)


@pytest.mark.parametrize("shape", [(64, 64), (64, 48, 3)])
def test_what_is_no_square_crop_in_colour_is_refused(shape):
    with pytest.raises(ValueError, match="a crop is"):
        crop_regions(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("angle", [0.3, 1.2, 2.8])
def test_in_its_own_frame_every_galaxy_is_alike(angle):
    crop = galaxy_crop(96, semi_major=24, ratio=0.4, angle_rad=angle)
    ellipse = crop_regions(crop).ellipse
    framed = in_galaxy_frame(crop.astype(np.float32).mean(axis=2), ellipse, 80, reach=2.0)
    there = ellipse_of(np.nan_to_num(framed) > 90)
    assert there.semi_major_px == pytest.approx(80 / 4, rel=0.07)
    assert there.semi_minor_px == pytest.approx(0.4 * 80 / 4, rel=0.12)
    assert abs(math.sin(there.angle_rad)) < 0.05
    assert there.x_px == pytest.approx(40, abs=0.6)
    assert there.y_px == pytest.approx(40, abs=0.6)
    assert np.isnan(framed).any() == (2.0 * ellipse.semi_major_px > 47)


def test_real_galaxies_have_masks(data_dir: Path):
    table = read_labels(data_dir / "galaxies" / "labels.csv")
    known = np.flatnonzero(
        np.isfinite(table.frame_scale) & table.has_class & (np.array(table.split) == "test")
    )
    keep = np.zeros(len(table), bool)
    keep[known[:: len(known) // 30]] = True
    shares = [crop_regions(c, 96).shares()["galaxy"] for c in read_crops(table.rows(keep), 205)]
    assert len(shares) >= 30
    assert 0.1 < np.mean(shares) < 0.35
