from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_galaxies import drawn_galaxies, tiny_network

from classification.class_rules import class5_from_votes
from classification.heads import SIGMOID_37
from classification.network import (
    NetworkCard,
    TrainedNetwork,
    turned,
    votes_from_concentrations,
)
from classification.picture_cache import prepare_crops
from classification.preparation import Preparation
from edge_runtime.decision_tree import constraint_violation
from edge_runtime.errors import GalaxyEdgeError

CARD = NetworkCard(
    preset="tiny",
    architecture="tiny",
    head=SIGMOID_37,
    target="votes",
    class_names=("a",),
    preparation=Preparation(None, 16, "area"),
    loss="mse",
    recipe={"batch": 16},
)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> TrainedNetwork:
    folder = tmp_path_factory.mktemp("network")
    CARD.save(folder / "network.json")
    tiny_network().save(folder / "network.keras")
    return TrainedNetwork.load(folder)


def test_a_card_is_read_as_it_was_written(network: TrainedNetwork) -> None:
    assert network.card == CARD
    assert network.target == "votes"


def test_votes_come_with_the_classes_that_follow(network: TrainedNetwork) -> None:
    galaxies = drawn_galaxies(70)
    told: list[tuple[int, int]] = []
    found = network.predict(galaxies, progress=lambda done, total: told.append((done, total)))
    assert told == [(64, 70), (70, 70)]
    assert found.ids == galaxies.ids
    assert found.votes is not None
    assert found.votes.shape == (70, 37)
    np.testing.assert_array_equal(found.classes["class5"], class5_from_votes(found.votes))
    assert found.classes["galaxy10"].shape == (70, 10)


def test_pictures_and_their_crops_get_the_same_answer(network: TrainedNetwork) -> None:
    galaxies = drawn_galaxies(10)
    crops = prepare_crops(galaxies, CARD.preparation).read(np.arange(10))
    from_crops = network.predict_crops(crops)
    assert from_crops.ids[3] == "3"
    np.testing.assert_array_equal(from_crops.votes, network.predict(galaxies).votes)


def test_turned_views_are_averaged_over(network: TrainedNetwork) -> None:
    crops = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    single = [network.predict_crops(turned(crops, view)).votes for view in range(8)]
    averaged = network.predict_crops(crops, turned_views=8).votes
    np.testing.assert_allclose(averaged, np.mean(single, axis=0), atol=1e-6)
    np.testing.assert_allclose(
        network.predict_crops(turned(crops, 5), turned_views=8).votes, averaged, atol=1e-6
    )
    with pytest.raises(ValueError, match="turned_views is 1 to 8"):
        network.predict_crops(crops, turned_views=9)


def test_the_eight_views_of_a_picture_all_differ() -> None:
    picture = np.arange(12).reshape(1, 2, 2, 3)
    assert len({turned(picture, view).tobytes() for view in range(8)}) == 8


def test_concentrations_become_consistent_votes() -> None:
    concentrations = np.random.default_rng(1).uniform(1, 101, (20, 37))
    votes = votes_from_concentrations(concentrations)
    assert constraint_violation(votes).max() < 1e-6
    np.testing.assert_allclose(
        votes[:, :3], concentrations[:, :3] / concentrations[:, :3].sum(axis=1, keepdims=True)
    )


def test_an_empty_set_gives_no_answers(network: TrainedNetwork) -> None:
    found = network.predict(drawn_galaxies(10).rows(np.zeros(10, bool)))
    assert len(found) == 0
    assert found.votes is not None
    assert found.votes.shape == (0, 37)


def test_a_folder_without_a_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(GalaxyEdgeError, match=r"network\.json: not found; name the folder"):
        TrainedNetwork.load(tmp_path)
    replace(CARD).save(tmp_path / "network.json")
    (tmp_path / "network.keras").write_bytes(b"no network")
    with pytest.raises(GalaxyEdgeError, match=r"network\.keras: cannot be read as a Keras network"):
        TrainedNetwork.load(tmp_path)
    (tmp_path / "network.json").write_text("{}")
    with pytest.raises(GalaxyEdgeError, match=r"network\.json: is not the card of a network"):
        TrainedNetwork.load(tmp_path)


def test_crops_of_another_size_are_refused(network: TrainedNetwork) -> None:
    with pytest.raises(ValueError, match=r"crops must be \(N, 16, 16, 3\)"):
        network.predict_crops(np.zeros((2, 17, 17, 3), np.uint8))
