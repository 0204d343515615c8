"""Which files a path stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.errors import FrameError
from edge_runtime.processing.inputs import find_inputs, unique_stems


def test_numbers_in_names_are_ordered_by_value(tmp_path):
    for name in ("f10.png", "f9.png", "f1.fits", "f2.mp4"):
        (tmp_path / name).touch()
    names = [path.name for path in find_inputs(tmp_path)]
    assert names == ["f1.fits", "f2.mp4", "f9.png", "f10.png"]


def test_other_and_hidden_files_of_a_folder_are_left_out(tmp_path):
    (tmp_path / ".hidden").mkdir()
    for name in (".a.png", ".hidden/b.png", "c.csv", "d.fits.gz", "e.JPG", "f.gz"):
        (tmp_path / name).touch()
    assert [path.name for path in find_inputs(tmp_path)] == ["d.fits.gz", "e.JPG"]


def test_a_file_that_is_named_is_taken_whatever_it_is_called(tmp_path):
    odd = tmp_path / "odd.xyz"
    odd.touch()
    assert find_inputs(odd) == (odd,)


def test_a_folder_without_pictures_and_a_missing_path_are_errors(tmp_path):
    with pytest.raises(FrameError, match="no pictures, FITS files or videos"):
        find_inputs(tmp_path)
    with pytest.raises(FrameError, match="no such file or folder"):
        find_inputs(tmp_path / "nope")


def test_stems_are_unique_whatever_the_case():
    files = [Path("a/M1.png"), Path("b/m1.jpg"), Path("M1_2.png"), Path("c/M1.fits")]
    stems = unique_stems(files)
    assert len({stem.lower() for stem in stems.values()}) == 4
    assert stems[files[0]] == "M1"
