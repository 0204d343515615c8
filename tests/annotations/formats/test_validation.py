"""Damaged and wrong labels are named by file and place, and nothing of them is converted."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from labelled_sets import small_set

from annotations.conversion import ConversionOptions, convert, write_set
from annotations.formats.dataset import AnnotationError, LabelledSet
from annotations.formats.problems import ProblemList
from annotations.formats.registry import ReadingOptions, detect_format, read_set


@pytest.fixture
def written(tmp_path):
    """Write the small set in a format and return its folder."""

    def write(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        write_set(small_set(tmp_path), folder, name)
        return folder

    return write


def findings(folder: Path, **options) -> list[str]:
    problems = ProblemList()
    read_set(folder, problems, options=ReadingOptions(**options))
    return [str(problem).replace(f"{folder}/", "") for problem in problems.found]


def replaced(path: Path, old: str, new: str) -> int:
    """Replace the only such text in a file; its line is returned."""
    text = path.read_text()
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


COCO_FAULTS = {
    "box outside": ('"bbox": [10, 10, 10, 20]', '"bbox": [40, 10, 10, 20]', "leaves the picture"),
    "no area": ('"bbox": [10, 10, 10, 20]', '"bbox": [10, 10, 0, 20]', "has no area"),
    "negative width": ('"bbox": [10, 10, 10, 20]', '"bbox": [10, 10, -3, 20]', "has no area"),
    "NaN": ('"bbox": [10, 10, 10, 20]', '"bbox": [NaN, 10, 10, 20]', "is not finite"),
    "huge": ('"bbox": [10, 10, 10, 20]', '"bbox": [1e300, 10, 1e300, 20]', "leaves the picture"),
    "three numbers": ('"bbox": [10, 10, 10, 20]', '"bbox": [10, 10, 10]', "is not four numbers"),
    "text": ('"bbox": [10, 10, 10, 20]', '"bbox": "all"', "is not four numbers"),
    "infinite area": ('"area": 200', '"area": Infinity', "area inf is not a number"),
    "unknown class": (
        '"id": 7, "image_id": 12, "category_id": 2',
        '"id": 7, "image_id": 12, "category_id": 3',
        "annotation 7: unknown class 3; known are 1, 2",
    ),
    "no such picture": ('"id": 7, "image_id": 12', '"id": 7, "image_id": 99', "no picture has id"),
    "same annotation id": ('"id": 7, "image_id"', '"id": 6, "image_id"', "this id is used twice"),
    "same picture id": ('"id": 9, "file_name"', '"id": 4, "file_name"', "id 4 is used twice"),
    "same file": ("night1/M31_2.jpg", "night1/M31_1.jpg", "is listed twice"),
    "missing file": ("night1/M31_2.jpg", "night1/M31_3.jpg", "is not in"),
    "path outside": ("night1/M31_2.jpg", "../M31_2.jpg", "is not a path inside"),
    "absolute path": ("night1/M31_2.jpg", "/etc/passwd", "is not a path inside"),
    "same category": ('"name": "galaxy"', '"name": "star cluster"', "is listed twice"),
    "bad label": ('"name": "galaxy"', '"name": "gal\\u0000axy"', "unprintable"),
    "wrong size": ('"width": 48', '"width": 49', "is said to have 49 × 64 px, but has 48 × 64"),
    "absurd size": ('"width": 48', '"width": 4800000000', "is not between 1 and"),
}


@pytest.mark.parametrize("fault", COCO_FAULTS)
def test_a_fault_in_coco_is_named_with_its_line(fault, written):
    folder = written("coco")
    old, new, message = COCO_FAULTS[fault]
    line = replaced(folder / "annotations.json", old, new)
    found = findings(folder)
    assert found[0].startswith(f"annotations.json:{line}: error: ")
    assert message in found[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [\n  1 2]}', ":2: not valid JSON"),
        ('{"images": [', ":1: not valid JSON"),
        ("[]", ":1: not valid JSON"),
        ("", ":1: not valid JSON"),
        ('{"images": []} x', ":1: not valid JSON (more after the object)"),
        ("{}", ": has no list 'categories'"),
        ('{"categories": [],\n "images": [\n 7]}', ":3: entry of 'images' is no object"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
    ],
    ids=["two values", "cut", "list", "empty", "more", "no key", "number", "deep"],
)
def test_what_is_no_coco_file_is_refused(text, message, tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(AnnotationError) as caught:
        read_set(path, ProblemList())
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_coco_that_is_one_line_names_the_annotation(written):
    folder = written("coco")
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    content["annotations"][3]["bbox"][2] = 0
    path.write_text(json.dumps(content))
    assert findings(folder)[0].startswith("annotations.json:1: error: annotation 7: box (10, 10,")


# old text, new text, message, and the line named, counted from that of the text
VOC_FAULTS = {
    "box outside": ("<xmax>20</xmax>", "<xmax>49</xmax>", "leaves the picture", -3),
    "swapped": ("<xmax>20</xmax>", "<xmax>9</xmax>", "has no area", -3),
    "NaN": ("<ymin>10</ymin>", "<ymin>nan</ymin>", "is not finite", -2),
    "word": ("<ymin>10</ymin>", "<ymin>ten</ymin>", "<ymin> is 'ten', not a number", 0),
    "no number": ("<ymin>10</ymin>", "", "<ymin> is '', not a number", -2),
    "unknown class": ("<name>galaxy</name>", "<name>comet</name>", "unknown class 'comet'", 0),
    "no class": ("<name>galaxy</name>", "<name></name>", "the label is empty", 0),
    "missing file": ("M51_1.jpg", "M52_1.jpg", "is not in", 0),
    "path outside": ("M51_1.jpg", "../../M51.jpg", "is not a path inside", 0),
    "wrong size": ("<width>48", "<width>84", "is said to have 84 × 64 px", -1),
    "absurd size": ("<width>48", "<width>1e9", "is not between 1 and", -1),
    "damaged": ("</object>", "</objekt>", "damaged XML (mismatched tag)", 0),
}


@pytest.mark.parametrize("fault", VOC_FAULTS)
def test_a_fault_in_voc_is_named_with_its_line(fault, written):
    folder = written("voc")
    old, new, message, offset = VOC_FAULTS[fault]
    line = replaced(folder / "annotations" / "M51_1.xml", old, new) + offset
    (found,) = findings(folder)
    assert found.startswith(f"annotations/M51_1.xml:{line}: error: ")
    assert message in found


def test_entities_are_refused_and_nothing_is_expanded(written):
    folder = written("voc")
    path = folder / "annotations" / "M51_1.xml"
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "galaxy">{entities}]>'
    path.write_text(bomb + path.read_text().replace(">galaxy<", ">&a9;<"))
    assert findings(folder) == [
        "annotations/M51_1.xml:1: error: has a document type, which is refused"
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged XML (no element found)"),
        (b"<annotation>", "damaged XML"),
        (b"\x89PNG\r\n", "damaged XML"),
        (b'<?xml version="1.0" encoding="nonsense"?><annotation/>', "damaged XML"),
        (b"<a>" * 100 + b"</a>" * 100, "nested more than 32 deep"),
        (b"<html/>", "is <html>, not <annotation>"),
        (b"<annotation/>", "has no <filename>"),
    ],
    ids=["empty", "cut", "png", "encoding", "deep", "html", "bare"],
)
def test_what_is_no_voc_file_is_an_error_with_its_line(data, message, written):
    folder = written("voc")
    (folder / "annotations" / "M51_1.xml").write_bytes(data)
    (found,) = findings(folder)
    assert found.startswith("annotations/M51_1.xml:1: error: ")
    assert message in found


YOLO_FAULTS = {
    "box outside": ("1 0.99 0.5 0.1 0.1", "leaves the picture"),
    "no area": ("1 0.5 0.5 0 0.1", "has no area"),
    "NaN": ("1 nan 0.5 0.1 0.1", "is not finite"),
    "word": ("1 left 0.5 0.1 0.1", "could not convert string to float: 'left'"),
    "unknown class": ("2 0.5 0.5 0.1 0.1", "unknown class 2; known are 0 to 1"),
    "negative class": ("-1 0.5 0.5 0.1 0.1", "class '-1' is not a whole number from 0"),
    "four values": ("1 0.5 0.5 0.1", "4 values where"),
    "outline": ("1 0.1 0.1 0.2 0.2 0.3 0.1", "an outline is no box"),
}


@pytest.mark.parametrize("fault", YOLO_FAULTS)
def test_a_fault_in_yolo_is_named_with_its_line(fault, written):
    folder = written("yolo")
    line, message = YOLO_FAULTS[fault]
    with (folder / "labels" / "M51_1.txt").open("a") as file:
        file.write(f"\n{line}\n")
    (found,) = findings(folder)
    assert found.startswith("labels/M51_1.txt:3: error: ")
    assert message in found


def test_a_yolo_text_without_its_picture_is_an_error(written):
    folder = written("yolo")
    (folder / "images" / "M51_1.jpg").unlink()
    (found,) = findings(folder)
    assert found.startswith("labels/M51_1.txt: error: its picture is not in images")


def test_a_yolo_picture_without_a_text_counts_as_empty_and_is_said(written):
    folder = written("yolo")
    (folder / "labels" / "M51_1.txt").unlink()
    (found,) = findings(folder)
    assert "warning: 1 pictures without a text file count as empty: M51_1.jpg" in found


@pytest.mark.parametrize("names", ["names: 7", "names: {0: a, 2: b}", "nc: 1", "names: [1, 2]"])
def test_yolo_classes_must_be_a_list_from_0(names, written):
    folder = written("yolo")
    (folder / "data.yaml").write_text(names + "\n")
    with pytest.raises(AnnotationError, match="'names' is no list of classes from id 0"):
        findings(folder)


def test_a_damaged_yaml_file_is_named_with_its_line(written):
    folder = written("yolo")
    (folder / "data.yaml").write_text("path: .\nnames: [a\n")
    with pytest.raises(AnnotationError, match=r"data.yaml:3: not valid YAML"):
        findings(folder)


def record_file(folder: Path) -> Path:
    return folder / "pictures-00000-of-00001.tfrecord"


def test_a_flipped_bit_in_a_record_is_named_by_its_number(written):
    folder = written("tfrecord")
    data = bytearray(record_file(folder).read_bytes())
    (first_bytes,) = struct.unpack("<Q", data[:8])
    second = first_bytes + 16
    data[second + 40] ^= 1
    record_file(folder).write_bytes(data)
    problems = ProblemList()
    labelled = read_set(folder, problems)
    assert [picture.name for picture in labelled.pictures] == ["night1/M31_1.jpg"]
    (found,) = problems.found
    assert str(found) == (
        f"{record_file(folder)}, record 1: error: damaged or cut off at byte {second}; "
        "this record and all after it are lost"
    )


@pytest.mark.parametrize("kept", [3, 12, 100, -1])
def test_a_record_that_is_cut_off_is_named(kept, written):
    folder = written("tfrecord")
    data = record_file(folder).read_bytes()
    record_file(folder).write_bytes(data[:kept])
    (found,) = findings(folder)
    number = 2 if kept == -1 else 0
    assert f"record {number}: error: damaged or cut off at byte" in found


def test_an_empty_record_file_is_an_error(written):
    folder = written("tfrecord")
    record_file(folder).write_bytes(b"")
    assert findings(folder) == [f"{record_file(folder).name}: error: holds no record"]


RECORD_FAULTS = {
    "box outside": ("image/object/bbox/xmax", "float_list", [2.0], "leaves the picture"),
    "NaN": ("image/object/bbox/xmax", "float_list", [float("nan")], "is not finite"),
    "no area": ("image/object/bbox/xmax", "float_list", [0.1], "has no area"),
    "too few": ("image/object/bbox/xmax", "float_list", [], "has 1 class labels but 1, 1, 0, 1"),
    "unknown class": ("image/object/class/label", "int64_list", [5], "unknown class 5 'galaxy'"),
    "other name": ("image/object/class/label", "int64_list", [0], "class 0 is 'galaxy' here, else"),
    "too many": ("image/object/is_crowd", "int64_list", [1, 0], "has 1 boxes but 2 of image/obj"),
    "no picture": ("image/encoded", "bytes_list", [], "has no image/encoded"),
    "junk": ("image/encoded", "bytes_list", [b"junk"], "neither JPEG, PNG nor TIFF"),
    "wrong size": ("image/width", "int64_list", [49], "is said to have 49 × 64 px, but has 48"),
    "absurd size": ("image/width", "int64_list", [2**40], "is not between 1 and"),
    "hostile name": ("image/filename", "bytes_list", [b"../../x.jpg"], "is not a path inside"),
    "same id": ("image/source_id", "bytes_list", [b"4"], "source id 4 is in"),
    "same name": ("image/filename", "bytes_list", [b"night1/M31_1.jpg"], "M31_1.jpg is in"),
}


@pytest.mark.parametrize("fault", RECORD_FAULTS)
def test_a_fault_in_a_record_is_named_by_its_number(fault, written):
    import tensorflow as tf

    folder = written("tfrecord")
    raw = [*tf.compat.v1.io.tf_record_iterator(str(record_file(folder)))]
    example = tf.train.Example.FromString(raw[2])
    key, kind, values, message = RECORD_FAULTS[fault]
    held = getattr(example.features.feature[key], kind).value
    del held[:]
    held.extend(values)
    with tf.io.TFRecordWriter(str(record_file(folder))) as writer:
        for data in (raw[0], raw[1], example.SerializeToString()):
            writer.write(data)
    (found,) = findings(folder)
    assert found.startswith(f"{record_file(folder).name}, record 2: error: ")
    assert message in found


def test_a_record_that_is_no_example_is_named(written):
    import tensorflow as tf

    folder = written("tfrecord")
    with tf.io.TFRecordWriter(str(record_file(folder))) as writer:
        writer.write(b"\xff\xff\xff")
    (found,) = findings(folder)
    assert found.endswith("record 0: error: is no tf.train.Example")


@pytest.mark.parametrize("target", ["voc", "yolo", "tfrecord"])
def test_nothing_is_left_of_a_conversion_that_fails(target, written, tmp_path):
    folder = written("coco")
    replaced(folder / "annotations.json", '"bbox": [10, 10, 10, 20]', '"bbox": [10, 10, 0, 20]')
    before = sorted(tmp_path.iterdir())
    with pytest.raises(AnnotationError, match=r"annotations.json:\d+: error: .* has no area"):
        convert(folder, tmp_path / "new" / "set", target)
    assert sorted(tmp_path.iterdir()) == before
    done = convert(folder, tmp_path / "set", target, ConversionOptions(skip_invalid=True))
    assert sum(len(picture.boxes) for picture in done.parts[""].pictures) == 3


def test_a_picture_lost_halfway_leaves_nothing_behind(tmp_path):
    labelled = small_set(tmp_path)
    (tmp_path / "coco").mkdir()
    write_set(labelled, tmp_path / "coco", "coco", copy_pictures=False)
    source = tmp_path / "coco" / "annotations.json"
    options = ConversionOptions(reading=ReadingOptions(images=tmp_path / "images"))

    def lose_the_last(done: int, total: int) -> None:
        if done == total - 1:
            (tmp_path / "images" / "M51_1.jpg").unlink()

    with pytest.raises(AnnotationError, match=r"M51_1.jpg: cannot be read"):
        convert(source, tmp_path / "voc", "voc", options, lose_the_last)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coco", "images"]


def test_what_is_there_is_never_replaced(written, tmp_path):
    folder = written("coco")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(AnnotationError, match="is there already"):
        convert(folder, tmp_path / "full", "voc")
    (tmp_path / "labels.json").write_text("mine")
    with pytest.raises(AnnotationError, match="is there already"):
        convert(folder, tmp_path / "labels.json", "coco")
    assert (tmp_path / "labels.json").read_text() == "mine"
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_an_empty_set_cannot_be_converted(tmp_path):
    (tmp_path / "coco").mkdir()
    write_set(LabelledSet((), ("galaxy",)), tmp_path / "coco", "coco")
    with pytest.raises(AnnotationError, match="holds no picture"):
        convert(tmp_path / "coco", tmp_path / "voc", "voc")


def test_the_format_of_a_folder_must_be_clear(tmp_path):
    with pytest.raises(AnnotationError, match="not found"):
        detect_format(tmp_path / "nothing")
    with pytest.raises(AnnotationError, match="holds no labels of a known format"):
        detect_format(tmp_path)
    (tmp_path / "a.xml").touch()
    (tmp_path / "a.json").touch()
    with pytest.raises(AnnotationError, match="holds coco and voc; name one with --from"):
        detect_format(tmp_path)
    (tmp_path / "picture.jpg").touch()
    with pytest.raises(AnnotationError, match="name its format with --from"):
        detect_format(tmp_path / "picture.jpg")
