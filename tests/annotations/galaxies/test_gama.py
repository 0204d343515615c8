from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from galaxy_set_files import galaxy_pixels, write_gama, zip_folder

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.registry import detect_galaxy_format, read_galaxies


def test_target_0_is_elliptical(tmp_path: Path) -> None:
    write_gama(tmp_path / "GALAXIES")
    assert detect_galaxy_format(tmp_path) == "gama"
    galaxies = read_galaxies(tmp_path)
    labels = galaxies.labels("elliptical")
    assert labels.names == ("other", "elliptical")
    assert labels.index.tolist() == [1, 0, 0, 1]
    assert galaxies.ids[0] == "gama/250000"
    assert (galaxies.pictures.read(1) == galaxy_pixels(1, 40)).all()
    other_way = read_galaxies(tmp_path, elliptical_target=1)
    assert other_way.labels("elliptical").index.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("inside", ["GALAXIES", ""])
def test_a_zip_file_needs_no_unpacking(tmp_path: Path, inside: str) -> None:
    write_gama(tmp_path / "plain")
    path = zip_folder(tmp_path / "plain", tmp_path / "GALAXIES.zip", inside=inside)
    assert detect_galaxy_format(path) == "gama"
    galaxies = read_galaxies(path)
    assert galaxies.labels("elliptical").index.tolist() == [1, 0, 0, 1]
    assert (galaxies.pictures.read(3) == galaxy_pixels(3, 40)).all()


def test_many_threads_read_one_zip_file(tmp_path: Path) -> None:
    write_gama(tmp_path / "plain", (0, 1) * 10)
    pictures = read_galaxies(zip_folder(tmp_path / "plain", tmp_path / "g.zip")).pictures
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(pictures.read, range(20)))
    assert all((picture == galaxy_pixels(i, 40)).all() for i, picture in enumerate(read))


def test_bad_rows_are_named(tmp_path: Path) -> None:
    write_gama(tmp_path, (0, "E", 1, 2))
    with pytest.raises(AnnotationError, match=r"line 3: TARGET is 'E'; it must be 0 or 1"):
        read_galaxies(tmp_path)
    problems = ProblemList()
    assert len(read_galaxies(tmp_path, problems)) == 2
    assert [each.place for each in problems.errors] == ["line 3", "line 5"]


def test_a_damaged_zip_file_is_named(tmp_path: Path) -> None:
    write_gama(tmp_path / "plain")
    path = zip_folder(tmp_path / "plain", tmp_path / "GALAXIES.zip")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(AnnotationError, match=r"GALAXIES\.zip: is no zip file, or was cut off"):
        read_galaxies(path, format_name="gama")
