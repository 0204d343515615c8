"""Files as other programs write them, and as they read ours."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from labelled_sets import small_set

from annotations.conversion import ConversionOptions, convert, write_set
from annotations.formats.dataset import AnnotationError, LabelledBox, LabelledPicture, LabelledSet
from annotations.formats.problems import ProblemList
from annotations.formats.registry import ReadingOptions, WritingOptions, read_set

LABELIMG_XML = """<annotation>
\t<folder>night</folder>
\t<filename>a.png</filename>
\t<path>{path}</path>
\t<source>
\t\t<database>Unknown</database>
\t</source>
\t<size>
\t\t<width>60</width>
\t\t<height>40</height>
\t\t<depth>3</depth>
\t</size>
\t<segmented>0</segmented>
\t<object>
\t\t<name>galaxy</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>1</truncated>
\t\t<difficult>1</difficult>
\t\t<bndbox>
\t\t\t<xmin>1</xmin>
\t\t\t<ymin>5</ymin>
\t\t\t<xmax>30</xmax>
\t\t\t<ymax>40</ymax>
\t\t</bndbox>
\t</object>
</annotation>
"""


def picture(path, width_px=60, height_px=40):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((height_px, width_px, 3), 40, dtype=np.uint8))
    return path


def read(source, **options):
    problems = ProblemList()
    labelled = read_set(source, problems, options=ReadingOptions(**options))
    assert problems.errors == []
    return labelled


def test_a_file_of_labelimg_beside_its_picture(tmp_path):
    path = picture(tmp_path / "a.png")
    (tmp_path / "a.xml").write_text(LABELIMG_XML.format(path="/elsewhere/a.png"))
    (found,) = read(tmp_path).pictures
    assert found.path == path
    assert found.boxes == (LabelledBox((1, 5, 30, 40), "galaxy", difficult=True, truncated=True),)


def test_a_file_of_labelimg_that_names_a_picture_elsewhere(tmp_path):
    path = picture(tmp_path / "pictures" / "a.png")
    (tmp_path / "xml").mkdir()
    (tmp_path / "xml" / "a.xml").write_text(LABELIMG_XML.format(path=path))
    assert read(tmp_path / "xml").pictures[0].path == path
    other = picture(tmp_path / "others" / "a.png")
    assert read(tmp_path / "xml", images=tmp_path / "others").pictures[0].path == other


def test_pixel_numbers_from_1_span_whole_pixels(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "a.xml").write_text(LABELIMG_XML.format(path=""))
    (found,) = read(tmp_path, one_based=True).pictures
    assert found.boxes[0].xyxy_px == (0, 4, 30, 40)


def test_yolo_of_labelimg_is_flat_with_its_classes(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    (tmp_path / "classes.txt").write_text("star\ngalaxy\n")
    (tmp_path / "a.txt").write_text("1 0.500000 0.500000 0.250000 0.500000\n")
    (tmp_path / "b.txt").write_text("")
    labelled = read(tmp_path)
    assert labelled.labels == ("star", "galaxy")
    assert [found.boxes for found in labelled.pictures] == [
        (LabelledBox((22.5, 10, 37.5, 30), "galaxy"),),
        (),
    ]


@pytest.mark.parametrize("inner", ["{part}/{kind}", "{kind}/{part}"])
def test_both_layouts_of_split_yolo_sets(inner, tmp_path):
    for part in ("train", "valid"):
        picture(tmp_path / inner.format(kind="images", part=part) / "a.png")
        labels = tmp_path / inner.format(kind="labels", part=part)
        labels.mkdir(parents=True)
        (labels / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "data.yaml").write_text("train: x\nval: y\nnc: 1\nnames: [galaxy]\n")
    labelled = read(tmp_path)
    assert [found.name for found in labelled.pictures] == ["train/a.png", "valid/a.png"]
    assert all(found.boxes[0].xyxy_px == (15, 10, 45, 30) for found in labelled.pictures)


@pytest.mark.parametrize("first_class_id", [0, 1])
def test_the_model_garden_reads_our_records(first_class_id, tmp_path):
    import tensorflow as tf
    from official.vision.dataloaders.tf_example_decoder import TfExampleDecoder

    write_set(
        small_set(tmp_path),
        tmp_path,
        "tfrecord",
        WritingOptions(shards=2, first_class_id=first_class_id),
    )
    files = sorted(tmp_path.glob("*.tfrecord"))
    assert [path.name for path in files] == [
        "pictures-00000-of-00002.tfrecord",
        "pictures-00001-of-00002.tfrecord",
    ]
    decoder = TfExampleDecoder()
    raw = [data for path in files for data in tf.compat.v1.io.tf_record_iterator(str(path))]
    decoded = [decoder.decode(tf.constant(data)) for data in raw]
    assert [int(each["source_id"].numpy()) for each in decoded] == [4, 9, 12]
    first = decoded[0]
    assert first["image"].shape == (90, 160, 3)
    assert (int(first["height"]), int(first["width"])) == (90, 160)
    np.testing.assert_array_equal(
        first["groundtruth_classes"], np.array([1, 0, 1]) + first_class_id
    )
    np.testing.assert_array_equal(first["groundtruth_is_crowd"], [True, True, True])
    np.testing.assert_allclose(first["groundtruth_area"], [30.25 * 38.5, 44.5, 6.4 * 76], rtol=1e-6)
    np.testing.assert_allclose(
        first["groundtruth_boxes"][0], [2 / 90, 1 / 160, 40.5 / 90, 31.25 / 160], rtol=1e-6
    )
    assert decoded[1]["groundtruth_boxes"].shape == (0, 4)
    assert not decoded[2]["groundtruth_is_crowd"].numpy().any()
    back = read(tmp_path, first_class_id=first_class_id)
    assert back.labels == ("star cluster", "galaxy")


def test_a_model_garden_record_with_class_names_only_in_its_examples(tmp_path):
    write_set(small_set(tmp_path), tmp_path, "tfrecord", WritingOptions(first_class_id=1))
    (tmp_path / "labels.txt").unlink()
    assert read(tmp_path).labels == ("star cluster", "galaxy")


def test_tiff_pictures_become_png_in_a_record(tmp_path):
    pixels = np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    path = tmp_path / "a.tif"
    assert cv2.imwrite(str(path), pixels)
    labelled = LabelledSet((LabelledPicture(path, 30, 20, ()),), ("galaxy",))
    write_set(labelled, tmp_path, "tfrecord")
    (back,) = read(tmp_path).pictures
    decoded = cv2.imdecode(np.frombuffer(back.encoded(), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded, pixels)
    assert cv2.imwrite(str(path), pixels.astype(np.uint16) * 257)
    (tmp_path / "deep").mkdir()
    with pytest.raises(AnnotationError, match="uint16 pixels; stretch it to 8 bits"):
        write_set(labelled, tmp_path / "deep", "tfrecord")


def test_category_ids_of_coco_are_kept_or_said_to_be_lost(tmp_path):
    picture(tmp_path / "images" / "a.png")
    content = {
        "categories": [{"id": 44, "name": "galaxy"}, {"id": 3, "name": "star"}],
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 44, "bbox": [1, 2, 3, 4]}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(content))
    labelled = read(tmp_path)
    assert (labelled.labels, labelled.category_ids) == (("star", "galaxy"), (3, 44))
    convert(tmp_path, tmp_path / "coco", "coco", ConversionOptions(strict=True))
    assert read(tmp_path / "coco").category_ids == (3, 44)
    with pytest.raises(AnnotationError, match="no place for the ids of the categories"):
        convert(tmp_path / "labels.json", tmp_path / "x", "voc", ConversionOptions(strict=True))


def test_pictures_that_would_share_a_label_file_are_refused(tmp_path):
    paths = [picture(tmp_path / "images" / name) for name in ("a.png", "a.jpg")]
    labelled = LabelledSet(tuple(LabelledPicture(p, 60, 40, ()) for p in paths), ("galaxy",))
    for name in ("voc", "yolo"):
        (tmp_path / name).mkdir()
        with pytest.raises(AnnotationError, match=r"a.png and a.jpg would share a\."):
            write_set(labelled, tmp_path / name, name)


def test_the_same_pictures_give_the_same_record_in_any_process(tmp_path):
    import tensorflow as tf

    write_set(small_set(tmp_path), tmp_path, "tfrecord")
    (file,) = tmp_path.glob("*.tfrecord")
    for raw in tf.compat.v1.io.tf_record_iterator(str(file)):
        # fields in their order, not in that of a hash which each process draws anew
        example = tf.train.Example.FromString(raw)
        assert example.SerializeToString(deterministic=True) == raw
