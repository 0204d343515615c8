"""Gradients agree with differences, and the three backends with each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from known_networks import bright_crop, small_edge_model

from classification.explain.gradcam import gradcam_of
from classification.explain.gradients import output_and_gradient, value_and_gradient
from classification.explain.keras_network import KerasNetwork
from classification.explain.probes import probed
from classification.explain.targets import Target
from edge_runtime.errors import GalaxyEdgeError

REPOSITORY = Path(__file__).resolve().parents[3]
INDEX = np.array([3, 41, 42])
BACKENDS = ("jax", "torch")


@pytest.fixture(scope="module")
def network() -> KerasNetwork:
    return KerasNetwork(small_edge_model())


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.stack([bright_crop(32, seed) for seed in range(3)]).astype(np.float32)


def test_the_value_is_the_answer(network: KerasNetwork, crops: np.ndarray) -> None:
    values, _ = value_and_gradient(network.model, crops, INDEX)
    np.testing.assert_allclose(values, network.answers(crops)[np.arange(3), INDEX], rtol=1e-5)


@pytest.mark.parametrize("scores", [False, True])
def test_the_gradient_is_what_finite_differences_give(
    network: KerasNetwork, crops: np.ndarray, scores: bool
) -> None:
    model = network.log_odds if scores else network.model
    direction = np.random.default_rng(1).normal(0, 1, crops.shape).astype(np.float32)
    _, gradients = value_and_gradient(model, crops, INDEX)
    step = 0.1  # small, so that few units switch on or off between the ends
    ends = [value_and_gradient(model, crops + s * step * direction, INDEX)[0] for s in (1, -1)]
    measured = (ends[0].astype(np.float64) - ends[1]) / (2 * step)
    exact = (gradients * direction).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(exact, measured, rtol=0.02, atol=2e-6)


def test_the_gradient_at_a_layer_sees_the_paths_around_it(
    network: KerasNetwork, crops: np.ndarray
) -> None:
    """A step in the shortcut of the residual block passes by the depthwise convolution."""
    model = probed(network.log_odds, "stem_relu")
    probe = np.zeros((3, 16, 16, 6), np.float32)
    (answers, channels), gradient = output_and_gradient(model, [crops, probe], 41, respect_to=1)
    np.testing.assert_allclose(
        answers, np.asarray(network.log_odds(crops, training=False)), rtol=1e-4, atol=1e-5
    )
    stem = keras.Model(network.model.input, network.model.get_layer("stem_relu").output)
    np.testing.assert_allclose(channels, np.asarray(stem(crops, training=False)), atol=1e-5)
    direction = np.random.default_rng(2).normal(0, 0.01, probe.shape).astype(np.float32)
    ends = [
        output_and_gradient(model, [crops, sign * direction], 41, respect_to=1)[0][0][:, 41]
        for sign in (1, -1)
    ]
    measured = (ends[0].astype(np.float64) - ends[1]) / 2
    np.testing.assert_allclose(
        (gradient * direction).sum(axis=(1, 2, 3)), measured, rtol=0.03, atol=3e-6
    )


def test_a_backend_without_gradients_is_named(
    network: KerasNetwork, crops: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(GalaxyEdgeError, match=r"numpy gives no gradients.*tensorflow, jax, torch"):
        value_and_gradient(network.model, crops, INDEX)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_other_backends_give_the_same(
    network: KerasNetwork, crops: np.ndarray, backend: str, tmp_path: Path
) -> None:
    """``GALAXY_EDGE_BACKENDS_PYTHON`` names a Python that has JAX and PyTorch."""
    python = os.environ.get("GALAXY_EDGE_BACKENDS_PYTHON", sys.executable)
    present = subprocess.run(
        [python, "-c", f"import {backend}"], capture_output=True, check=False, timeout=240
    )
    if present.returncode:
        pytest.skip(f"{python} has no {backend}; set GALAXY_EDGE_BACKENDS_PYTHON to one that has")
    network.source.save(tmp_path / "small.keras")
    np.savez(tmp_path / "given.npz", crops=crops, index=INDEX)
    child = subprocess.run(
        [
            python,
            str(Path(__file__).with_name("gradient_child.py")),
            str(tmp_path / "small.keras"),
            str(tmp_path / "given.npz"),
            str(tmp_path / "found.npz"),
        ],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    found = np.load(tmp_path / "found.npz")
    values, gradients = value_and_gradient(network.model, crops, INDEX)
    (cam,) = gradcam_of(network, crops[0], [Target("", 41)], layer="depthwise")
    np.testing.assert_allclose(found["answers"], network.answers(crops), atol=1e-5)
    np.testing.assert_allclose(found["values"], values, atol=1e-5)
    largest = np.abs(gradients).max(axis=(1, 2, 3), keepdims=True)
    assert (np.abs(found["gradients"] - gradients) / largest).max() < 1e-3
    np.testing.assert_allclose(found["cam"], cam.values, atol=1e-3 * np.abs(cam.values).max())
