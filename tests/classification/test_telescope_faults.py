from __future__ import annotations

import math

import numpy as np
import pytest

from annotations.galaxies.dataset import GalaxySet
from classification.preparation import Preparation
from classification.telescope_faults import CROP_FRAME_PX, FAULTS, GRADIENT_LEVELS, with_fault
from edge_runtime.errors import ConfigError

SCALE = 0.6
SIDE_PX = round(264 * SCALE)  # as wide as most of the survey's cut-outs


def picture(sigma_px: float = 8.0, sky: float = 30.0, noise: float = 0.0) -> np.ndarray:
    """A round galaxy in the middle, (S, S, 3) uint8."""
    axis = np.arange(SIDE_PX) - (SIDE_PX - 1) / 2
    light = sky + 150 * np.exp(-0.5 * (axis[:, None] ** 2 + axis[None, :] ** 2) / sigma_px**2)
    grain = np.random.default_rng(0).normal(0, noise, (SIDE_PX, SIDE_PX, 3)) if noise else 0.0
    tint = np.array([1.0, 0.8, 0.6])
    return np.clip(light[:, :, None] * tint + grain, 0, 255).astype(np.uint8)


def moments(pixels: np.ndarray, sky: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (x, y) and spread of the light, in pixels."""
    light = np.clip(pixels.astype(float) - sky - 6, 0, None).mean(axis=2)
    axis = np.arange(len(light))
    x, y = (light.sum(axis=i) @ axis / light.sum() for i in (0, 1))
    spread = light.sum(axis=0) @ (axis - x) ** 2 / light.sum()
    return np.array([x, y]), math.sqrt(spread)


SKY = 30.0 * np.array([1.0, 0.8, 0.6])


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_the_same_every_time_and_differs_between_galaxies(name: str) -> None:
    one = FAULTS[name].apply(picture(noise=2), SCALE, seed=5)
    assert one.dtype == np.uint8
    assert one.shape == (SIDE_PX, SIDE_PX, 3)
    assert np.array_equal(one, FAULTS[name].apply(picture(noise=2), SCALE, seed=5))
    other = FAULTS[name].apply(picture(noise=2), SCALE, seed=6)
    chance = name in ("noise", "gradient", "off-centre", "half scale")
    assert np.array_equal(one, other) != chance


def test_no_fault_changes_nothing() -> None:
    assert np.array_equal(FAULTS["none"].apply(picture(), SCALE, 1), picture())


@pytest.mark.parametrize(("name", "factor"), [("half scale", 0.5), ("double scale", 2.0)])
def test_the_galaxy_appears_at_the_other_scale_in_the_same_place(name: str, factor: float) -> None:
    centre, spread = moments(picture(), SKY)
    changed = FAULTS[name].apply(picture(), SCALE, 1)
    new_centre, new_spread = moments(changed, SKY)
    assert new_spread / spread == pytest.approx(factor, rel=0.06)
    assert new_centre == pytest.approx(centre, abs=0.6)


def test_the_galaxy_stands_a_tenth_of_the_crop_off_the_centre() -> None:
    centre, _ = moments(picture(), SKY)
    for seed in range(4):
        new_centre, _ = moments(FAULTS["off-centre"].apply(picture(), SCALE, seed), SKY)
        assert np.hypot(*(new_centre - centre)) == pytest.approx(
            0.1 * CROP_FRAME_PX * SCALE, abs=0.3
        )


def test_no_edge_shows_where_the_sky_is_drawn() -> None:
    plain = picture(noise=2)
    smaller = FAULTS["half scale"].apply(plain, SCALE, 1).astype(float)
    # level and grain beyond the old picture, which ends a quarter from each side
    outside = smaller[: SIDE_PX // 5]
    assert outside.mean(axis=(0, 1)) == pytest.approx(SKY, abs=1.5)
    rows = smaller[:, SIDE_PX // 2 - 40 : SIDE_PX // 2 + 40].mean(axis=(1, 2))
    rim = rows[SIDE_PX // 4 - 8 : SIDE_PX // 4 + 8]
    assert np.abs(np.diff(rim)).max() < 1.5


def test_blur_spreads_the_light_and_keeps_it() -> None:
    blurred = FAULTS["blur"].apply(picture(), SCALE, 1)
    _, spread = moments(blurred, SKY)
    sigma = 0.02 * CROP_FRAME_PX * SCALE
    assert spread == pytest.approx(np.hypot(moments(picture(), SKY)[1], sigma), rel=0.05)
    assert blurred.mean() == pytest.approx(picture().mean(), abs=0.6)


def test_noise_has_its_level_in_the_pixels_of_the_edge() -> None:
    flat = np.full((264, 264, 3), 128, np.uint8)
    noisy = FAULTS["noise"].apply(flat, 1.0, seed=1)
    assert noisy.std() == pytest.approx(10, rel=0.05)
    crop = Preparation(CROP_FRAME_PX, 64).prepare(noisy, 1.0)
    assert crop.std() == pytest.approx(10, rel=0.2)  # cells and pixels do not quite coincide


def test_mono_has_three_equal_colours_and_the_same_light() -> None:
    mono = FAULTS["mono"].apply(picture(), SCALE, 1)
    assert np.ptp(mono, axis=2).max() == 0
    assert mono.mean() == pytest.approx(picture().mean(), abs=0.6)


def test_the_gradient_rises_across_the_crop() -> None:
    flat = np.full((SIDE_PX, SIDE_PX, 3), 50, np.uint8)
    changed = FAULTS["gradient"].apply(flat, SCALE, 3)
    assert changed.min() == 50
    assert changed.max() == 50 + GRADIENT_LEVELS


def test_pictures_of_unknown_scale_are_changed_all_the_same() -> None:
    _, spread = moments(FAULTS["half scale"].apply(picture(), math.nan, 1), SKY)
    assert spread < 0.6 * moments(picture(), SKY)[1]


class OnePicture:
    def __len__(self) -> int:
        return 2

    def name(self, index: int) -> str:
        return f"picture {index}"

    def read(self, index: int) -> np.ndarray:
        return picture(noise=2)


def test_a_set_meets_its_faults_by_identity_not_by_place() -> None:
    galaxies = GalaxySet(
        name="two",
        pictures=OnePicture(),
        ids=("a", "b"),
        votes=np.full((2, 37), np.nan, np.float32),
        frame_scale=np.array([SCALE, SCALE], np.float32),
    )
    noisy = with_fault(galaxies, "noise")
    assert noisy.pictures.name(1) == "picture 1 (noise)"
    assert not np.array_equal(noisy.pictures.read(0), noisy.pictures.read(1))
    turned = with_fault(galaxies.rows(np.array([1, 0])), "noise")
    assert np.array_equal(turned.pictures.read(0), noisy.pictures.read(1))
    with pytest.raises(ConfigError, match="gradient"):
        with_fault(galaxies, "rain")
