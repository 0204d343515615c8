from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from annotations.empty_frames import empty_frame_split
from annotations.galaxy_zoo import read_crops, read_labels
from classification.edge_network.augmentation import (
    LOOKS,
    SURVEY,
    TELESCOPE,
    add_point_sources,
    cross_edge,
    expose,
    warp,
)
from classification.edge_network.data import (
    BatchPlan,
    CropBatches,
    GalaxyCache,
    cache_galaxies,
    lay_over,
)
from classification.edge_network.mined_crops import MinedCrops
from classification.edge_network.negatives import FILL, bright_places, drawn, read_empty_frames

NONE = MinedCrops()


@pytest.fixture(scope="module")
def batches(tiny_data: Path) -> CropBatches:
    table = read_labels(tiny_data / "galaxies" / "labels.csv").where("train")
    cache = cache_galaxies(table, (1, 1, 4, 1, 1), 0.5)
    frames = read_empty_frames(empty_frame_split(tiny_data)[0])
    mined = MinedCrops([np.full((3, 64, 64, 3), 200, np.uint8)])
    return CropBatches(cache, frames, mined, NONE, BatchPlan(12, 8), 64, 2, (7, 0))


def test_a_batch_holds_galaxies_first_and_labels_only_for_them(batches: CropBatches) -> None:
    crops, targets = batches[0]
    assert crops.shape == (20, 64, 64, 3)
    assert crops.dtype == np.float32
    assert crops.min() >= 0
    assert crops.max() <= 255
    assert targets["galaxy"][:, 0].tolist() == [1.0] * 12 + [0.0] * 8
    assert np.isnan(targets["votes"][12:]).all()
    assert np.isnan(targets["class5"][12:]).all()
    known = ~np.isnan(targets["class5"][:, 0])
    assert 0 < known.sum() < 12
    np.testing.assert_allclose(targets["class5"][known].sum(axis=1), 1)


def test_a_batch_depends_only_on_its_seed_and_number(batches: CropBatches) -> None:
    np.testing.assert_array_equal(batches[1][0], batches[1][0])
    assert not np.array_equal(batches[0][0], batches[1][0])


def test_rare_classes_are_drawn_more_often(tiny_data: Path) -> None:
    table = read_labels(tiny_data / "galaxies" / "labels.csv").where("train")
    cache = cache_galaxies(table, (1, 1, 50, 1, 1), 0.0)
    many = CropBatches(cache, (), NONE, NONE, BatchPlan(40, 0), 64, 4, (1,))
    drawn_classes = np.concatenate([many[i][1]["class5"] for i in range(4)])
    assert np.nanmean(drawn_classes[:, 2]) > 0.8


def test_a_warp_keeps_the_galaxy_within_the_shift() -> None:
    picture = np.zeros((96, 96, 3), np.uint8)
    picture[44:52, 44:52] = 255
    rng = np.random.default_rng(0)
    for look in (SURVEY, TELESCOPE):
        for _ in range(50):
            crop = warp(picture, 74.5, 64, look, rng)[..., 0]
            weights = crop / crop.sum()
            y = (weights.sum(axis=1) * np.arange(64)).sum()
            x = (weights.sum(axis=0) * np.arange(64)).sum()
            # The crop may be zoomed in, which widens a shift in its pixels.
            reach = look.shift * 64 * (1 + look.zoom) + 1
            assert abs(x - 31.5) <= reach
            assert abs(y - 31.5) <= reach


def test_rescaled_galaxies_keep_the_surveys_look_and_differ_in_size() -> None:
    axis = np.arange(128) - 63.5
    disc = np.hypot(axis[:, None], axis[None, :]) < 25
    picture = np.repeat(np.where(disc, 200, 10)[:, :, None], 3, axis=2).astype(np.uint8)
    unknown = (np.full((1, 37), np.nan, np.float32), np.full((1, 5), np.nan, np.float32))
    cache = GalaxyCache(picture[None], *unknown, np.ones(1))

    def areas(plan: BatchPlan) -> NDArray[np.integer]:
        rng = np.random.default_rng(3)
        made = CropBatches(cache, (), NONE, NONE, plan, 64, 1, (1,))
        return np.array([(made.galaxy(0, False, rng)[..., 1] > 100).sum() for _ in range(60)])

    usual, rescaled = areas(BatchPlan(rescaled=0.0)), areas(BatchPlan(rescaled=1.0))
    assert usual.max() < 2 * usual.min()
    assert rescaled.max() > 6 * rescaled.min()


