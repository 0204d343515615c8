import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from galaxy_set_files import galaxy_pixels, write_galaxy10

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.registry import detect_galaxy_format, read_galaxies


@pytest.mark.parametrize(
    ("side_px", "scheme", "first"),
    [(69, "galaxy10", "disc, face-on, no spiral"), (256, "galaxy10_decals", "disturbed")],
)
def test_the_two_sets_are_told_apart(tmp_path: Path, side_px: int, scheme: str, first: str) -> None:
    path = tmp_path / "set.h5"
    images = write_galaxy10(path, side_px)
    assert detect_galaxy_format(tmp_path) == "galaxy10"
    galaxies = read_galaxies(tmp_path)
    labels = galaxies.labels(scheme)
    assert labels.names[0] == first
    assert labels.index.tolist() == [*range(10), 0, 1]
    assert not galaxies.has_votes.any()
    assert (galaxies.pictures.read(7) == images[7]).all()
    assert galaxies.ids[3] == f"{scheme}/3"


def test_the_scale_of_sdss_pictures_is_a_third_of_the_frame(tmp_path: Path) -> None:
    write_galaxy10(tmp_path / "Galaxy10.h5", 69)
    assert read_galaxies(tmp_path).frame_scale == pytest.approx(np.full(12, 1 / 3))
    write_galaxy10(tmp_path / "Galaxy10.h5", 256)
    assert np.isnan(read_galaxies(tmp_path).frame_scale).all()


def test_pictures_can_go_to_another_process(tmp_path: Path) -> None:
    write_galaxy10(tmp_path / "Galaxy10.h5", 69)
    pictures = read_galaxies(tmp_path).pictures
    pictures.read(0)
    copy = pickle.loads(pickle.dumps(pictures))
    assert (copy.read(5) == galaxy_pixels(5, 69)).all()


def test_a_strange_class_is_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "Galaxy10.h5"
    write_galaxy10(path, 69)
    with h5py.File(path, "r+") as file:
        file["ans"][4] = 10
    with pytest.raises(AnnotationError, match=r"ans\[4\]: is 10; a class is from 0 to 9"):
        read_galaxies(path)
    problems = ProblemList()
    galaxies = read_galaxies(path, problems)
    assert len(galaxies) == 11
    assert (galaxies.pictures.read(4) == galaxy_pixels(5, 69)).all()
    assert len(problems.errors) == 1


def test_other_shapes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    write_galaxy10(path, 100)
    with pytest.raises(AnnotationError, match="pictures are 100 × 100 px; name the scheme"):
        read_galaxies(path)
    assert "galaxy10" in read_galaxies(path, scheme="galaxy10").classes
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros((4, 69, 69), np.uint8)
    with pytest.raises(AnnotationError, match=r"'images' is uint8 of shape \(4, 69, 69\)"):
        read_galaxies(path)
    with h5py.File(path, "w") as file:
        file["pictures"] = np.zeros(4)
    with pytest.raises(AnnotationError, match="no data set 'images'; it has: pictures"):
        read_galaxies(path)


def test_a_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "Galaxy10.h5"
    write_galaxy10(path, 69)
    path.write_bytes(path.read_bytes()[:-20_000])
    with pytest.raises(AnnotationError, match=r"Galaxy10\.h5: cannot be read as HDF5"):
        read_galaxies(path)


def test_classes_must_match_the_pictures(tmp_path: Path) -> None:
    path = tmp_path / "Galaxy10.h5"
    write_galaxy10(path, 69)
    with h5py.File(path, "r+") as file:
        del file["ans"]
        file["ans"] = np.zeros(3, np.uint8)
    with pytest.raises(AnnotationError, match="'ans' must hold 12 whole numbers"):
        read_galaxies(path)
