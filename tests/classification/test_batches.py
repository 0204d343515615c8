import numpy as np
import pytest
from drawn_galaxies import drawn_galaxies

from annotations.galaxies.dataset import UNKNOWN_CLASS, ClassLabels, GalaxySet
from classification.balancing import Balance
from classification.batches import GalaxyBatches, known_rows, targets_of
from classification.picture_cache import CropsInMemory
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.errors import GalaxyEdgeError


@pytest.fixture
def galaxies() -> GalaxySet:
    return drawn_galaxies(50)


def numbered(count: int) -> CropsInMemory:
    """Crops whose pixels say which row they are."""
    rows = np.arange(count, dtype=np.uint8)
    return CropsInMemory(np.tile(rows[:, None, None, None], (1, 4, 4, 3)))


def batches(galaxies: GalaxySet, **options: object) -> GalaxyBatches:
    targets = targets_of(galaxies, "class5", 5)
    return GalaxyBatches(numbered(len(galaxies)), targets, 16, **options)


def rows_of(found: GalaxyBatches) -> list[int]:
    return [int(row) for i in range(len(found)) for row in found[i][0][:, 0, 0, 0]]


def test_an_epoch_holds_every_row_once_with_its_target(galaxies: GalaxySet) -> None:
    found = batches(galaxies, seed=3)
    assert [len(found[i][0]) for i in range(len(found))] == [16, 16, 16, 2]
    assert sorted(rows_of(found)) == list(range(50))
    for i in range(len(found)):
        pixels, target, weight = found[i]
        np.testing.assert_array_equal(target.argmax(axis=1), pixels[:, 0, 0, 0] % 5)
        assert (weight == 1).all()


def test_the_order_is_a_matter_of_seed_and_epoch(galaxies: GalaxySet) -> None:
    found = batches(galaxies, seed=3)
    first = rows_of(found)
    found.begin_epoch(1)
    second = rows_of(found)
    assert first != second
    assert rows_of(batches(galaxies, seed=3, epoch=1)) == second
    assert rows_of(batches(galaxies, seed=4)) != first
    found.begin_epoch(0)
    assert rows_of(found) == first


def test_validation_keeps_the_order(galaxies: GalaxySet) -> None:
    assert rows_of(batches(galaxies, shuffle=False)) == list(range(50))


def test_balance_draws_each_epoch_anew(galaxies: GalaxySet) -> None:
    labels = galaxies.labels("class5")
    uneven = galaxies.rows((labels.index != 0) | (np.arange(50) < 10))
    targets = targets_of(uneven, "class5", 5)
    found = GalaxyBatches(numbered(len(uneven)), targets, 16, balance=Balance("down"), seed=1)
    first = rows_of(found)
    assert np.bincount(targets.labels[first]).tolist() == [2] * 5
    found.begin_epoch(1)
    assert sorted(rows_of(found)) != sorted(first)


def test_class_weights_come_with_the_rows(galaxies: GalaxySet) -> None:
    keep = galaxies.rows(np.arange(50) < 12)  # 3, 3, 2, 2, 2
    found = batches(keep, balance=Balance("weights"))
    pixels, _, weight = found[0]
    expected = np.where(pixels[:, 0, 0, 0] % 5 < 2, 12 / (5 * 3), 12 / (5 * 2))
    np.testing.assert_allclose(weight, expected, rtol=1e-6)


def test_rows_without_the_target_are_left_out(galaxies: GalaxySet) -> None:
    galaxies.votes[:20] = np.nan
    assert len(known_rows(galaxies, "votes")) == 30
    galaxies.labels("class5").index[:45] = UNKNOWN_CLASS
    assert known_rows(galaxies, "class5").ids == tuple(f"galaxy-{i}" for i in range(45, 50))
    galaxies.counts[:49] = np.nan
    assert len(known_rows(galaxies, "counts")) == 1


def test_targets_are_votes_counts_or_classes(galaxies: GalaxySet) -> None:
    votes = targets_of(galaxies, "votes", 37)
    np.testing.assert_array_equal(votes.values, galaxies.votes)
    assert votes.names == VOTE_COLUMNS
    np.testing.assert_array_equal(targets_of(galaxies, "counts", 37).values, galaxies.counts)
    binary = targets_of(galaxies, "elliptical", 1)
    np.testing.assert_array_equal(binary.values[:, 0], (np.arange(50) % 5 < 1).astype(float))
    assert targets_of(galaxies, "elliptical", 2).values.shape == (50, 2)


def test_what_the_set_does_not_have_is_named(galaxies: GalaxySet) -> None:
    with pytest.raises(GalaxyEdgeError, match=r"drawn: has no classes 'galaxy10'; it has: class5"):
        known_rows(galaxies, "galaxy10")
    with pytest.raises(GalaxyEdgeError, match=r"class5 has 5 columns, but .* head has 10"):
        targets_of(galaxies, "class5", 10)
    empty = GalaxySet(
        "empty",
        galaxies.pictures,
        galaxies.ids,
        np.full((50, 37), np.nan, np.float32),
        classes={"class5": ClassLabels(("a",), np.full(50, UNKNOWN_CLASS))},
    )
    with pytest.raises(GalaxyEdgeError, match="none of 50 pictures has votes"):
        known_rows(empty, "votes")
    with pytest.raises(GalaxyEdgeError, match="none of 50 pictures has class5"):
        known_rows(empty, "class5")
    with pytest.raises(GalaxyEdgeError, match="how many people"):
        known_rows(empty, "counts")
