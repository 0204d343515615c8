from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from galaxy_set_files import write_galaxy10, write_labels

from annotations.formats.dataset import AnnotationError
from annotations.galaxies.registry import read_galaxies
from annotations.galaxies.splits import with_splits


def test_a_galaxy_keeps_its_split_whatever_else_is_there(tmp_path: Path) -> None:
    write_galaxy10(tmp_path / "set.h5", 69, count=400)
    galaxies = read_galaxies(tmp_path)
    split = with_splits(galaxies)
    counts = Counter(split.split)
    assert 290 < counts["train"] < 350
    assert 20 < counts["val"] < 60
    assert 20 < counts["test"] < 60
    some = np.arange(0, 400, 7)
    assert with_splits(galaxies.rows(some)).split == split.rows(some).split


def test_splits_that_are_there_stay(tmp_path: Path) -> None:
    galaxies = read_galaxies(write_labels(tmp_path))
    assert with_splits(galaxies, {"test": 1.0}).split == galaxies.split
    assert set(with_splits(galaxies, {"test": 1.0}, anew=True).split) == {"test"}


@pytest.mark.parametrize("shares", [{"train": 0.5}, {"train": 1.2, "val": -0.2}, {"dev": 1.0}])
def test_shares_must_be_parts_of_one(tmp_path: Path, shares: dict[str, float]) -> None:
    with pytest.raises(AnnotationError):
        with_splits(read_galaxies(write_labels(tmp_path)), shares)
