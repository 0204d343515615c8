from pathlib import Path

import pytest
from galaxy_set_files import encoded, galaxy_pixels

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.registry import detect_galaxy_format, read_galaxies


def fill(folder: Path, count: int = 2) -> None:
    folder.mkdir(parents=True)
    for i in range(count):
        (folder / f"{i}.png").write_bytes(encoded(galaxy_pixels(i, 24), ".png"))


def test_folders_become_classes_in_alphabetical_order(tmp_path: Path) -> None:
    for name in ("spiral", "edge-on"):
        fill(tmp_path / name)
    assert detect_galaxy_format(tmp_path) == "class-folders"
    galaxies = read_galaxies(tmp_path)
    assert galaxies.labels("folder").names == ("edge-on", "spiral")
    assert galaxies.labels("folder").counts() == {"edge-on": 2, "spiral": 2}
    assert galaxies.ids[0] == "edge-on/0.png"
    assert galaxies.split == ("",) * 4


def test_folders_of_splits_are_told_from_classes(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        for name in ("other", "elliptical"):
            fill(tmp_path / split / name)
    galaxies = read_galaxies(tmp_path)
    assert galaxies.labels("elliptical").names == ("other", "elliptical")
    assert sorted(set(galaxies.split)) == ["train", "val"]


def test_names_of_a_known_scheme_take_its_order(tmp_path: Path) -> None:
    for name in ("smooth_round", "spiral"):
        fill(tmp_path / name)
    labels = read_galaxies(tmp_path, scheme="class5").labels("class5")
    assert labels.counts() == {
        "smooth_round": 2,
        "smooth_inbetween": 0,
        "smooth_cigar": 0,
        "edge_on_disk": 0,
        "spiral": 2,
    }
    fill(tmp_path / "comet")
    with pytest.raises(AnnotationError, match="class5 has no class 'comet'"):
        read_galaxies(tmp_path, scheme="class5")


def test_what_is_in_no_class_is_told(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    fill(tmp_path / "b")
    (tmp_path / "stray.png").write_bytes(encoded(galaxy_pixels(0, 24), ".png"))
    (tmp_path / "a" / "notes.txt").write_text("seeing was poor")
    problems = ProblemList()
    assert len(read_galaxies(tmp_path, problems)) == 4
    assert {each.path.name for each in problems.found} == {"stray.png", "notes.txt"}


def test_one_class_is_no_set(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    with pytest.raises(AnnotationError, match="two or more classes expected, found a"):
        read_galaxies(tmp_path, format_name="class-folders")
    with pytest.raises(AnnotationError, match="holds no galaxies of a known format"):
        read_galaxies(tmp_path)
