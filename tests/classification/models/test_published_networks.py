"""What publications say of single networks."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from classification.models import create_model
from classification.models.gama_cnn import LAST_CONVOLUTION
from classification.models.scratch_cnn import VARIANTS, Variant
from classification.models.tuned_small import SmallHyperparameters
from classification.models.vit_small import build_vit_small
from edge_runtime.errors import ConfigError

SCRATCH_PARAMETERS = {
    "simple": 150_073,
    "bigger": 230_377,
    "dropout": 230_377,
    "l1l2": 230_377,
    "batch_norm": 230_825,
    "dropout_l1l2": 230_377,
    "dropout_l1l2_batch_norm": 230_825,
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_of_scratch_cnn_hold_what_they_are_named_for(variant: str) -> None:
    model = create_model("scratch_cnn", variant=variant)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert model.count_params() == SCRATCH_PARAMETERS[variant]
    assert ("Dropout" in kinds) == ("dropout" in variant)
    assert ("BatchNormalization" in kinds) == ("batch_norm" in variant)
    assert bool(model.losses) == ("l1l2" in variant)


def test_scratch_cnn_takes_any_combination() -> None:
    odd = Variant((8,), (16,), l2=1e-3, batch_norm=True)
    model = create_model("scratch_cnn", input_size_px=32, variant=odd)
    assert model.get_layer("norm1").gamma.shape == (8,)


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(ConfigError, match="dropout_l1l2"):
        create_model("scratch_cnn", variant="biggest")


def test_gama_cnn_names_its_third_convolution() -> None:
    model = create_model("gama_cnn", input_size_px=32, dense_units=8)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [32, 64, 128]
    assert convolutions[-1] is model.get_layer(LAST_CONVOLUTION)
    for i in (1, 2, 3):
        assert [
            type(model.get_layer(f"{part}{i}")).__name__ for part in ("norm", "pool", "dropout")
        ] == [
            "BatchNormalization",
            "MaxPooling2D",
            "Dropout",
        ]


def test_parallel_cnn_joins_its_paths_and_regularises_its_dense_layer() -> None:
    model = create_model("parallel_cnn")
    kernels = {n: model.get_layer(f"path{n}_conv").kernel_size for n in (6, 3)}
    assert kernels == {6: (6, 6), 3: (3, 3)}
    assert model.get_layer("paths").output.shape[1:] == (32, 32, 64)
    dense = model.get_layer("dense")
    expected = 0.01 * float(np.sum(np.square(dense.get_weights()[0])))
    assert float(model.losses[0]) == pytest.approx(expected, rel=1e-4)


def test_vit_small_is_1_8_million_only_with_heads_as_wide_as_a_patch() -> None:
    assert build_vit_small(head_width=8).count_params() == 420_645
    with pytest.raises(ConfigError, match="60"):
        build_vit_small(60)
    with pytest.raises(ConfigError, match="64"):
        build_vit_small(mlp_units=(128, 32))


def test_tuned_small_follows_its_hyperparameters() -> None:
    chosen = SmallHyperparameters(128, 5, 32, 3, 96, 0.7)
    model = create_model("tuned_small", input_size_px=32, hyperparameters=chosen)
    assert model.get_layer("conv1").kernel.shape == (5, 5, 3, 128)
    assert model.get_layer("conv2").kernel.shape == (3, 3, 128, 32)
    assert model.get_layer("dense").units == 96
    assert model.get_layer("dropout").rate == 0.7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("conv1_filters", 40),
        ("conv2_filters", 80),
        ("conv1_kernel", 4),
        ("dense_units", 16),
        ("dropout", 0.8),
    ],
)
def test_hyperparameters_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        SmallHyperparameters(**{name: value})
