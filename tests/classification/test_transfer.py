from pathlib import Path

import keras
import numpy as np
import pytest
from drawn_galaxies import tiny_network
from keras import layers

from classification.recipe import Transfer
from classification.transfer import freeze_backbone, start_from, unfreeze_from
from edge_runtime.errors import ConfigError, GalaxyEdgeError


def with_backbone() -> keras.Model:
    inner = keras.Input((16, 16, 3))
    x = layers.Conv2D(2, 3, name="block1_conv1")(inner)
    x = layers.BatchNormalization(name="block1_norm")(x)
    x = layers.Conv2D(2, 3, name="block2_conv1")(x)
    x = layers.BatchNormalization(name="block2_norm")(x)
    backbone = keras.Model(inner, x, name="inner")
    pixels = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(backbone(pixels))
    return keras.Model(pixels, layers.Dense(3, name="head")(x), name="outer")


def learning(network: keras.Model) -> set[str]:
    return {weight.path.split("/")[-2] for weight in network.trainable_weights}


def test_the_head_alone_learns_first_and_then_a_block_without_its_normalisation() -> None:
    network = with_backbone()
    freeze_backbone(network)
    assert learning(network) == {"head"}
    unfreeze_from(network, "block2")
    assert learning(network) == {"head", "block2_conv1"}
    unfreeze_from(network, "block1")
    assert learning(network) == {"head", "block1_conv1", "block2_conv1"}


def test_a_missing_backbone_or_layer_is_named() -> None:
    with pytest.raises(ConfigError, match="tiny has no backbone to freeze"):
        freeze_backbone(tiny_network())
    with pytest.raises(ConfigError, match="inner has no layer or block 'block9'; it has: "):
        unfreeze_from(with_backbone(), "block9")


def test_layers_that_fit_take_over_weights_and_others_keep_theirs(tmp_path: Path) -> None:
    source = tiny_network(37)
    source.get_layer("convolution").bias.assign([1.0, 2.0, 3.0, 4.0])
    source.save(tmp_path / "network.keras")
    network = tiny_network(5)
    head = network.get_layer("head").get_weights()
    assert start_from(network, tmp_path) == ("head",)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(network.get_layer("convolution").bias), [1, 2, 3, 4]
    )
    for weight, before in zip(network.get_layer("head").get_weights(), head, strict=True):
        np.testing.assert_array_equal(weight, before)


def test_weights_that_fit_nowhere_are_refused(tmp_path: Path) -> None:
    tiny_network().save(tmp_path / "tiny.keras")
    pixels = keras.Input((4,))
    other = keras.Model(pixels, layers.Dense(2, name="other_head")(pixels), name="other")
    with pytest.raises(GalaxyEdgeError, match=r"tiny\.keras: no layer fits those of other"):
        start_from(other, tmp_path / "tiny.keras")
    (tmp_path / "torn.keras").write_bytes(b"torn")
    with pytest.raises(GalaxyEdgeError, match=r"torn\.keras: cannot be read"):
        start_from(tiny_network(), tmp_path / "torn.keras")


def test_phases_follow_from_the_recipe() -> None:
    from dataclasses import replace

    from classification.fitting import Phase, phases
    from classification.presets import preset

    recipe = replace(preset("vgg16-2024"), epochs=30)
    assert phases(recipe) == (
        Phase(0, 10, 1e-3, frozen=True, last=False),
        Phase(10, 30, 1e-4, frozen=False, last=True),
    )
    assert phases(replace(recipe, epochs=5)) == (Phase(0, 5, 1e-3, frozen=True, last=True),)
    only = replace(recipe, transfer=Transfer(10, None))
    assert phases(only) == (Phase(0, 30, 1e-3, frozen=True, last=True),)
    assert phases(replace(recipe, transfer=None)) == (Phase(0, 30, 1e-3, frozen=False, last=True),)
