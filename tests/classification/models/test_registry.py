"""Every architecture is what its publication says, learns, and survives a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from classification.heads import BINARY, SIGMOID_37, TREE_37, softmax
from classification.models import architecture, create_model, model_names
from edge_runtime.decision_tree import constraint_violation, votes_from_logits

SMALL: dict[str, dict[str, Any]] = {
    "compact": {"input_size_px": 32, "blocks": 3},
    "efficientnet_lite0": {"input_size_px": 32},
    "gama_cnn": {"input_size_px": 32, "dense_units": 8},
    "inception_v3": {"input_size_px": 75, "dense_units": 8},
    "multi_view": {
        "input_size_px": 32,
        "filters": (4, 4),
        "kernels": (6, 5),
        "dense_units": (8,),
    },
    "parallel_cnn": {"input_size_px": 32, "dense_units": 8},
    "residual": {"input_size_px": 32, "stage_filters": (8, 8)},
    "residual_fast": {"input_size_px": 32, "stage_filters": (8, 8)},
    "resnet50": {"input_size_px": 32, "dense_units": 8},
    "scratch_cnn": {"input_size_px": 32},
    "searched": {"input_size_px": 32, "blocks": 2, "width": 0.25, "squeeze_excite": True},
    "tuned_small": {"input_size_px": 32},
    "vgg16": {"input_size_px": 32, "dense_units": 8},
    "vit_small": {"input_size_px": 32, "blocks": 1},
    "zoo_cnn": {"input_size_px": 32, "filters": (8, 8, 8, 8)},
}
"""Another input, and where it makes the test quick smaller layers, for each architecture."""

HEAVY = {"efficientnet_lite0", "inception_v3", "resnet50", "vgg16"}
"""Too large for every run."""

NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name in HEAVY else name for name in model_names()
]


def test_every_architecture_is_tested_small() -> None:
    assert set(SMALL) == set(model_names())


def test_the_table_of_the_documentation_is_that_of_the_registry() -> None:
    text = (Path(__file__).parents[3] / "docs" / "architectures.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| `\w+` \| \d+ \|", line)]
    expected = []
    for name in model_names():
        known = architecture(name)
        head = "three logits" if known.head is None else str(known.head)
        expected.append(
            f"| `{name}` | {known.input_size_px} | {head} | {known.parameters:,} "
            f"| {known.reference} |"
        )
    assert rows == expected


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_as_published(name: str) -> None:
    known = architecture(name)
    model = create_model(name)
    assert model.count_params() == known.parameters
    assert model.input_shape == (None, known.input_size_px, known.input_size_px, 3)
    if known.head is not None:
        assert model.output_shape == (None, known.head.width)
        assert model.layers[-1].name == "head"


@pytest.mark.parametrize("name", NAMES)
def test_another_head_and_input_train_and_survive_a_file(name: str, tmp_path: Path) -> None:
    check_trains_and_survives(name, tmp_path, **SMALL[name])


def check_trains_and_survives(name: str, folder: Path, **options: Any) -> None:
    keras.utils.set_random_seed(3)
    model = create_model(name, head=TREE_37, **options)
    side = model.input_shape[1]
    crops = np.random.default_rng(1).uniform(0, 255, (4, side, side, 3)).astype(np.float32)
    votes = votes_from_logits(np.random.default_rng(2).normal(0, 2, (4, 37)))
    before = [w.copy() for w in model.get_weights()]
    eager = keras.backend.backend() == "tensorflow"  # tracing large graphs takes minutes
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=eager)
    history = model.fit(crops, votes, batch_size=4, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert any(moved)
    found = answers(model, crops)
    assert found.dtype == np.float32
    assert constraint_violation(found).max() < 1e-5
    model.save(folder / "network.keras")
    again = keras.models.load_model(folder / "network.keras", compile=False)
    np.testing.assert_array_equal(answers(again, crops), found)


def answers(model: keras.Model, crops: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(crops, training=False))


@pytest.mark.parametrize(("head", "total"), [(SIGMOID_37, None), (softmax(5), 1.0), (BINARY, None)])
def test_answers_are_activated(head: Any, total: float | None) -> None:
    model = create_model("scratch_cnn", head=head, input_size_px=32)
    crops = np.random.default_rng(1).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    found = answers(model, crops)
    assert found.shape == (3, head.width)
    assert (found >= 0).all()
    assert (found <= 1).all()
    if total is not None:
        np.testing.assert_allclose(found.sum(axis=1), total, rtol=1e-6)


@pytest.mark.parametrize("name", ["compact", "residual", "residual_fast", "searched"])
def test_without_a_head_there_are_the_three_outputs_of_the_bundle(name: str) -> None:
    model = create_model(name, input_size_px=64)
    assert {name: tensor.shape[1] for name, tensor in model.output.items()} == {
        "votes": 37,
        "class5": 5,
        "galaxy": 1,
    }


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="zoo_cnn"):
        create_model("enormous")
