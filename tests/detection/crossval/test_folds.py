"""Folds keep groups together and stay as they are when pictures are added."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotations.formats.dataset import LabelledBox, LabelledPicture
from detection.crossval.folds import assign_folds
from edge_runtime.errors import GalaxyEdgeError


def pictures(count: int, group: str = "", difficult: bool = False) -> list[LabelledPicture]:
    box = LabelledBox((1.0, 1.0, 9.0, 9.0), "galaxy", difficult=difficult)
    return [
        LabelledPicture(
            Path(f"{i}.png"), 32, 32, (box,), group=group.format(i // 3) if group else ""
        )
        for i in range(count)
    ]


def test_pictures_of_a_group_share_a_fold():
    assigned = assign_folds(pictures(90, "night {}"), 3, 1)
    for start in range(0, 90, 3):
        assert len(set(assigned[start : start + 3])) == 1
    assert set(assigned) == {0, 1, 2}


def test_folds_are_about_even():
    assigned = assign_folds(pictures(1000), 5, 1)
    assert all(150 < assigned.count(fold) < 250 for fold in range(5))


def test_more_pictures_move_none():
    assert assign_folds(pictures(200), 5, 1)[:100] == assign_folds(pictures(100), 5, 1)


def test_another_seed_gives_other_folds():
    assert assign_folds(pictures(100), 5, 1) != assign_folds(pictures(100), 5, 2)


def test_too_few_groups_are_an_error():
    with pytest.raises(GalaxyEdgeError, match="3 pictures of 1 groups do not fill 2 folds"):
        assign_folds(pictures(3, "one"), 2, 1)


def test_difficult_galaxies_alone_do_not_fill_a_fold():
    with pytest.raises(GalaxyEdgeError, match="hold no galaxy"):
        assign_folds(pictures(50, difficult=True), 2, 1)
