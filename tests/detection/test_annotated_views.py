"""A person's labelled pictures become the edge's views; bad ones are named."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_labelled_frames import write_coco

from annotations.formats.dataset import LabelledBox, LabelledPicture
from detection.annotated_views import annotations_hash, picture_views, read_galaxies, write_views
from edge_runtime.errors import GalaxyEdgeError

tensorflow = pytest.importorskip("tensorflow", reason="workstation extra not installed")

pytestmark = pytest.mark.slow


def edited(path: Path, **changes: object) -> Path:
    content = json.loads(path.read_text())
    content.update(changes)
    path.write_text(json.dumps(content))
    return path


def large_picture(folder: Path, *boxes: LabelledBox) -> LabelledPicture:
    path = folder / "large.png"
    noise = np.random.default_rng(0).normal(30, 4, (800, 1200, 3))
    cv2.imwrite(str(path), noise.clip(0, 255).astype(np.uint8))
    return LabelledPicture(path, 1200, 800, tuple(boxes))


def test_a_frame_is_seen_whole_and_in_tiles_with_its_boxes(tmp_path):
    galaxy = LabelledBox((1000.0, 100.0, 1100.0, 160.0), "galaxy")
    views = list(picture_views(large_picture(tmp_path, galaxy), 320))
    assert len(views) == 1 + 3 * 2
    whole = views[0].picture
    scale = 320 / 1200
    assert whole.boxes[0].xyxy_px == pytest.approx(
        (1000 * scale, (100 + 200) * scale, 1100 * scale, (160 + 200) * scale)
    )
    tiles = [view.picture for view in views[1:] if view.picture.boxes]
    assert len(tiles) == 1
    # the last of three tiles begins at 1200 - 640
    assert tiles[0].boxes[0].xyxy_px == pytest.approx((220, 50, 270, 80))
    picture = cv2.imdecode(np.frombuffer(views[0].encoded, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (320, 320, 3)


def test_a_sliver_of_a_galaxy_is_no_label(tmp_path):
    # ends 60 px into the tile that starts at 560
    galaxy = LabelledBox((420.0, 100.0, 620.0, 260.0), "galaxy")
    views = list(picture_views(large_picture(tmp_path, galaxy), 320))
    seen = [box.width_px for view in views[1:] for box in view.picture.boxes]
    assert min(seen) > 0.4 * 200 * 320 / 640


def test_views_with_a_difficult_box_are_left_out(tmp_path):
    unsure = LabelledBox((1000.0, 100.0, 1100.0, 160.0), "galaxy", difficult=True)
    views = list(picture_views(large_picture(tmp_path, unsure), 320))
    assert [view is None for view in views].count(True) == 2


def test_views_are_written_whole_and_once(tmp_path):
    labelled = read_galaxies(write_coco(tmp_path / "frames"))
    pattern = write_views(labelled, tmp_path / "views", 64)
    (file,) = tmp_path.glob("views/views-*.tfrecord")
    records = list(tensorflow.data.TFRecordDataset(str(file)).as_numpy_iterator())
    assert len(records) == 4
    example = tensorflow.train.Example.FromString(records[0])
    feature = example.features.feature
    assert feature["image/object/class/label"].int64_list.value[:] == [0]
    box = labelled.pictures[0].boxes[0].xyxy_px
    assert feature["image/object/bbox/xmin"].float_list.value[0] == pytest.approx(box[0] / 96)
    assert feature["image/object/bbox/ymax"].float_list.value[0] == pytest.approx(box[3] / 96)
    before = file.stat().st_mtime_ns
    assert write_views(labelled, tmp_path / "views", 64) == pattern
    assert file.stat().st_mtime_ns == before


def test_views_that_fail_leave_no_folder(tmp_path):
    coco = write_coco(tmp_path / "frames")
    labelled = read_galaxies(coco)
    damaged = tmp_path / "frames" / "3.png"
    damaged.write_bytes(damaged.read_bytes()[:200])
    with pytest.raises(GalaxyEdgeError, match=r"3\.png"):
        write_views(labelled, tmp_path / "views", 64)
    assert not (tmp_path / "views").exists()


def test_the_hash_knows_pictures_and_boxes(tmp_path):
    coco = write_coco(tmp_path / "frames")
    first = annotations_hash(read_galaxies(coco))
    assert annotations_hash(read_galaxies(coco)) == first
    content = json.loads(coco.read_text())
    content["annotations"][0]["bbox"][2] -= 1.0
    coco.write_text(json.dumps(content))
    assert annotations_hash(read_galaxies(coco)) != first


def test_boxes_of_classes_that_are_no_galaxy_are_background(tmp_path):
    coco = write_coco(tmp_path / "frames")
    content = json.loads(coco.read_text())
    content["annotations"][0]["category_id"] = 2
    categories = [*content["categories"], {"id": 2, "name": "cluster"}]
    edited(coco, annotations=content["annotations"], categories=categories)
    assert sum(len(p.boxes) for p in read_galaxies(coco).pictures) == 4
    assert sum(len(p.boxes) for p in read_galaxies(coco, ["galaxy"]).pictures) == 3


def test_an_empty_set_is_refused(tmp_path):
    coco = write_coco(tmp_path / "frames", 0)
    with pytest.raises(GalaxyEdgeError, match=r"annotations\.json: no labelled picture"):
        read_galaxies(coco)


def test_a_class_without_a_box_is_named(tmp_path):
    coco = write_coco(tmp_path / "frames")
    edited(coco, categories=[{"id": 1, "name": "galaxy"}, {"id": 2, "name": "dwarf"}])
    with pytest.raises(GalaxyEdgeError, match="class 'dwarf' has no box in any of its 4 pictures"):
        read_galaxies(coco)
    assert len(read_galaxies(coco, ["galaxy"]).pictures) == 4


def test_pictures_without_any_box_are_refused(tmp_path):
    with pytest.raises(GalaxyEdgeError, match="class 'galaxy' has no box"):
        read_galaxies(write_coco(tmp_path / "frames", empty=True))


def test_an_unknown_class_is_refused(tmp_path):
    with pytest.raises(GalaxyEdgeError, match="has no class 'nebula'; there are galaxy"):
        read_galaxies(write_coco(tmp_path / "frames"), ["nebula"])


def test_a_damaged_tfrecord_is_named(tmp_path):
    labelled = read_galaxies(write_coco(tmp_path / "frames"))
    write_views(labelled, tmp_path / "views", 64)
    (file,) = tmp_path.glob("views/views-*.tfrecord")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(GalaxyEdgeError, match=r"views-00000-of-00001\.tfrecord.*record \d"):
        read_galaxies(tmp_path / "views")


def test_turning_boxes_follows_turning_the_picture():
    from detection.record_input import turned_boxes

    picture = np.zeros((40, 40, 1), np.float32)
    picture[4:10, 20:32] = 1.0
    box = tensorflow.constant([[4 / 40, 20 / 40, 10 / 40, 32 / 40]])
    for quarters in range(4):
        turned = tensorflow.image.rot90(picture, quarters).numpy()[..., 0]
        rows, columns = np.nonzero(turned)
        expected = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        assert turned_boxes(box, tensorflow.constant(quarters)).numpy()[0] * 40 == pytest.approx(
            expected, abs=1e-4
        )


def test_records_are_looked_for(tmp_path):
    from detection.record_input import record_files

    with pytest.raises(GalaxyEdgeError, match="no TFRecord to train on"):
        record_files(str(tmp_path / "*.tfrecord"))
    (tmp_path / "empty.tfrecord").touch()
    with pytest.raises(GalaxyEdgeError, match="hold no picture"):
        record_files(str(tmp_path / "*.tfrecord"))
    (tmp_path / "empty.tfrecord").write_bytes(b"not a record at all, but long enough to be one")
    with pytest.raises(GalaxyEdgeError, match="damaged TFRecord"):
        record_files(str(tmp_path / "*.tfrecord"))


def test_composites_need_galaxies(tmp_path):
    from detection.training_data import composite_data

    with pytest.raises(GalaxyEdgeError, match=r"labels\.csv"):
        composite_data(tmp_path)
