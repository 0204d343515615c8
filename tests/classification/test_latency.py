from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from classification.export import export_network
from classification.latency import measure
from classification.tflite_operations import constant_count, multiply_adds


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of known arithmetic."""
    pixels = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, padding="same", strides=2)(pixels)  # 8·8·4 · 3·3·3
    x = layers.DepthwiseConv2D(3, padding="same")(x)  # 8·8·4 · 3·3
    # biases of 0 would be left out by the converter
    x = layers.Dense(5, bias_initializer="ones")(layers.Flatten()(x))  # 256 · 5
    model = keras.Model(pixels, x)
    path = tmp_path_factory.mktemp("latency") / "network.tflite"
    return export_network(model, None, path, quantised=False).path


def test_multiplications_are_those_of_the_layers(file: Path) -> None:
    assert multiply_adds(file) == 8 * 8 * 4 * 27 + 8 * 8 * 4 * 9 + 256 * 5


def test_constants_are_the_weights_and_biases_of_the_layers(file: Path) -> None:
    assert constant_count(file) == (27 * 4 + 4) + (9 * 4 + 4) + (256 * 5 + 5)


def test_the_fastest_round_counts(file: Path) -> None:
    # Each call takes two ticks: calls of the second of three rounds take 1 ms, all others 8 ms.
    calls = 0
    time_s = 0.0
    ticks = 0

    def clock() -> float:
        nonlocal ticks, time_s, calls
        ticks += 1
        if ticks % 2 == 0:
            calls += 1
            time_s += 0.001 if 15 < calls <= 25 else 0.008
        return time_s

    latency = measure(file, rounds=3, round_s=0.0, clock=clock)
    assert latency.calls == 10
    assert latency.median_ms == pytest.approx(1.0)
    assert latency.p95_ms == pytest.approx(1.0)
    assert latency.size_bytes == file.stat().st_size
    assert latency.threads == 1


def test_figures_can_be_written_as_json(file: Path) -> None:
    values = measure(file, rounds=1, round_s=0.0).as_dict()
    assert set(values) == {
        "median_ms",
        "p95_ms",
        "threads",
        "calls",
        "size_bytes",
        "multiply_adds",
    }
    assert np.isfinite(values["median_ms"])
