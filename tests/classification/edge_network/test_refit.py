from pathlib import Path

import keras
import numpy as np
import pytest

from classification.edge_network.networks import create_network
from classification.edge_network.refit import main, refit_classes


def test_the_classes_are_fitted_and_all_else_stays() -> None:
    model = create_network("residual_fast", 64)
    rng = np.random.default_rng(0)
    width = model.get_layer("pool").output.shape[-1]
    classes = rng.integers(0, 5, 600)
    features = rng.normal(0, 1, (600, width)).astype(np.float32)
    features[:, :5] += 4 * np.eye(5)[classes]
    before = {layer.name: layer.get_weights() for layer in model.layers}
    refit_classes(model, features, classes, regularisation=0.1)
    kernel, bias = model.get_layer("class5").get_weights()
    assert np.mean((features @ kernel + bias).argmax(axis=1) == classes) > 0.95
    for layer in model.layers:
        if layer.name != "class5":
            for old, new in zip(before[layer.name], layer.get_weights(), strict=True):
                np.testing.assert_array_equal(old, new)


def test_features_of_any_spread_give_the_same_classes() -> None:
    rng = np.random.default_rng(1)
    model = create_network("residual_fast", 64)
    width = model.get_layer("pool").output.shape[-1]
    classes = np.arange(400) % 5
    features = rng.normal(0, 1, (400, width)).astype(np.float32)
    features[:, :5] += 2 * np.eye(5)[classes]
    answers = []
    for scale in (1.0, 100.0):
        refit_classes(model, features * scale, classes)
        kernel, bias = model.get_layer("class5").get_weights()
        answers.append(features * scale @ kernel + bias)
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-3)


def test_a_class_that_does_not_occur_is_refused() -> None:
    model = create_network("residual_fast", 64)
    width = model.get_layer("pool").output.shape[-1]
    with pytest.raises(ValueError, match="4 of 5 classes"):
        refit_classes(model, np.zeros((8, width), np.float32), np.arange(8) % 4)


def test_the_command_writes_a_network_with_other_classes(tiny_data: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.keras", tmp_path / "out" / "b.keras"
    create_network("residual_fast", 64).save(first)
    main(["--model", str(first), "--data", str(tiny_data), "--output", str(second)])
    before, after = (keras.models.load_model(p, compile=False) for p in (first, second))
    for name, same in (("votes", True), ("galaxy", True), ("class5", False)):
        old, new = before.get_layer(name).get_weights()[0], after.get_layer(name).get_weights()[0]
        assert np.array_equal(old, new) is same
