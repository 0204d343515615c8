"""Crops of archives that detectors leave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classification.edge_network.mined_crops import MOST_REPEATS, MinedCrops, read_crop_archive
from edge_runtime.errors import GalaxyEdgeError


def numbered(first: int, count: int) -> np.ndarray:
    values = np.arange(first, first + count, dtype=np.uint8)
    return np.broadcast_to(values[:, None, None, None], (count, 4, 4, 3))


def test_crops_of_small_archives_come_as_often_as_those_of_the_largest() -> None:
    crops = MinedCrops([numbered(0, 3), numbered(10, 9), numbered(50, 1)])
    assert len(crops) == 3 * 3 + 9 + MOST_REPEATS
    values = [int(crops[row].max()) for row in range(len(crops))]
    assert values == [0, 1, 2] * 3 + list(range(10, 19)) + [50] * MOST_REPEATS


def test_repeated_crops_are_not_copied() -> None:
    archive = numbered(0, 2)
    crops = MinedCrops([archive, numbered(10, 16)])
    assert all(np.shares_memory(crops[row], archive) for row in range(2 * MOST_REPEATS))


def test_without_archives_there_are_no_crops() -> None:
    assert len(MinedCrops()) == 0
    with pytest.raises(IndexError):
        MinedCrops()[0]


def test_archives_of_crops_are_read_and_scaled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", crops=np.full((2, 80, 80, 3), 7, np.uint8))
    crops = read_crop_archive(tmp_path / "a.npz", 64)
    assert crops.shape == (2, 64, 64, 3)
    assert (crops == 7).all()


@pytest.mark.parametrize("content", [None, b"junk", {"other": np.zeros(3)}, {"crops": np.zeros(3)}])
def test_an_archive_that_cannot_be_used_is_named(tmp_path: Path, content: object) -> None:
    path = tmp_path / "mined.npz"
    if isinstance(content, dict):
        np.savez(path, **content)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(GalaxyEdgeError, match=r"mined\.npz"):
        read_crop_archive(path, 64)
