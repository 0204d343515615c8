"""Galaxies that trials train on and are scored on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from galaxy_set_files import write_labels

from classification.edge_classifiers import edge_preparation
from edge_runtime.errors import GalaxyEdgeError
from tuning.trials.galaxies import all_crops, read_parts, shared_crops


def test_labelled_galaxies_of_train_and_val_are_read_and_none_of_test(tmp_path: Path) -> None:
    parts = read_parts(write_labels(tmp_path, 12))
    assert parts.split == ("train", "train", "val") * 3
    assert "gz1" not in parts.source


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_without_a_galaxy_is_named(tmp_path: Path, split: str) -> None:
    path = write_labels(tmp_path, 8)
    path.write_text(path.read_text().replace(f",{split},", ",test,"))
    with pytest.raises(GalaxyEdgeError, match=f"labels.csv: no galaxy .* in the split '{split}'"):
        read_parts(path)


def test_prepared_pictures_are_found_again_by_the_next_trial(tmp_path: Path) -> None:
    galaxies = read_parts(write_labels(tmp_path / "set", 4))
    cache = tmp_path / "cache"
    first = all_crops(shared_crops(galaxies, edge_preparation(16), cache))
    for picture in (tmp_path / "set" / "images").iterdir():
        picture.unlink()
    second = all_crops(shared_crops(galaxies, edge_preparation(16), cache))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (3, 16, 16, 3)
    assert first.dtype == np.uint8
