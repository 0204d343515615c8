from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from classification.export import (
    Precision,
    TfliteNetwork,
    export_network,
    in_single_precision,
    parity,
)
from classification.precision import dtype_policy
from edge_runtime.litert import LiteRtModel

SIZE = 16


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Smooth random pictures, (24, 16, 16, 3) uint8."""
    rng = np.random.default_rng(5)
    coarse = rng.uniform(0, 255, (24, 4, 4, 3))
    return np.kron(coarse, np.ones((1, 4, 4, 1))).astype(np.uint8)


def small_network(width: int = 37, activation: str = "sigmoid") -> keras.Model:
    keras.utils.set_random_seed(2)
    pixels = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    x = layers.Conv2D(12, 3, strides=2, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(pixels, layers.Dense(width, activation=activation)(x))


def answers(model: keras.Model, crops: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(crops.astype(np.float32), training=False))


def test_an_int8_file_takes_raw_bytes_and_answers_like_keras(
    tmp_path: Path, crops: np.ndarray
) -> None:
    model = small_network()
    exported = export_network(model, crops, tmp_path / "network.tflite")
    assert exported.precision is Precision.INT8
    assert exported.reason == ""
    assert exported.size_bytes == exported.path.stat().st_size
    entry = LiteRtModel(exported.path).input
    assert entry.dtype == np.uint8
    assert (entry.scale, entry.zero_point) == (pytest.approx(1.0, abs=1e-6), 0)
    network = TfliteNetwork(exported)  # the result is as good as its path
    assert (network.input_size_px, network.width) == (SIZE, 37)
    compared = parity(answers(model, crops), network.answer(crops))
    assert compared.n == len(crops)
    assert compared.mean_difference < 0.01
    assert compared.largest_difference < 0.05


def test_a_float_file_answers_as_keras_does(tmp_path: Path, crops: np.ndarray) -> None:
    model = small_network(10, "softmax")
    exported = export_network(model, None, tmp_path / "network.tflite", quantised=False)
    assert exported.precision is Precision.FLOAT
    compared = parity(answers(model, crops), TfliteNetwork(exported.path).answer(crops))
    assert compared.largest_difference < 1e-4
    assert compared.same_answer == 1.0


def test_a_network_trained_in_mixed_precision_is_exported_in_single(
    tmp_path: Path, crops: np.ndarray
) -> None:
    with dtype_policy("mixed_bfloat16"):
        mixed = small_network()
    plain = in_single_precision(mixed)
    assert {layer.dtype_policy.name for layer in plain.layers} == {"float32"}
    assert all(
        np.array_equal(a, b) for a, b in zip(plain.get_weights(), mixed.get_weights(), strict=True)
    )
    exported = export_network(mixed, crops, tmp_path / "network.tflite")
    assert exported.precision is Precision.INT8
    difference = parity(answers(plain, crops), TfliteNetwork(exported).answer(crops))
    assert difference.mean_difference < 0.01


class Floor(layers.Layer):
    """An operation that is computed in float."""

    def call(self, x):
        return x + 0.001 * ops.floor(x)


def test_what_cannot_be_quantised_is_written_with_dynamic_range_and_says_why(
    tmp_path: Path, crops: np.ndarray
) -> None:
    import tensorflow as tf

    class RealSpectrum(layers.Layer):
        def call(self, x):
            return tf.abs(tf.signal.rfft2d(x[..., 0]))[..., None]

    pixels = keras.Input((SIZE, SIZE, 3))
    x = RealSpectrum()(layers.Conv2D(3, 3)(pixels))  # 14 pixels
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, layers.Dense(3, activation="softmax")(x))
    exported = export_network(model, crops, tmp_path / "network.tflite")
    assert exported.precision is Precision.DYNAMIC_RANGE
    assert "cannot be converted" in exported.reason
    assert exported.size_bytes == exported.path.stat().st_size


def test_operations_that_stay_in_float_are_named(tmp_path: Path, crops: np.ndarray) -> None:
    pixels = keras.Input((SIZE, SIZE, 3))
    x = layers.GlobalAveragePooling2D()(Floor()(layers.Conv2D(12, 3)(pixels)))
    model = keras.Model(pixels, layers.Dense(3, activation="softmax")(x))
    exported = export_network(model, crops, tmp_path / "network.tflite")
    assert exported.precision is Precision.INT8
    assert exported.float_operations == ("FLOOR",)
    whole = export_network(small_network(), crops, tmp_path / "whole.tflite")
    assert whole.float_operations == ()


def test_int8_needs_representative_crops_of_the_right_size(
    tmp_path: Path, crops: np.ndarray
) -> None:
    model = small_network()
    with pytest.raises(ValueError, match="representative"):
        export_network(model, None, tmp_path / "network.tflite")
    with pytest.raises(ValueError, match="16, 16, 3"):
        export_network(model, crops[:, :8, :8], tmp_path / "network.tflite")
    assert not (tmp_path / "network.tflite").exists()


def test_parity_counts_answers_that_stay_the_same() -> None:
    exact = np.array([[0.9, 0.1], [0.4, 0.6]])
    moved = np.array([[0.8, 0.2], [0.55, 0.45]])
    compared = parity(exact, moved)
    assert compared.same_answer == 0.5
    assert compared.mean_difference == pytest.approx(0.125)
    assert compared.largest_difference == pytest.approx(0.15)
    binary = parity(np.array([[0.4], [0.6]]), np.array([[0.45], [0.7]]))
    assert binary.same_answer == 1.0
    with pytest.raises(ValueError, match="same answers"):
        parity(exact, moved[:1])
