import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from galaxy_set_files import (
    encoded,
    galaxy_pixels,
    tree_votes,
    write_challenge,
    write_csv,
    zip_folder,
)

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.registry import detect_galaxy_format, read_galaxies
from edge_runtime.decision_tree import VOTE_COLUMNS


def test_votes_classes_and_pictures_are_read(tmp_path: Path) -> None:
    votes = write_challenge(tmp_path)
    assert detect_galaxy_format(tmp_path) == "galaxy-zoo-challenge"
    galaxies = read_galaxies(tmp_path)
    assert galaxies.ids == tuple(f"kaggle/{100008 + i}" for i in range(5))
    np.testing.assert_allclose(galaxies.votes, votes, atol=1e-6)
    assert galaxies.votes.dtype == np.float32
    assert galaxies.frame_scale.tolist() == [1.0] * 5
    assert galaxies.pictures.read(3).shape == (424, 424, 3)
    for row, index in enumerate(galaxies.labels("galaxy10").index):
        if index >= 0:
            assert votes[row].max() > 0.55


@pytest.mark.parametrize("inside", ["images_training_rev1", ""])
def test_zip_files_need_no_unpacking(tmp_path: Path, inside: str) -> None:
    write_challenge(tmp_path / "plain")
    folder = tmp_path / "zipped"
    folder.mkdir()
    plain = tmp_path / "plain"
    zip_folder(plain / "images_training_rev1", folder / "images_training_rev1.zip", inside=inside)
    solutions = tmp_path / "only"
    solutions.mkdir()
    (plain / "training_solutions_rev1.csv").rename(solutions / "training_solutions_rev1.csv")
    zip_folder(solutions, folder / "training_solutions_rev1.zip")
    galaxies = read_galaxies(folder)
    assert len(galaxies) == 5
    picture = galaxies.pictures.read(4)
    assert np.abs(picture.astype(float) - galaxy_pixels(4, 424)).mean() < 3
    assert "images_training_rev1.zip" in galaxies.pictures.name(4)
    assert galaxies.frame_scale[0] == 1


def test_scaled_frames_change_the_scale_with_a_warning(tmp_path: Path) -> None:
    write_challenge(tmp_path, side_px=212)
    problems = ProblemList()
    galaxies = read_galaxies(tmp_path, problems)
    assert galaxies.frame_scale.tolist() == [0.5] * 5
    assert "scaled to 212 px" in problems.found[0].message


def test_missing_pictures_and_folders_are_named(tmp_path: Path) -> None:
    write_challenge(tmp_path)
    (tmp_path / "images_training_rev1" / "100010.jpg").unlink()
    with pytest.raises(AnnotationError, match=r"line 4: its picture .*100010\.jpg is missing"):
        read_galaxies(tmp_path)
    problems = ProblemList()
    assert "kaggle/100010" not in read_galaxies(tmp_path, problems).ids
    assert len(problems.errors) == 1
    (tmp_path / "images_training_rev1").rename(tmp_path / "pictures")
    with pytest.raises(AnnotationError, match=r"neither images_training_rev1/ nor .*\.zip"):
        read_galaxies(tmp_path)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "Class3.1 is '', not a number"),
        ("1.2", r"Class3\.1 is 1\.2; a vote is from 0 to 1"),
        ("-0.1", "a vote is from 0 to 1"),
        ("nan", "not a number"),
    ],
)
def test_a_bad_vote_is_named(tmp_path: Path, cell: str, message: str) -> None:
    votes = write_challenge(tmp_path)
    rows: list[list[object]] = [[100008 + i, *votes[i]] for i in range(5)]
    rows[2][1 + VOTE_COLUMNS.index("Class3.1")] = cell
    write_csv(tmp_path / "training_solutions_rev1.csv", ["GalaxyID", *VOTE_COLUMNS], rows)
    with pytest.raises(
        AnnotationError, match=rf"training_solutions_rev1\.csv: line 4: .*{message}"
    ):
        read_galaxies(tmp_path)
    assert len(read_galaxies(tmp_path, ProblemList())) == 4


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    write_challenge(tmp_path)
    path = tmp_path / "training_solutions_rev1.csv"
    path.write_text(path.read_text().replace("Class9.3", "Class93"))
    with pytest.raises(AnnotationError, match=r"line 1: missing column Class9\.3"):
        read_galaxies(tmp_path)


def test_memory_stays_below_a_kilobyte_a_galaxy(tmp_path: Path) -> None:
    count = 6000  # a tenth of the real set
    few = np.round(tree_votes(50), 6).tolist()
    rows: list[list[object]] = [[100008 + i, *few[i % 50]] for i in range(count)]
    write_csv(tmp_path / "training_solutions_rev1.csv", ["GalaxyID", *VOTE_COLUMNS], rows)
    pictures = tmp_path / "images_training_rev1"
    pictures.mkdir()
    (pictures / "100008.jpg").write_bytes(encoded(galaxy_pixels(0, 424), ".jpg"))
    del rows
    tracemalloc.start()
    try:
        galaxies = read_galaxies(tmp_path, ProblemList(), skip_missing=True)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(galaxies) == 1
    assert peak_bytes < 1024 * count, peak_bytes / count
