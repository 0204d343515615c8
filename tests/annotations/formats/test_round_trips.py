"""What is written and read again, in every format."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelled_sets import contents, labelled_sets, picture_files, small_set

from annotations.conversion import ConversionOptions, convert, write_set
from annotations.formats.dataset import LabelledBox, LabelledPicture, LabelledSet
from annotations.formats.problems import ProblemList
from annotations.formats.registry import FORMATS, detect_format, lost_in, read_set

REAL_SETS = ("telescope_galaxies", "messier_thumbnails")
arbitrary = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[tuple[int, int], Path]:
    return picture_files(tmp_path_factory.mktemp("pictures"))


def written_and_read(labelled: LabelledSet, folder: Path, name: str) -> LabelledSet:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    write_set(labelled, folder, name)
    problems = ProblemList()
    back = read_set(folder, problems)
    assert problems.found == []
    return back


def box_pairs(first: LabelledSet, second: LabelledSet):
    """Boxes of the same picture in the same place of its list."""
    pictures = {picture.name: picture for picture in second.pictures}
    assert pictures.keys() == {picture.name for picture in first.pictures}
    for picture in first.pictures:
        for pair in zip(picture.boxes, pictures[picture.name].boxes, strict=True):
            yield picture, *pair


@pytest.mark.parametrize("name", ["coco", "voc"])
@given(data=st.data())
@arbitrary
def test_coco_and_voc_give_everything_back_exactly(data, name, files, tmp_path):
    labelled = data.draw(labelled_sets(files))
    back = written_and_read(labelled, tmp_path / "set", name)
    assert contents(back) == contents(labelled)
    assert [p.name for p in back.pictures] == [p.name for p in labelled.pictures]
    assert back.labels == labelled.labels


@pytest.mark.parametrize("name", ["coco", "voc"])
def test_sides_whose_sum_misses_the_last_digit_come_back(name, files, tmp_path):
    box = LabelledBox((1.792, 0.0, 4098.454, 1.0), "galaxy")
    picture = LabelledPicture(files[6000, 4000], 6000, 4000, (box,))
    back = written_and_read(LabelledSet((picture,), ("galaxy",)), tmp_path / "set", name)
    assert back.pictures[0].boxes[0].xyxy_px == box.xyxy_px


@given(data=st.data())
@arbitrary
def test_tfrecord_gives_everything_back_within_float32(data, files, tmp_path):
    labelled = data.draw(labelled_sets(files))
    back = written_and_read(labelled, tmp_path / "set", "tfrecord")
    for picture, box, again in box_pairs(labelled, back):
        tolerance_px = 6e-8 * max(picture.width_px, picture.height_px) + 1e-9
        assert again.xyxy_px == pytest.approx(box.xyxy_px, abs=tolerance_px)
        for field in ("label", "difficult", "crowd", "truncated", "occluded", "pose"):
            assert getattr(again, field) == getattr(box, field)
        assert (again.annotation_id, again.area_px) == (box.annotation_id, box.area_px)
        assert again.attributes == box.attributes
    assert [(p.name, p.group, p.picture_id) for p in back.pictures] == [
        (p.name, p.group, p.picture_id) for p in labelled.pictures
    ]
    assert [p.encoded() for p in back.pictures] == [p.encoded() for p in labelled.pictures]
    assert back.labels == labelled.labels
    assert contents(written_and_read(back, tmp_path / "again", "tfrecord")) == contents(back)


@given(data=st.data())
@arbitrary
def test_yolo_gives_boxes_and_classes_back_to_the_ninth_decimal(data, files, tmp_path):
    labelled = data.draw(labelled_sets(files))
    back = written_and_read(labelled, tmp_path / "set", "yolo")
    for _, box, again in box_pairs(labelled, back):
        assert again.xyxy_px == pytest.approx(box.xyxy_px, abs=1.1e-9)
        assert again.label == box.label
    assert back.labels == labelled.labels


@given(data=st.data())
@arbitrary
def test_whole_pixels_come_back_whole_from_every_format(data, files, tmp_path):
    labelled = data.draw(labelled_sets(files))
    for name in ("tfrecord", "yolo"):
        back = written_and_read(labelled, tmp_path / "set", name)
        for _, box, again in box_pairs(labelled, back):
            for value, value_again in zip(box.xyxy_px, again.xyxy_px, strict=True):
                if value == int(value):
                    assert value_again == value


@pytest.mark.parametrize(("first", "second"), [*itertools.permutations(FORMATS, 2)])
def test_there_and_back_is_the_same_set(first, second, tmp_path):
    start = written_and_read(small_set(tmp_path), tmp_path / "start", first)
    convert(tmp_path / "start", tmp_path / "there", second)
    convert(tmp_path / "there", tmp_path / "back", first)
    assert detect_format(tmp_path / "back") == first
    problems = ProblemList()
    back = read_set(tmp_path / "back", problems)
    assert problems.found == []
    assert back.labels == start.labels
    if second == "yolo":
        for _, box, again in box_pairs(start, back):
            assert (again.xyxy_px, again.label) == (box.xyxy_px, box.label)
    else:
        assert contents(back) == contents(start)


@pytest.mark.parametrize("target", ["voc", "tfrecord"])
@pytest.mark.parametrize("name", REAL_SETS)
def test_real_sets_come_back_to_the_last_byte(name, target, data_dir, tmp_path):
    source = data_dir / "frames" / name
    convert(source, tmp_path / "coco", "coco")
    convert(tmp_path / "coco", tmp_path / target, target, ConversionOptions(strict=True))
    convert(tmp_path / target, tmp_path / "back", "coco")
    assert (tmp_path / "back" / "annotations.json").read_bytes() == (
        tmp_path / "coco" / "annotations.json"
    ).read_bytes()
    for path in (source / "images").iterdir():
        if (tmp_path / "coco" / "images" / path.name).exists():
            assert (tmp_path / "back" / "images" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", REAL_SETS)
def test_real_sets_keep_their_boxes_in_yolo(name, data_dir, tmp_path):
    source = data_dir / "frames" / name
    labelled = read_set(source, ProblemList())
    done = convert(source, tmp_path / "yolo", "yolo")
    back = read_set(tmp_path / "yolo", ProblemList())
    count = 0
    for _, box, again in box_pairs(labelled, back):
        assert again.xyxy_px == pytest.approx(box.xyxy_px, abs=1e-8)
        count += 1
    assert count == {"telescope_galaxies": 126, "messier_thumbnails": 42}[name]
    assert ("20 difficult flags" in done.lost) == (name == "telescope_galaxies")


def test_only_yolo_loses_what_boxes_say(tmp_path):
    labelled = small_set(tmp_path)
    for name in ("coco", "voc", "tfrecord"):
        assert lost_in(labelled, name) == []
    assert lost_in(labelled, "yolo") == [
        "2 difficult flags",
        "2 crowd flags",
        "1 truncated flags",
        "1 occluded flags",
        "1 poses",
        "1 areas",
        "1 boxes with further fields",
        "2 groups of pictures",
        "1 pictures with further fields",
    ]
