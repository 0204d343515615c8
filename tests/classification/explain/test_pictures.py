"""Superpixels, baselines, activations, filters, and networks side by side."""

from __future__ import annotations

import numpy as np
import pytest
from known_networks import SIZE_PX, bright_crop, corner_network, linear_network, small_edge_model
from looking_networks import galaxy_crop

from classification.explain.activations import activations, telling_layers
from classification.explain.baselines import baseline_picture, sky_level
from classification.explain.checkpoints import side_by_side
from classification.explain.filters import filter_pictures
from classification.explain.keras_network import KerasNetwork
from classification.explain.probes import last_convolution, layer_names
from classification.explain.superpixels import ZONES, galaxy_superpixels
from edge_runtime.errors import ConfigError, GalaxyEdgeError


def test_the_sky_level_is_not_moved_by_stars_at_the_border() -> None:
    rng = np.random.default_rng(0)
    crop = np.clip(rng.normal((20, 24, 30), 3, (64, 64, 3)), 0, 255)
    crop[20:44, 20:44] = 200
    plain = sky_level(crop.astype(np.uint8))
    np.testing.assert_allclose(plain, (20, 24, 30), atol=1)
    crop[0:12, 0:18] = 250
    crop[50:64, 60:64] = 90
    np.testing.assert_allclose(sky_level(crop.astype(np.uint8)), plain, atol=1)


def test_baselines_are_what_they_are_called() -> None:
    crop = bright_crop()
    assert np.unique(baseline_picture(crop, "sky").reshape(-1, 3), axis=0).shape == (1, 3)
    assert baseline_picture(crop, "black").max() == 0
    blurred = baseline_picture(crop, "blurred")
    assert blurred.mean() == pytest.approx(crop.mean(), rel=0.1)
    assert blurred[4:-4, 4:-4].std() < 0.4 * crop[4:-4, 4:-4].std()
    with pytest.raises(ConfigError, match="unknown baseline"):
        baseline_picture(crop, "white")


def test_superpixels_keep_the_galaxy_and_the_sky_apart() -> None:
    crop = galaxy_crop(64, semi_major=16.0, ratio=0.6, star=(22.0, -22.0))
    found = galaxy_superpixels(crop)
    labels, zones = found.labels, np.array(found.zones)
    assert sorted(np.unique(labels)) == list(range(len(zones)))
    assert 25 <= len(zones) <= 75
    assert set(zones) == set(ZONES)
    axis = np.arange(64) - 31.5
    inside = (axis[None] / 14) ** 2 + (axis[:, None] / (0.6 * 14)) ** 2 <= 1
    assert np.isin(zones[labels[inside]], ("nucleus", "inner", "disk")).all()
    far = (axis[None] / 30) ** 2 + (axis[:, None] / (0.6 * 30)) ** 2 > 1
    assert not np.isin(zones[labels[far]], ("nucleus", "inner", "disk")).any()
    star = labels[10, 53]
    assert zones[star] == "neighbours"


def test_superpixels_of_empty_sky_are_all_sky() -> None:
    crop = np.random.default_rng(0).integers(10, 16, (48, 48, 3)).astype(np.uint8)
    found = galaxy_superpixels(crop, 12)
    assert set(found.zones) == {"sky"}
    assert 6 <= len(found.zones) <= 24


def test_activations_are_those_of_the_layers_asked_for() -> None:
    network = KerasNetwork(small_edge_model())
    crop = bright_crop(32)
    stem, add = activations(network, crop, ("stem_relu", "add"))
    assert stem.layer == "stem_relu"
    assert stem.values.shape == add.values.shape == (16, 16, 6)
    assert 0 <= stem.values.min() <= stem.values.max() <= 6
    chosen = stem.strongest(3)
    spread = stem.values.std(axis=(0, 1))
    assert chosen[0] == spread.argmax()
    pictures = stem.pictures(chosen)
    assert pictures.shape == (3, 16, 16)
    assert (pictures[0].min(), pictures[0].max()) == (0, 255)
    assert [a.layer for a in activations(network, crop)] == list(telling_layers(network)) == ["add"]
    with pytest.raises(GalaxyEdgeError, match=r"'pool' gives no pictures; these do: .*stem_relu"):
        activations(network, crop, ("pool",))
    with pytest.raises(GalaxyEdgeError, match="takes crops of shape"):
        activations(network, bright_crop(16))


def test_layers_are_listed_and_the_last_convolution_is_found_behind_its_activation() -> None:
    model = small_edge_model()
    assert layer_names(model)[:3] == ("rescale", "stem", "stem_norm")
    assert "pool" not in layer_names(model, pictures=True)
    assert last_convolution(model) == "add"


def test_a_filter_picture_excites_its_channel() -> None:
    network = KerasNetwork(small_edge_model())
    found = filter_pictures(network, "stem", (0, 2, 4), steps=15, seed=1)
    assert [picture.channel for picture in found] == [0, 2, 4]
    for picture in found:
        assert picture.picture.shape == (32, 32, 3)
        assert picture.picture.dtype == np.uint8
        assert picture.after > picture.before + 0.3
    again = filter_pictures(network, "stem", (0, 2, 4), steps=15, seed=1)
    np.testing.assert_array_equal(found[0].picture, again[0].picture)
    with pytest.raises(ConfigError, match="channels 0 to 5"):
        filter_pictures(network, "stem_relu", (6,))
    with pytest.raises(GalaxyEdgeError, match="no layer is called 'stam'"):
        filter_pictures(network, "stam", (0,))


def test_networks_side_by_side_are_explained_by_the_same_answer() -> None:
    networks = (linear_network("sigmoid"), corner_network())
    told: list[tuple[int, int]] = []
    found = side_by_side(
        networks, bright_crop(), "occlusion", "galaxy", progress=lambda *n: told.append(n)
    )
    assert [one.network for one in found] == ["linear", "corner"]
    assert found[0].attribution.values.shape == (SIZE_PX, SIZE_PX)
    assert not np.allclose(found[0].attribution.values, found[1].attribution.values)
    answers = [float(n.answers(bright_crop()[None])[0, 0]) for n in networks]
    assert [one.answer for one in found] == pytest.approx(answers)
    assert told == [(1, 2), (2, 2)]
    with pytest.raises(GalaxyEdgeError, match="has no answer 'class5:spiral'"):
        side_by_side(networks, bright_crop(), "occlusion", "class5:spiral")
    with pytest.raises(GalaxyEdgeError, match="no network"):
        side_by_side((), bright_crop(), "occlusion")
