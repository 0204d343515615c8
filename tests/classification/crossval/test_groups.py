"""Copies of a picture are found, however they were cut and encoded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotations.galaxies.registry import read_galaxies
from classification.crossval.groups import galaxy_groups, same_pictures


def test_copies_share_the_group_of_the_first_id(labels_csv: Path):
    galaxies = read_galaxies(labels_csv)
    seen: list[tuple[int, int]] = []
    groups = galaxy_groups(galaxies, lambda *at: seen.append(at))
    assert groups[48] == groups[0] == "gz2/900048"
    assert groups[49] == groups[1] == "gz2/900049"
    assert groups[2:48] == galaxies.ids[2:48]
    assert seen[-1] == (50, 50)


def test_rows_of_one_id_are_one_group_whatever_their_pictures(labels_csv: Path):
    galaxies = read_galaxies(labels_csv)
    galaxies = replace(galaxies, ids=("same", *galaxies.ids[1:5], "same", *galaxies.ids[6:]))
    groups = galaxy_groups(galaxies)
    assert groups[0] == groups[5] == groups[48]
    assert len(set(groups)) == 50 - 3


def test_pictures_of_one_colour_are_no_copies():
    flat = np.full((5, 16, 16, 3), 7, np.uint8)
    assert same_pictures(flat).shape == (0, 2)


def test_pairs_are_found_beyond_one_block():
    rng = np.random.default_rng(0)
    stamps = rng.integers(0, 255, (1200, 16, 16, 3), dtype=np.uint8)
    stamps[1100] = stamps[3]
    stamps[700] = stamps[699]
    assert {tuple(sorted(pair)) for pair in same_pictures(stamps).tolist()} == {
        (3, 1100),
        (699, 700),
    }


@pytest.mark.slow
def test_galaxies_of_galaxy_zoo_have_their_copies_in_one_group(data_dir: Path):
    galaxies = read_galaxies(data_dir / "galaxies" / "labels.csv")
    chosen = {"gz2/161765", "kaggle/950142", "gz2/225801", "kaggle/225801", "gz2/57321"}
    galaxies = galaxies.rows(np.array([i in chosen for i in galaxies.ids]))
    groups = dict(zip(galaxies.ids, galaxy_groups(galaxies), strict=True))
    assert groups["kaggle/950142"] == groups["gz2/161765"]  # one galaxy under two numbers
    assert len(set(groups.values())) == 4  # one number, two galaxies: no copies


@pytest.mark.parametrize("scale", [0.7, 1.0])
def test_a_copy_shrunk_and_encoded_anew_is_found(labels_csv: Path, scale: float):
    galaxies = read_galaxies(labels_csv)
    folder, scales = labels_csv.parent, galaxies.frame_scale.copy()
    blocks = np.random.default_rng(50).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    picture = cv2.resize(blocks, (264, 264), interpolation=cv2.INTER_CUBIC)
    copy = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / "5.jpg"), picture)
    cv2.imwrite(str(folder / "9.jpg"), copy, [cv2.IMWRITE_JPEG_QUALITY, 70])
    scales[[5, 9]] = 1.0, scale
    groups = galaxy_groups(replace(galaxies, frame_scale=scales))
    assert groups[5] == groups[9]
