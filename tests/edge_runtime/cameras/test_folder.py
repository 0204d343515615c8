from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.cameras.folder import FolderCamera
from edge_runtime.errors import CameraError, FrameError


def picture(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((20, 30), value, np.uint8))
    return path


def names(camera: FolderCamera) -> list[str]:
    found = []
    with camera:
        while (frame := camera.read()) is not None:
            assert frame.sequence == len(found)
            found.append(frame.name)
    return found


def test_a_folder_is_read_in_natural_order_and_other_files_are_left_out(tmp_path):
    for index in (10, 9, 1):
        picture(tmp_path / f"frame_{index}.png")
    picture(tmp_path / ".hidden.png")
    picture(tmp_path / "deeper" / "frame_2.png")
    (tmp_path / "notes.txt").write_text("no picture")
    camera = FolderCamera(tmp_path)
    assert names(camera) == ["frame_1.png", "frame_9.png", "frame_10.png"]
    assert not camera.live
    assert camera.name == tmp_path.name
    assert len(names(FolderCamera(tmp_path, recursive=True))) == 4


def test_a_pattern_chooses_names(tmp_path):
    for name in ("a.png", "b.png", "a.jpg"):
        picture(tmp_path / name)
    assert names(FolderCamera(tmp_path, pattern="a.*")) == ["a.jpg", "a.png"]
    assert names(FolderCamera(f"{tmp_path}/?.png")) == ["a.png", "b.png"]


def test_a_file_and_a_list_are_read_as_given(tmp_path):
    first, second = picture(tmp_path / "b.png"), picture(tmp_path / "a.png").rename(tmp_path / "x")
    assert names(FolderCamera(second)) == ["x"]
    assert names(FolderCamera([first, str(second)])) == ["b.png", "x"]


def test_an_existing_name_with_brackets_is_no_pattern(tmp_path):
    assert names(FolderCamera(picture(tmp_path / "m51 [1].png"))) == ["m51 [1].png"]


def test_an_unreadable_file_is_an_error_and_the_next_call_goes_on(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"")
    picture(tmp_path / "c.png", 7)
    with FolderCamera(tmp_path) as camera:
        assert camera.frame_count == 3
        assert camera.read().name == "a.png"
        with pytest.raises(FrameError, match=r"b\.png: the file is empty"):
            camera.read()
        last = camera.read()
        assert (last.name, last.sequence, int(last.pixels[0, 0])) == ("c.png", 2, 7)
        assert camera.read() is None
        assert camera.read() is None


def test_a_file_that_vanishes_is_an_error_of_its_own(tmp_path):
    paths = [picture(tmp_path / name) for name in ("a.png", "b.png")]
    with FolderCamera(tmp_path) as camera:
        paths[0].unlink()
        with pytest.raises(FrameError, match=r"a\.png: it does not exist"):
            camera.read()
        assert camera.read().name == "b.png"


def test_skipped_files_are_counted_but_not_read(tmp_path):
    for index in range(4):
        picture(tmp_path / f"{index}.png", index)
    with FolderCamera(tmp_path) as camera:
        camera.skip(2)
        frame = camera.read()
    assert (frame.name, frame.sequence) == ("2.png", 2)


def test_reopening_starts_over_and_sees_new_files(tmp_path):
    picture(tmp_path / "a.png")
    camera = FolderCamera(tmp_path)
    assert names(camera) == ["a.png"]
    picture(tmp_path / "b.png")
    assert names(camera) == ["a.png", "b.png"]


def test_nothing_to_read_is_an_error_that_names_the_place(tmp_path):
    with pytest.raises(CameraError, match="absent: no such file or folder"):
        FolderCamera(tmp_path / "absent").open()
    with pytest.raises(CameraError, match="no pictures found; looked for JPEG"):
        FolderCamera(tmp_path).open()
    with pytest.raises(CameraError, match=r"no pictures found; looked for \*\.fits"):
        FolderCamera(tmp_path, pattern="*.fits").open()
    with pytest.raises(CameraError, match="no pictures found"):
        FolderCamera(f"{tmp_path}/*.png").open()
    with pytest.raises(CameraError, match="cannot list it"):
        FolderCamera(tmp_path, pattern="/etc/*").open()


def test_all_real_telescope_frames_are_read(data_dir):
    camera = FolderCamera(data_dir / "frames" / "telescope_galaxies" / "images")
    assert len(names(camera)) == 61
