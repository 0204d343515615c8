import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotations.galaxy_zoo import LabelError, read_crops, read_labels
from edge_runtime.decision_tree import VOTE_COLUMNS, constraint_violation, votes_from_logits

HEADER = ["file", "source", "frame_scale", "split", "class5", *VOTE_COLUMNS]
VOTES = [f"{v:.7f}" for v in votes_from_logits(np.zeros(37)).astype(float)]
GOOD = ["a.png", "kaggle", "1.0", "train", "spiral", *VOTES]
BARE = ["b.png", "gz1", "", "val", "", *[""] * 37]


def write(folder: Path, *rows: list[str]) -> Path:
    path = folder / "labels.csv"
    path.write_text("".join(",".join(row) + "\n" for row in rows))
    return path


def changed(column: str, value: str) -> list[str]:
    row = list(GOOD)
    row[HEADER.index(column)] = value
    return row


def test_known_and_unknown_labels_are_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, GOOD, BARE)
    table = read_labels(path)
    assert len(table) == 2
    assert table.files == ("a.png", "b.png")
    assert table.class5.tolist() == [4, -1]
    assert table.has_class.tolist() == [True, False]
    assert table.has_votes.tolist() == [True, False]
    assert table.votes[0, 0] == pytest.approx(1 / 3)
    assert np.isnan(table.votes[1]).all()
    assert table.frame_scale[0] == 1.0
    assert np.isnan(table.frame_scale[1])
    assert table.data_hash == hashlib.sha256(path.read_bytes()).hexdigest()


def test_rows_are_chosen_by_split_and_source(tmp_path: Path) -> None:
    table = read_labels(write(tmp_path, HEADER, GOOD, BARE, GOOD))
    assert table.where("train").files == ("a.png", "a.png")
    assert table.where(sources=["gz1"]).files == ("b.png",)
    assert len(table.where("test")) == 0


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    header = [c for c in HEADER if c != "Class7.3"]
    with pytest.raises(LabelError, match=r"labels\.csv: line 1: .*Class7\.3"):
        read_labels(write(tmp_path, header, GOOD[:-1]))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("Class3.1", "many", r"Class3\.1 is 'many', not a number"),
        ("Class3.1", "nan", r"Class3\.1 is 'nan', not a number"),
        ("Class3.1", "1.5", r"Class3\.1 is 1\.5; a vote is from 0 to 1"),
        ("Class3.1", "-0.2", r"a vote is from 0 to 1"),
        ("Class3.1", "", r"Class3\.1 is empty while other votes are given"),
        ("frame_scale", "wide", "frame_scale is 'wide'"),
        ("frame_scale", "0", "above 0"),
        ("split", "training", "unknown split 'training'; known: train, val, test"),
        ("class5", "blob", "unknown class5 'blob'; known: smooth_round"),
        ("file", "", "file is empty"),
    ],
)
def test_a_bad_cell_is_named_with_file_and_line(
    tmp_path: Path, column: str, value: str, message: str
) -> None:
    path = write(tmp_path, HEADER, GOOD, changed(column, value))
    with pytest.raises(LabelError, match=rf"labels\.csv: line 3: .*{message}"):
        read_labels(path)


@pytest.mark.parametrize("row", [GOOD[:-1], [*GOOD, "1"]])
def test_a_row_of_another_length_is_refused(tmp_path: Path, row: list[str]) -> None:
    with pytest.raises(LabelError, match="line 2: has more or fewer cells"):
        read_labels(write(tmp_path, HEADER, row))


def test_a_missing_and_a_binary_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"none\.csv: cannot be read"):
        read_labels(tmp_path / "none.csv")
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(LabelError, match="UTF-8"):
        read_labels(tmp_path / "labels.csv")


def test_votes_that_miss_a_sum_warn_or_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, HEADER, GOOD, changed("Class10.2", "0.5"))
    table = read_labels(path)
    assert len(table) == 2
    assert "line 3: the votes of question 10 miss their sum by 0.472" in caplog.text
    with pytest.raises(LabelError, match="line 3: the votes of question 10"):
        read_labels(path, strict=True)


def picture(folder: Path, side: int, bright: int) -> None:
    """A blue square of ``bright`` pixels in the middle of a dark one."""
    pixels = np.zeros((side, side, 3), np.uint8)
    start = (side - bright) // 2
    pixels[start : start + bright, start : start + bright, 0] = 255
    cv2.imwrite(str(folder / "a.png"), pixels)


@pytest.mark.parametrize(("scale", "side"), [("1.0", 264), ("0.705", 203), ("1.0", 424)])
def test_a_crop_is_4_1_r90_wide_whatever_the_scale_of_the_file(
    tmp_path: Path, scale: str, side: int
) -> None:
    # A square one R90 wide (50 frame pixels) fills 1 / 4.1 of the crop's side.
    picture(tmp_path, side, round(50 * float(scale)))
    table = read_labels(write(tmp_path, HEADER, changed("frame_scale", scale)))
    crop = read_crops(table, 64)[0]
    assert crop.shape == (64, 64, 3)
    across = crop[32, :, 2].astype(float).sum() / 255
    assert across == pytest.approx(64 / 4.1, abs=0.7)
    assert (crop[32, :, 0] == 0).all()  # blue stays blue: the crop is RGB


def test_a_picture_smaller_than_its_crop_is_mirrored_at_the_edge(tmp_path: Path) -> None:
    picture(tmp_path, 100, 100)
    table = read_labels(write(tmp_path, HEADER, GOOD))
    assert (read_crops(table, 32)[0, ..., 2] == 255).all()


def test_pictures_that_cannot_be_cropped_are_named(tmp_path: Path) -> None:
    table = read_labels(write(tmp_path, HEADER, GOOD))
    with pytest.raises(LabelError, match=r"a\.png"):
        read_crops(table, 64)
    picture(tmp_path, 64, 10)
    unknown = read_labels(write(tmp_path, HEADER, changed("frame_scale", "")))
    with pytest.raises(LabelError, match="frame_scale is unknown"):
        read_crops(unknown, 64)


def test_the_real_labels_are_read_whole(data_dir: Path) -> None:
    table = read_labels(data_dir / "galaxies" / "labels.csv")
    assert len(table) == 11592
    assert int(table.has_votes.sum()) == 5008
    assert int(table.has_class.sum()) == 4837
    violation = constraint_violation(table.votes[table.has_votes])
    assert np.median(violation.max(axis=1)) < 1e-4
    few = table.where("val", ["gz2"])
    assert read_crops(few.rows(np.arange(len(few)) < 3), 64).shape == (3, 64, 64, 3)
