from dataclasses import asdict

import keras
import numpy as np
import pytest
from keras import ops

from classification.augmentation import (
    TELESCOPE,
    Augmentation,
    Degradation,
    Motion,
    RandomDegradation,
    RandomMotion,
)
from edge_runtime.errors import ConfigError

RNG = np.random.default_rng(2)


def apply(layer: keras.layers.Layer, pixels: np.ndarray, training: bool = True) -> np.ndarray:
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(pixels), training=training))


def blobs(count: int, x: float = 15.5, y: float = 15.5, side: int = 32) -> np.ndarray:
    axis = np.arange(side)
    blob = 200 * np.exp(-0.5 * ((axis[None] - x) ** 2 + (axis[:, None] - y) ** 2) / 4)
    return np.tile(blob[None, :, :, None], (count, 1, 1, 3)).astype(np.float32)


def centres(pixels: np.ndarray) -> np.ndarray:
    light = pixels[..., 0]
    axis = np.arange(light.shape[1])
    total = light.sum(axis=(1, 2))
    return (
        np.stack(
            [(light.sum(axis=1) * axis).sum(axis=1), (light.sum(axis=2) * axis).sum(axis=1)], axis=1
        )
        / total[:, None]
    )


def test_a_turn_keeps_the_distance_to_the_centre() -> None:
    found = apply(RandomMotion(rotation_deg=180, fill="constant", seed=1), blobs(40, x=22.5))
    offset = centres(found) - 15.5
    np.testing.assert_allclose(np.hypot(*offset.T), 7.0, atol=0.05)
    angles = np.degrees(np.arctan2(offset[:, 1], offset[:, 0]))
    assert angles.min() < -120
    assert angles.max() > 120


def test_a_small_turn_stays_within_its_angle() -> None:
    found = apply(RandomMotion(rotation_deg=25, fill="constant", seed=1), blobs(60, x=22.5))
    offset = centres(found) - 15.5
    angles = np.abs(np.degrees(np.arctan2(offset[:, 1], offset[:, 0])))
    assert 20 < angles.max() <= 25.5


def test_a_zoom_moves_the_light_by_its_factor() -> None:
    found = apply(RandomMotion(zoom=0.2, fill="constant", seed=1), blobs(60, x=22.5))
    factors = (centres(found)[:, 0] - 15.5) / 7
    assert 0.78 <= factors.min() < 0.85
    assert 1.15 < factors.max() <= 1.22
    np.testing.assert_allclose(centres(found)[:, 1], 15.5, atol=0.05)


def test_a_shift_stays_within_its_part_of_the_side() -> None:
    offsets = centres(apply(RandomMotion(shift=0.1, seed=1), blobs(60))) - 15.5
    assert 2.5 < np.abs(offsets).max() <= 3.25
    assert np.std(offsets, axis=0).min() > 1


def test_flips_mirror_about_half_of_the_pictures() -> None:
    found = apply(RandomMotion(flips=True, seed=1), blobs(200, y=20.5))
    y = centres(found)[:, 1]
    mirrored = y < 15.5
    np.testing.assert_allclose(y[mirrored], 10.5, atol=0.01)
    np.testing.assert_allclose(y[~mirrored], 20.5, atol=0.01)
    assert 60 < mirrored.sum() < 140


def test_what_lies_beyond_the_edge_is_the_nearest_pixel() -> None:
    flat = np.full((8, 32, 32, 3), 77, np.float32)
    moved = apply(RandomMotion(zoom=0.5, rotation_deg=180, shift=0.3, seed=1), flat)
    np.testing.assert_allclose(moved, 77, atol=1e-3)


@pytest.mark.parametrize(
    "layer",
    [RandomMotion(0.1, 25, 0.05, True), RandomDegradation(**asdict(TELESCOPE))],
    ids=["motion", "degradation"],
)
def test_nothing_changes_outside_training(layer: keras.layers.Layer) -> None:
    pixels = blobs(4)
    np.testing.assert_array_equal(apply(layer, pixels, training=False), pixels)
    assert np.abs(apply(layer, pixels) - pixels).max() > 1


def test_blur_spreads_the_light_and_keeps_its_sum() -> None:
    found = apply(RandomDegradation(blur_px=2.0, seed=1), blobs(20))
    np.testing.assert_allclose(found.sum(axis=(1, 2, 3)), blobs(1).sum(), rtol=0.02)
    assert found.max(axis=(1, 2, 3)).min() < 110  # sigma 2 becomes 2.8: half the peak


def test_coarse_sampling_takes_away_fine_detail() -> None:
    checks = np.indices((32, 32)).sum(axis=0)[None, :, :, None] % 2 * 200.0
    found = apply(RandomDegradation(sampling=0.25, seed=1), np.tile(checks, (40, 1, 1, 3)))
    contrast = found.std(axis=(1, 2, 3))
    assert (contrast < 40).sum() >= 20
    assert (contrast > 99).any()  # some pictures stay


def test_mono_takes_all_colour_from_about_its_share() -> None:
    pixels = RNG.uniform(50, 200, (200, 8, 8, 3)).astype(np.float32)
    found = apply(RandomDegradation(mono=0.5, seed=1), pixels)
    grey = np.ptp(found, axis=-1).max(axis=(1, 2)) == 0
    assert 70 < grey.sum() < 130


def test_noise_gain_sky_and_gradient_are_as_large_as_told() -> None:
    flat = np.full((50, 32, 32, 3), 100, np.float32)
    noisy = apply(RandomDegradation(noise=10, seed=1), flat)
    assert 8 < noisy.std(axis=(1, 2, 3)).max() < 11
    assert noisy.std(axis=(1, 2, 3)).min() < 2
    bright = apply(RandomDegradation(gain=(0.5, 2.0), seed=1), flat).mean(axis=(1, 2, 3))
    assert 49 <= bright.min() < 60
    assert 185 < bright.max() <= 200
    lit = apply(RandomDegradation(sky=(10.0, 30.0), seed=1), flat).mean(axis=(1, 2, 3)) - 100
    assert 9 <= lit.min() < 14
    assert 26 < lit.max() <= 31
    sloped = np.ptp(apply(RandomDegradation(gradient=40, seed=1), flat)[..., 0], axis=(1, 2))
    assert 25 < sloped.max() <= 41


def test_a_share_of_the_pictures_stays_as_it_is() -> None:
    flat = np.full((200, 8, 8, 3), 100, np.float32)
    found = apply(RandomDegradation(share=0.3, sky=(10.0, 20.0), seed=1), flat)
    changed = (found != 100).any(axis=(1, 2, 3))
    assert 30 < changed.sum() < 90


def test_pixels_stay_whole_numbers_from_0_to_255() -> None:
    found = apply(RandomDegradation(**{**asdict(TELESCOPE), "share": 1.0}), blobs(20))
    assert found.min() >= 0
    assert found.max() <= 255
    np.testing.assert_array_equal(found, np.round(found))


def test_layers_are_rebuilt_from_their_configuration() -> None:
    for layer in Augmentation(Motion(0.1, 25, 0.05, True), TELESCOPE).layers(5):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
        np.testing.assert_array_equal(apply(again, blobs(3)), apply(layer, blobs(3)))


def test_an_augmentation_without_anything_has_no_layers() -> None:
    assert Augmentation().layers(0) == ()
    assert len(Augmentation(degradation=Degradation(noise=3)).layers(0)) == 1


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown fill 'zero'; known: nearest"):
        Motion(fill="zero")
    with pytest.raises(ConfigError, match="zoom"):
        Motion(zoom=1.0)
