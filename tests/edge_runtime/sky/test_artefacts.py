"""Artefacts change the picture, in place, finitely and repeatably."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge_runtime.sky import artefacts

ADDERS: list[Callable[..., artefacts.Image]] = [
    getattr(artefacts, name) for name in artefacts.__all__ if name.startswith("add_")
]


def sky(shape: tuple[int, ...]) -> artefacts.Image:
    return np.random.default_rng(0).normal(100.0, 4.0, shape).astype(np.float32)


@pytest.mark.parametrize("add", ADDERS, ids=lambda add: add.__name__)
@pytest.mark.parametrize("shape", [(97, 131), (97, 131, 3), (24, 20, 3)], ids=str)
def test_every_artefact_works_on_any_picture(
    add: Callable[..., artefacts.Image], shape: tuple[int, ...]
) -> None:
    changed = 0
    for seed in range(25):
        image = sky(shape)
        before = image.copy()
        result = add(np.random.default_rng(seed), image)
        assert result is image
        assert image.dtype == np.float32
        assert image.shape == shape
        assert np.isfinite(image).all()
        changed += not np.array_equal(image, before)
        again = add(np.random.default_rng(seed), sky(shape), artefacts.background_noise(before))
        if add is not artefacts.add_noise:  # its argument is the noise to add
            np.testing.assert_array_equal(again, image)
    # A small picture may well get no star.
    assert changed >= (15 if shape[0] > 50 else 3)


@pytest.mark.parametrize("add", ADDERS, ids=lambda add: add.__name__)
def test_no_artefact_makes_a_noiseless_black_picture_fail(
    add: Callable[..., artefacts.Image],
) -> None:
    image = np.zeros((64, 64, 3), dtype=np.float32)
    assert np.isfinite(add(np.random.default_rng(1), image)).all()


def test_the_background_noise_is_measured_despite_stars_and_gradients() -> None:
    rng = np.random.default_rng(3)
    image = rng.normal(0.0, 5.0, (300, 300, 3)).astype(np.float32)
    image += np.linspace(0.0, 300.0, 300, dtype=np.float32)[None, :, None]
    artefacts.add_star_field(rng, image, 5.0, count=60)
    assert artefacts.background_noise(image) == pytest.approx(5.0, rel=0.08)


def test_a_globular_cluster_is_brightest_in_its_middle() -> None:
    image = np.zeros((200, 200, 3), dtype=np.float32)
    artefacts.add_globular_cluster(
        np.random.default_rng(0), image, 1.0, xy_px=(80.0, 120.0), radius_px=60.0
    )
    y, x = np.indices((200, 200))
    distance = np.hypot(x - 80.0, y - 120.0)
    plane = image[..., 1]
    assert plane[distance < 10].mean() > 5.0 * plane[(distance > 30) & (distance < 50)].mean()
    assert plane[distance > 75].mean() < 0.02 * plane[distance < 30].mean()


def test_a_globular_cluster_always_shows_stars_within_its_haze() -> None:
    for seed in range(20):
        image = np.zeros((160, 160, 3), dtype=np.float32)
        artefacts.add_globular_cluster(
            np.random.default_rng(seed), image, 1.0, xy_px=(80.0, 80.0), radius_px=60.0
        )
        plane = image[..., 1]
        y, x = np.indices(plane.shape)
        ring = plane[np.abs(np.hypot(x - 80, y - 80) - 25.0) < 5.0]
        assert ring.std() > 0.3 * ring.mean()


def test_a_planetary_nebula_ends_within_a_quarter_of_the_picture() -> None:
    for seed in range(20):
        image = np.zeros((200, 200, 3), dtype=np.float32)
        artefacts.add_planetary_nebula(
            np.random.default_rng(seed), image, 1.0, xy_px=(100.0, 100.0)
        )
        y, x = np.indices((200, 200))
        distance = np.hypot(x - 100, y - 100)
        plane = image.sum(axis=2)
        assert plane[distance < 60].sum() > 0.97 * plane.sum()


def test_a_comet_is_brightest_at_its_nucleus() -> None:
    for seed in range(20):
        image = np.zeros((120, 160, 3), dtype=np.float32)
        artefacts.add_comet(np.random.default_rng(seed), image, 1.0, xy_px=(70.0, 50.0))
        row, column = np.unravel_index(np.argmax(image[..., 1]), (120, 160))
        assert np.hypot(row - 50, column - 70) < 2.0


def test_spikes_stand_out_from_the_star() -> None:
    def light(spikes: int) -> artefacts.Image:
        image = np.zeros((301, 301), dtype=np.float32)
        return artefacts.add_bright_star(
            np.random.default_rng(4), image, 1.0, xy_px=(150.0, 150.0), spikes=spikes, halo=False
        )

    extra = light(4) - light(0)
    y, x = np.indices(extra.shape)
    ring = extra[np.abs(np.hypot(x - 150, y - 150) - 25.0) < 0.7]
    assert ring.max() > 3.0 * np.median(ring) + 1e-3


def test_trails_keep_the_light_and_stretch_it() -> None:
    image = np.zeros((61, 61), dtype=np.float32)
    image[30, 30] = 1.0
    smeared = artefacts.trail(image, 10.0, 0.0)
    assert smeared.sum() == pytest.approx(1.0, abs=1e-4)
    assert np.count_nonzero(smeared.sum(axis=0) > 0.01) == pytest.approx(11, abs=1)
    assert np.count_nonzero(smeared.sum(axis=1) > 0.01) == 1
