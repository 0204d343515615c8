from pathlib import Path

import numpy as np
import pytest
from galaxy_set_files import galaxy_pixels, write_labels

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.derived_classes import (
    class5_of_clear_votes,
    galaxy10_of_clear_votes,
)
from annotations.galaxies.registry import read_galaxies
from edge_runtime.evaluation.galaxy_labels import LabelError


def changed(path: Path, line: int, old: str, new: str) -> None:
    lines = path.read_text().splitlines()
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path.write_text("\n".join(lines) + "\n")


def test_all_schemes_and_identities_are_read(tmp_path: Path) -> None:
    galaxies = read_galaxies(write_labels(tmp_path))
    assert galaxies.ids == (*(f"kaggle/{100 + i}" for i in range(6)), "gz1/587722")
    assert galaxies.labels("class5").counts()["spiral"] == 3
    assert galaxies.labels("galaxy10").index.tolist() == [1, 7, 1, 7, 1, 7, -1]
    assert galaxies.labels("gz1_class").counts()["merger"] == 1
    assert galaxies.labels("emle_class4").counts()["barred_spiral"] == 3
    assert galaxies.split == ("train", "train", "val", "test", "train", "train", "train")
    assert galaxies.has_votes.tolist() == [True] * 6 + [False]
    assert galaxies.frame_scale[0] == 1
    assert np.isnan(galaxies.frame_scale[6])


def test_pictures_come_in_red_green_blue(tmp_path: Path) -> None:
    galaxies = read_galaxies(write_labels(tmp_path))
    picture = galaxies.pictures.read(2)
    assert picture.shape == (64, 64, 3)
    assert picture.dtype == np.uint8
    assert np.abs(picture.astype(float) - galaxy_pixels(2, 64)).mean() < 3  # JPEG
    assert galaxies.where("val").pictures.read(0).tolist() == picture.tolist()


def test_numbers_shared_by_two_sources_are_one_identity(tmp_path: Path) -> None:
    path = write_labels(tmp_path)
    changed(path, 3, "kaggle", "kaggle_extra")
    changed(path, 4, "kaggle", "gz2")
    assert read_galaxies(path).ids[1:3] == ("kaggle/101", "gz2/102")


def test_a_galaxy_named_twice_is_left_out_the_second_time(tmp_path: Path) -> None:
    path = write_labels(tmp_path)
    changed(path, 4, ",102,", ",100,")
    with pytest.raises(AnnotationError, match=r"line 4: galaxy kaggle/100 is also in line 2"):
        read_galaxies(path)
    problems = ProblemList()
    assert len(read_galaxies(path, problems)) == 6
    assert [each.place for each in problems.errors] == ["line 4"]


@pytest.mark.parametrize(
    ("line", "old", "new", "message"),
    [
        (2, "smooth_round", "round", "unknown class5 'round'"),
        (3, ",7,", ",10,", "unknown galaxy10 '10'; known: 0 to 9"),
        (8, "merger", "merging", "unknown gz1_class 'merging'; known: elliptical"),
        (4, ",val,", ",validation,", "unknown split 'validation'"),
        (5, "images/3.jpg", "../3.jpg", "not a path inside the folder"),
        (6, "images/4.jpg", "images/400.jpg", r"images/400\.jpg is missing"),
    ],
)
def test_a_bad_row_raises_or_is_left_out_and_told(
    tmp_path: Path, line: int, old: str, new: str, message: str
) -> None:
    path = write_labels(tmp_path)
    changed(path, line, old, new)
    with pytest.raises((LabelError, AnnotationError), match=rf"line {line}: .*{message}"):
        read_galaxies(path)
    problems = ProblemList()
    assert len(read_galaxies(path, problems)) == 6
    (error,) = problems.errors
    assert error.place == f"line {line}"
    assert error.path == path


def test_missing_pictures_may_be_expected(tmp_path: Path) -> None:
    path = write_labels(tmp_path)
    for number in (1, 4):
        (tmp_path / "images" / f"{number}.jpg").unlink()
    problems = ProblemList()
    assert len(read_galaxies(path, problems, skip_missing=True)) == 5
    assert not problems.errors
    assert "2 of 7 rows are left out" in problems.found[0].message


def test_the_real_table_is_read_whole(data_dir: Path) -> None:
    problems = ProblemList()
    galaxies = read_galaxies(data_dir / "galaxies", problems)
    assert len(galaxies) == 11592
    assert not problems.errors
    assert len(problems.found) == 8  # rows whose votes miss a sum
    assert len(set(galaxies.ids)) == 11592
    assert int(galaxies.has_votes.sum()) == 5008
    assert int(galaxies.labels("class5").known.sum()) == 4837
    assert int(galaxies.labels("galaxy10").known.sum()) == 1868
    assert int(galaxies.labels("gz1_class").known.sum()) == 2686
    assert galaxies.pictures.read(0).shape == (264, 264, 3)


def test_the_thresholds_give_the_classes_of_the_real_table(data_dir: Path) -> None:
    galaxies = read_galaxies(data_dir / "galaxies", ProblemList())
    voted = galaxies.rows(galaxies.has_votes)
    ten = galaxy10_of_clear_votes(voted.votes)
    assert (ten.index == voted.labels("galaxy10").index).all()
    challenge = voted.where(sources=["kaggle", "kaggle_extra"])
    five = class5_of_clear_votes(challenge.votes)
    assert len(challenge) == 4149
    assert (five.index == challenge.labels("class5").index).all()
