"""Folds keep copies together, and leave out what is not to be touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from annotations.galaxies.registry import read_galaxies
from classification.crossval.folds import class_counts, make_folds, open_rows
from edge_runtime.errors import GalaxyEdgeError

GROUPS = tuple(f"group {i // 2}" for i in range(400))


def test_every_row_is_held_out_once_and_in_one_part_of_a_fold():
    folds = make_folds(GROUPS, 5, seed=1)
    assert [fold.number for fold in folds] == [1, 2, 3, 4, 5]
    assert sorted(np.concatenate([fold.held_out for fold in folds]).tolist()) == list(range(400))
    for fold in folds:
        parts = np.concatenate([fold.training, fold.validation, fold.held_out])
        assert sorted(parts.tolist()) == list(range(400))
        assert 40 < len(fold.held_out) < 120
        assert 10 < len(fold.validation) < 60


def test_a_group_is_never_on_two_sides():
    for fold in make_folds(GROUPS, 4, seed=2):
        sides = [{GROUPS[row] for row in part} for part in (fold.training, fold.validation)]
        sides.append({GROUPS[row] for row in fold.held_out})
        assert sum(map(len, sides)) == len(set(GROUPS))


def test_more_galaxies_move_none():
    few, many = make_folds(GROUPS[:200], 5, 1), make_folds(GROUPS, 5, 1)
    for a, b in zip(few, many, strict=True):
        assert a.held_out.tolist() == b.held_out[b.held_out < 200].tolist()


def test_another_seed_gives_other_folds():
    a, b = make_folds(GROUPS, 5, 1), make_folds(GROUPS, 5, 2)
    assert a[0].held_out.tolist() != b[0].held_out.tolist()


def test_too_few_galaxies_are_an_error():
    with pytest.raises(GalaxyEdgeError, match="4 galaxies do not fill 5 folds"):
        make_folds(GROUPS[:4], 5, 1)


def test_test_rows_and_rows_without_labels_stay_out(labels_csv: Path):
    galaxies = read_galaxies(labels_csv)
    galaxies.votes[3] = np.nan
    galaxies.classes["class5"].index[[3, 4]] = -1
    assert set(range(40)) - set(open_rows(galaxies, ("class5",), everything=False)) == {3, 4}
    either = open_rows(galaxies, ("class5", "votes"), everything=False)
    assert either.tolist() == [*range(3), *range(4, 40), 48, 49]
    assert len(open_rows(galaxies, ("votes",), everything=True)) == 49
    with pytest.raises(GalaxyEdgeError, match="outside the test split has counts"):
        open_rows(galaxies, ("counts",), everything=True)
    with pytest.raises(GalaxyEdgeError, match="has no classes 'galaxy99'"):
        open_rows(galaxies, ("galaxy99",), everything=False)


def test_classes_are_counted_in_each_fold(labels_csv: Path):
    galaxies = read_galaxies(labels_csv)
    folds = make_folds(galaxies.ids, 2, seed=1)
    counts = class_counts(galaxies, folds)
    assert set(counts) == {"class5"}
    first, second = counts["class5"]
    assert sum(first.values()) == len(folds[0].held_out)
    total = {name: first[name] + second[name] for name in first}
    assert list(total.values()) == [10, 10, 10, 10, 10]
