"""Float and int8 networks answer in the same numbers; other networks are refused."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from drawn_galaxies import tiny_network
from keras import layers
from known_networks import bright_crop, corner_network, small_edge_model
from tiny_classifiers import SIZE_PX, saved_network, tiny_model

from classification.explain.gradients import value_and_gradient
from classification.explain.keras_network import KerasNetwork
from classification.explain.networks import open_network
from classification.explain.outputs import EDGE_OUTPUTS, VOTE_OUTPUTS
from classification.explain.registry import method, method_names
from classification.explain.targets import (
    Target,
    for_questions,
    named,
    question_of,
    strongest,
    strongest_of,
)
from classification.explain.tflite_classifier import TfliteClassifier
from classification.export import write_int8
from classification.heads import BINARY, SIGMOID_37, TREE_37, softmax
from edge_runtime.bundle.loading import DEFAULT_BUNDLE, load_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.decision_tree import (
    COLUMN_INDEX,
    QUESTION_SLICES,
    VOTE_COLUMNS,
    constraint_violation,
)
from edge_runtime.errors import GalaxyEdgeError


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.stack([bright_crop(32, seed) for seed in range(5)])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, crops: np.ndarray) -> Path:
    return write_int8(small_edge_model(), crops, tmp_path_factory.mktemp("int8") / "small.tflite")


def test_the_bundles_outputs_become_43_answers(crops: np.ndarray) -> None:
    network = KerasNetwork(small_edge_model())
    answers = network.answers(crops)
    assert network.outputs == EDGE_OUTPUTS
    assert answers.shape == (5, 43)
    assert constraint_violation(answers[:, :37]).max() < 1e-5
    np.testing.assert_allclose(answers[:, 37:42].sum(axis=1), 1, atol=1e-5)
    assert ((answers >= 0) & (answers <= 1)).all()


def test_float_and_int8_mean_the_same(exported: Path, crops: np.ndarray) -> None:
    exact = KerasNetwork(small_edge_model()).answers(crops)
    quantised = open_network(exported)
    assert isinstance(quantised, TfliteClassifier)
    assert quantised.outputs == EDGE_OUTPUTS
    assert np.abs(quantised.answers(crops) - exact).max() < 0.06


def test_a_bundle_answers_as_the_telescope_does() -> None:
    crop = np.random.default_rng(0).integers(0, 255, (96, 96, 3)).astype(np.uint8)
    network = open_network(None)
    (answers,) = network.answers(crop[None].astype(np.float32))
    bundle = load_bundle(DEFAULT_BUNDLE)
    said = Classifier(bundle).classify(crop)
    np.testing.assert_array_equal(answers[:37], said.votes)
    np.testing.assert_array_equal(answers[37:42], said.class_probabilities)
    assert answers[42] == np.float32(said.galaxy_probability)
    assert network.outputs == EDGE_OUTPUTS


def test_the_bundles_class_bias_can_be_given_to_keras(crops: np.ndarray) -> None:
    bias = (0.0, 0.0, -0.2, 0.0, 0.0)
    plain, biased = (KerasNetwork(small_edge_model(), class_bias=b) for b in (None, bias))
    odds = [np.log(n.answers(crops)[:, 39] / n.answers(crops)[:, 37]) for n in (plain, biased)]
    np.testing.assert_allclose(odds[1] - odds[0], -0.2, atol=1e-4)
    with pytest.raises(GalaxyEdgeError, match="has 3 numbers, not 5"):
        KerasNetwork(small_edge_model(), class_bias=(0, 0, 1))
    with pytest.raises(GalaxyEdgeError, match="only the bundle's"):
        KerasNetwork(tiny_model(), class_bias=bias)


@pytest.mark.parametrize(
    ("head", "target", "names", "outputs"),
    [
        (TREE_37, "votes", VOTE_COLUMNS, VOTE_OUTPUTS),
        (SIGMOID_37, "counts", VOTE_COLUMNS, VOTE_OUTPUTS),
        (softmax(3), "class5", ("a", "b", "c"), ("class5:a", "class5:b", "class5:c")),
        (
            BINARY,
            "elliptical",
            ("other", "elliptical"),
            ("elliptical:other", "elliptical:elliptical"),
        ),
    ],
)
def test_a_run_answers_as_its_trained_network_does(
    head, target, names, outputs, tmp_path: Path
) -> None:
    trained = saved_network(tmp_path / "run", head, target, names)
    network = open_network(tmp_path / "run")
    crops = np.random.default_rng(1).integers(0, 255, (4, SIZE_PX, SIZE_PX, 3)).astype(np.uint8)
    predicted = trained.predict_crops(crops)
    expected = predicted.votes if predicted.votes is not None else predicted.classes[target]
    assert network.outputs == outputs
    assert network.name == "run"
    np.testing.assert_allclose(network.answers(crops), expected, atol=1e-5)
    values = np.asarray(network.log_odds(crops.astype(np.float32), training=False))
    assert np.isfinite(values).all()


def test_log_odds_of_classes_compare_with_the_other_classes(crops: np.ndarray) -> None:
    network = KerasNetwork(small_edge_model())
    answers = network.answers(crops).astype(np.float64)
    odds = np.asarray(network.log_odds(crops.astype(np.float32), training=False))
    spiral = np.log(answers[:, 41] / (answers[:, 37:42].sum(axis=1) - answers[:, 41]))
    np.testing.assert_allclose(odds[:, 41], spiral, atol=1e-3)
    arms = QUESTION_SLICES[9]
    tight = np.log(answers[:, arms.start] / answers[:, arms.start + 1 : arms.stop].sum(axis=1))
    np.testing.assert_allclose(odds[:, arms.start], tight, atol=1e-3)
    galaxy = np.asarray(small_edge_model()(crops.astype(np.float32))["galaxy"])[:, 0]
    np.testing.assert_allclose(odds[:, 42], galaxy, atol=1e-3)


def test_log_odds_still_rise_where_the_answer_is_certain() -> None:
    dense = layers.Dense(3, activation="softmax")
    pixels = keras.Input((8, 8, 3))
    model = keras.Model(pixels, dense(layers.GlobalAveragePooling2D()(pixels)))
    dense.set_weights([np.diag([0.2, 0.0, 0.0]).astype(np.float32), np.zeros(3, np.float32)])
    network = KerasNetwork(model, outputs=("x:a", "x:b", "x:c"))
    crop = np.full((1, 8, 8, 3), 250, np.float32)
    assert network.answers(crop)[0, 0] == 1.0
    _, gradient = value_and_gradient(network.log_odds, crop, 0)
    assert gradient[..., 0].sum() == pytest.approx(0.2, rel=1e-3)
    assert value_and_gradient(network.model, crop, 0)[1].max() == pytest.approx(0, abs=1e-12)


def test_a_single_output_file_of_the_workbench_runs_as_it_was_exported(tmp_path: Path) -> None:
    model = tiny_network()
    crops = np.random.default_rng(2).integers(0, 255, (6, 16, 16, 3)).astype(np.uint8)
    path = write_int8(model, crops, tmp_path / "votes.tflite")
    network = open_network(path)
    assert network.outputs == VOTE_OUTPUTS
    exact = KerasNetwork(model).answers(crops)
    assert np.abs(network.answers(crops) - exact).max() < 0.02


@pytest.mark.parametrize("name", [n for n in method_names() if method(n).needs_gradient])
def test_gradient_methods_say_what_to_do_about_a_tflite_file(name: str, exported: Path) -> None:
    network = open_network(exported)
    crop = bright_crop(32)
    with pytest.raises(
        GalaxyEdgeError, match=r"needs gradients.*explain the .keras file.*occlusion, lime"
    ):
        method(name).explain(network, crop, strongest(network, crop))


@pytest.mark.parametrize("name", method_names(without_gradient=True))
def test_the_other_methods_run_on_int8_and_agree_with_float(name: str, exported: Path) -> None:
    crop = bright_crop(32)
    networks = (KerasNetwork(small_edge_model()), open_network(exported))
    target = strongest(networks[0], crop)
    options = {"samples": 150} if name == "lime" else {}
    exact, quantised = (method(name).explain(n, crop, target, **options).values for n in networks)
    assert np.corrcoef(exact.ravel(), quantised.ravel())[0, 1] > 0.7


def test_what_is_no_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GalaxyEdgeError, match="not found"):
        open_network(tmp_path / "none.keras")
    (tmp_path / "notes.txt").write_text("no network")
    with pytest.raises(GalaxyEdgeError, match=r"is no network; name a \.keras"):
        open_network(tmp_path / "notes.txt")
    (tmp_path / "broken.keras").write_bytes(b"nothing")
    with pytest.raises(GalaxyEdgeError, match="cannot be read as a Keras network"):
        open_network(tmp_path / "broken.keras")
    with pytest.raises(GalaxyEdgeError, match=r"no classifier of galaxies.*explain detection"):
        open_network(DEFAULT_BUNDLE / "detector.tflite")


def test_keras_networks_of_another_kind_are_refused() -> None:
    pixels = keras.Input((16, 16, 3))
    for model, message in (
        (keras.Model(pixels, layers.Conv2D(2, 3)(pixels)), "expected \\(N, K\\)"),
        (
            keras.Model(pixels, {"boxes": layers.Dense(4)(layers.Flatten()(pixels))}),
            "has the outputs",
        ),
        (
            keras.Model(pixels, [layers.Dense(4)(layers.Flatten()(pixels))] * 2),
            "several outputs",
        ),
        (keras.Sequential([keras.Input((16,)), layers.Dense(2)]), "takes input of shape"),
        (
            keras.Sequential([keras.Input((16, 8, 3)), layers.Flatten(), layers.Dense(2)]),
            "takes input of shape",
        ),
        (keras.Sequential([layers.Dense(2)]), "never built"),
    ):
        with pytest.raises(GalaxyEdgeError, match=message):
            KerasNetwork(model)
    with pytest.raises(GalaxyEdgeError, match="gives 37 answers, but 2 are named"):
        KerasNetwork(tiny_model(), outputs=("a", "b"))


def test_a_sequential_network_is_explained_too() -> None:
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(4, 3, activation="relu", name="only"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    network = KerasNetwork(model, outputs=("a", "b", "c"))
    crop = bright_crop()
    for name in ("gradcam", "integrated_gradients"):
        found = method(name).explain(network, crop, strongest(network, crop))
        assert np.abs(found.values).max() > 0


def test_a_network_without_a_convolution_has_no_gradcam() -> None:
    model = keras.Sequential([keras.Input((16, 16, 3)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(GalaxyEdgeError, match="has no convolution"):
        method("gradcam").explain(KerasNetwork(model), bright_crop(), Target("first", 0))


def test_targets_are_found_by_name_in_several_ways() -> None:
    network = KerasNetwork(small_edge_model())
    assert named(network, "class5:spiral") == Target("class5:spiral", 41)
    assert named(network, "smooth_round").index == 37
    assert named(network, "galaxy").index == 42
    assert named(network, "Class4.1") == Target("votes:Class4.1 (spiral)", COLUMN_INDEX["Class4.1"])
    assert named(network, "tight arms").index == COLUMN_INDEX["Class10.1"]
    with pytest.raises(GalaxyEdgeError, match="has no answer 'class5:ring'; it has: votes:Class1"):
        named(network, "class5:ring")


def test_the_strongest_target_is_the_class_that_people_are_shown() -> None:
    network = KerasNetwork(small_edge_model())
    answers = np.full(43, 0.99, np.float32)
    answers[37:42] = (0.1, 0.2, 0.5, 0.15, 0.05)
    assert strongest_of(network, answers).label == "class5:smooth_cigar"
    votes = np.zeros(37, np.float32)
    votes[COLUMN_INDEX["Class6.2"]] = 0.95
    votes[COLUMN_INDEX["Class4.1"]] = 0.6
    workbench = KerasNetwork(tiny_model())
    assert strongest_of(workbench, votes).label == "votes:Class4.1 (spiral)"


def test_each_question_is_asked_for_its_strongest_answer() -> None:
    answers = np.random.default_rng(3).uniform(0, 1, 43).astype(np.float32)
    answers[COLUMN_INDEX["Class4.1"]] = 0.05
    targets = for_questions(answers)
    assert [target.index for target in targets] == [
        s.start + int(answers[s].argmax()) for s in QUESTION_SLICES
    ]
    network = KerasNetwork(small_edge_model())
    assert [question_of(target, network) for target in targets] == list(range(11))
    asked = {question_of(t, network) for t in for_questions(answers, least_asked=0.1)}
    assert asked & {9, 10} == set()  # about spiral arms
    with pytest.raises(GalaxyEdgeError, match="hold no votes"):
        for_questions(np.zeros(5, np.float32))


def test_progress_of_answers_is_told(exported: Path, crops: np.ndarray) -> None:
    for network in (KerasNetwork(small_edge_model()), open_network(exported)):
        told: list[tuple[int, int]] = []
        network.answers(np.repeat(crops, 20, axis=0), lambda *n, told=told: told.append(n))
        assert told[-1] == (100, 100)
        assert corner_network().answers(np.empty((0, 16, 16, 3), np.uint8)).shape == (0, 1)
