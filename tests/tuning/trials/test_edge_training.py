"""Short training of votes and classes together."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from made_up_galaxies import galaxies, some_votes

from annotations.galaxies.dataset import GalaxySet
from classification.augmentation import TELESCOPE
from classification.heads import edge_outputs
from classification.models.compact import build_compact
from classification.models.searched import build_searched
from classification.picture_cache import CropsInMemory
from edge_runtime.errors import GalaxyEdgeError
from tuning.trials.classifier_result import metrics_of
from tuning.trials.edge_training import (
    EdgeBatches,
    EdgeRecipe,
    augmentation_of,
    edge_predictions,
    shorten_memory,
    train_edge_network,
)

COUNT = 130


@pytest.fixture(scope="module")
def made_up() -> GalaxySet:
    """Every third galaxy has no class, every fifth no votes."""
    kinds = np.arange(COUNT) % 5
    kinds[::3] = -1
    votes = some_votes(COUNT)
    votes[1::5] = np.nan
    return galaxies(kinds, votes=votes)


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (COUNT, 8, 8, 3), dtype=np.uint8)


def tiny_network() -> keras.Model:
    keras.utils.set_random_seed(1)
    pixels = keras.Input((8, 8, 3), name="crop")
    x = layers.Rescaling(1 / 64, offset=-2.0)(pixels)
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    return keras.Model(pixels, edge_outputs(x), name="tiny")


def train(made_up: GalaxySet, crops: np.ndarray, recipe: EdgeRecipe):
    network = tiny_network()
    curve, seconds = train_edge_network(
        network, made_up, CropsInMemory(crops), made_up, crops, recipe
    )
    return network, curve, seconds


def test_each_output_has_its_target_and_unknown_ones_are_nan(made_up, crops) -> None:
    batches = EdgeBatches(CropsInMemory(crops), made_up, 10, shuffle=False)
    pixels, targets = batches[0]
    assert pixels.shape == (10, 8, 8, 3)
    np.testing.assert_array_equal(targets["votes"], made_up.votes[:10])
    assert np.isnan(targets["class5"][0]).all()
    np.testing.assert_array_equal(targets["class5"][1], [0, 1, 0, 0, 0])


def test_a_training_lowers_the_loss_and_leaves_a_row_for_each_epoch(made_up, crops) -> None:
    network, curve, seconds = train(made_up, crops, EdgeRecipe(3, 0.05, 0.0, seed=2))
    assert [row["epoch"] for row in curve] == [0, 1, 2]
    assert curve[-1]["loss"] < curve[0]["loss"]
    assert {"val_accuracy", "val_macro_f1", "val_rmse"} <= set(curve[0])
    assert seconds > 0
    found = edge_predictions(
        {n: keras.ops.convert_to_numpy(v) for n, v in network(crops.astype(np.float32)).items()},
        made_up.ids,
    )
    last = metrics_of(found, made_up)
    assert last["rmse"] == pytest.approx(curve[-1]["val_rmse"], abs=1e-6)
    assert last["accuracy"] == curve[-1]["val_accuracy"]
    fresh = tiny_network()
    before = keras.ops.convert_to_numpy(fresh.get_layer("galaxy").kernel)
    after = keras.ops.convert_to_numpy(network.get_layer("galaxy").kernel)
    np.testing.assert_array_equal(before, after)  # nothing tells whether there is a galaxy


def test_a_loss_that_is_no_number_ends_the_training_with_the_reason(made_up, crops) -> None:
    with pytest.raises(GalaxyEdgeError, match=r"the loss is (nan|inf)"):
        train(made_up, crops, EdgeRecipe(2, 1e38, 0.0, seed=2))


def test_answers_that_are_no_numbers_are_told() -> None:
    logits = {"votes": np.zeros((2, 37)), "class5": np.array([[0.0] * 5, [np.nan] * 5])}
    with pytest.raises(GalaxyEdgeError, match="class5 are no numbers for 1 galaxies"):
        edge_predictions(logits, ("a", "b"))


def test_only_what_both_sides_have_is_scored(made_up) -> None:
    logits = {"votes": np.zeros((COUNT, 37)), "class5": np.eye(5)[np.arange(COUNT) % 5] * 9}
    found = edge_predictions(logits, made_up.ids)
    assert metrics_of(found, made_up)["accuracy"] == 1.0
    assert set(metrics_of(found, replace(made_up, classes={}))) == {"rmse"}
    unknown = replace(made_up, votes=np.full((COUNT, 37), np.nan, np.float32))
    assert set(metrics_of(found, unknown)) == {"accuracy", "macro_f1"}


def test_augmentation_grows_with_its_strength() -> None:
    none, usual, strong = (augmentation_of(strength) for strength in (0.0, 1.0, 1.5))
    assert none.degradation is None
    assert none.motion.rotation_deg == 180
    assert none.motion.zoom == 0
    assert usual.degradation == TELESCOPE
    assert strong.motion.zoom == pytest.approx(1.5 * usual.motion.zoom)
    assert strong.degradation is not None
    assert strong.degradation.share == pytest.approx(0.9)


def test_averages_of_a_short_training_are_those_of_the_pictures(made_up, crops):
    keras.utils.set_random_seed(1)
    pixels = keras.Input((8, 8, 3), name="crop")
    x = layers.BatchNormalization(name="norm")(pixels)
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    network = keras.Model(pixels, edge_outputs(x), name="normalised")
    recipe = EdgeRecipe(epochs=8, learning_rate=1e-3, augmentation=0.0, seed=1)
    train_edge_network(network, made_up, CropsInMemory(crops), made_up, crops, recipe)
    # with a momentum of 0.99 they would have come a fifth of the way from 0
    found = network.get_layer("norm").moving_mean.numpy()
    np.testing.assert_allclose(found, crops.mean(axis=(0, 1, 2)), rtol=0.05)


@pytest.mark.parametrize("network", ["compact", "searched"])
def test_every_normalisation_of_a_network_is_reached(network):
    model = build_compact(48, weights=None) if network == "compact" else build_searched(48)
    norms = [x for x in model.layers if isinstance(x, layers.BatchNormalization)]
    assert len(norms) > 6
    shorten_memory(model, steps=120)
    assert {norm.momentum for norm in norms} == {0.9}
    shorten_memory(model, steps=100_000)
    assert {norm.momentum for norm in norms} == {0.99}