def test_a_look_is_scaled_by_its_strength() -> None:
    assert TELESCOPE.scaled(1.0) is TELESCOPE
    half = TELESCOPE.scaled(0.5)
    assert (half.shift, half.blur, half.sky) == (0.06, 0.2, (0.0, 20.0))
    assert half.gain == pytest.approx((0.4**0.5, 2.2**0.5))
    assert TELESCOPE.scaled(10.0).jpeg == 1.0  # a probability
    with pytest.raises(ValueError, match="not negative"):
        TELESCOPE.scaled(-1.0)


def test_without_strength_a_batch_is_only_turned(tiny_data: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.float32)
    telescope = np.array([True, False, True, False])
    still = expose(crops, telescope, np.random.default_rng(1), LOOKS.scaled(0.0))
    np.testing.assert_allclose(still, crops, atol=1)
    table = read_labels(tiny_data / "galaxies" / "labels.csv").where("train")
    plan = BatchPlan(8, 0, telescope=0.0, strength=0.0)
    batches = CropBatches(cache_galaxies(table, (1,) * 5, 1.0), (), NONE, NONE, plan, 64, 1, (1,))
    means = np.sort(batches[0][0].mean(axis=(1, 2, 3)))
    plain = read_crops(table, 64).mean(axis=(1, 2, 3))
    assert all(np.abs(plain - mean).min() < 1.5 for mean in means)


def test_a_point_source_has_the_peak_it_was_given() -> None:
    crop = np.zeros((64, 64, 3), np.float32)
    add_point_sources(crop, np.array([[32.0, 20.0], [900.0, 3.0]]), np.full((2, 3), 100.0), 2.0)
    assert crop.max() == pytest.approx(100, rel=0.05)
    assert np.unravel_index(crop[..., 0].argmax(), (64, 64)) in {(20, 32), (19, 31), (20, 31)}


def test_exposure_gives_whole_numbers_of_8_bits_and_some_grey_crops() -> None:
    rng = np.random.default_rng(1)
    crops = rng.uniform(-50, 400, (60, 16, 16, 3)).astype(np.float32)
    exposed = expose(crops, np.arange(60) % 2 == 0, rng)
    np.testing.assert_array_equal(exposed, np.rint(exposed))
    assert exposed.min() >= 0
    assert exposed.max() <= 255
    grey = (exposed[..., 0] == exposed[..., 1]).all(axis=(1, 2))
    assert 5 < grey.sum() < 40


def test_a_galaxy_laid_over_a_star_field_adds_light_and_keeps_the_field() -> None:
    rng = np.random.default_rng(2)
    ground = np.full((64, 64, 3), 20.0, np.float32)
    light = np.full((64, 64, 3), 10.0, np.float32)
    light[28:36, 28:36] = 150
    laid = lay_over(light, ground, rng)
    assert laid[32, 32, 0] > 100
    np.testing.assert_allclose(laid[0, 0], ground[0, 0])


def test_bright_places_find_a_star_and_a_cloud() -> None:
    axis = np.arange(200)
    x, y = np.meshgrid(axis, axis)
    field = 200 * np.exp(-0.5 * ((x - 50) ** 2 + (y - 60) ** 2) / 1.5**2)
    field += 120 * np.exp(-0.5 * ((x - 140) ** 2 + (y - 120) ** 2) / 25**2)
    places = bright_places(np.repeat(field[:, :, None], 3, axis=2).astype(np.uint8))
    small, large = places[places[:, 2] == 1.5], places[places[:, 2] == 25.0]
    assert np.abs(small[:, :2] - (50, 60)).max(axis=1).min() <= 2
    assert np.abs(large[:, :2] - (140, 120)).max(axis=1).min() <= 13


def test_drawn_crops_are_finite_and_differ() -> None:
    rng = np.random.default_rng(4)
    crops = np.stack([drawn(64, rng) for _ in range(40)])
    assert np.isfinite(crops).all()
    assert len(np.unique(crops.mean(axis=(1, 2, 3)))) == 40


def test_a_crop_over_the_edge_has_the_fill_of_the_edge_on_one_side() -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        crop = np.full((64, 64, 3), 99.0, np.float32)
        cross_edge(crop, FILL, rng)
        blank = (crop == FILL).all(axis=2)
        sides = [blank[0].all(), blank[-1].all(), blank[:, 0].all(), blank[:, -1].all()]
        assert sum(sides) == 1
        assert 1 / 64 <= blank.mean() <= 0.35
