import gzip
from pathlib import Path

import numpy as np
import pytest
from galaxy_set_files import gz2_rows, write_csv, write_gz2, zip_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from annotations.formats.dataset import AnnotationError
from annotations.formats.problems import ProblemList
from annotations.galaxies.derived_classes import cumulative_votes
from annotations.galaxies.galaxy_zoo2 import ANSWERS
from annotations.galaxies.registry import detect_galaxy_format, read_galaxies
from edge_runtime.decision_tree import COLUMN_INDEX, VOTE_COLUMNS, constraint_violation


def test_fractions_within_questions_become_cumulative_votes(tmp_path: Path) -> None:
    fractions, counts = write_gz2(tmp_path)
    assert detect_galaxy_format(tmp_path) == "galaxy-zoo-2"
    galaxies = read_galaxies(tmp_path)
    assert galaxies.ids == ("gz2/40", "gz2/41", "gz2/42", "gz2/43")
    assert constraint_violation(galaxies.votes).max() < 1e-6
    at = COLUMN_INDEX
    arms = fractions[:, at["Class1.2"]] * fractions[:, at["Class2.2"]]
    arms = arms * fractions[:, at["Class4.1"]] * fractions[:, at["Class11.2"]]
    np.testing.assert_allclose(galaxies.votes[:, at["Class11.2"]], arms, atol=1e-6)
    np.testing.assert_array_equal(galaxies.counts, counts)
    assert galaxies.pictures.read(0).shape == (424, 424, 3)


def test_answers_are_in_the_order_of_the_votes() -> None:
    assert len(ANSWERS) == len(VOTE_COLUMNS)
    for answer, column in zip(ANSWERS, VOTE_COLUMNS, strict=True):
        assert answer.startswith(f"t{int(column.removeprefix('Class').split('.')[0]):02d}_")


def test_a_gzipped_table_and_zipped_pictures_are_read(tmp_path: Path) -> None:
    write_gz2(tmp_path)
    table = tmp_path / "gz2_hart16.csv"
    (tmp_path / "gz2_hart16.csv.gz").write_bytes(gzip.compress(table.read_bytes()))
    table.unlink()
    zip_folder(tmp_path / "images", tmp_path / "images_gz2.zip", inside="images")
    for picture in (tmp_path / "images").iterdir():
        picture.unlink()
    (tmp_path / "images").rmdir()
    galaxies = read_galaxies(tmp_path)
    assert len(galaxies) == 4
    assert galaxies.pictures.read(2).shape == (424, 424, 3)


def test_the_picture_of_the_row_s_own_sample_is_taken(tmp_path: Path) -> None:
    write_gz2(tmp_path)
    first = 587722981742084100
    write_csv(
        tmp_path / "gz2_filename_mapping.csv",
        ["objid", "sample", "asset_id"],
        [[first, "stripe82", 43], [first, "original", 42], [first + 1, "extra", 41]],
    )
    problems = ProblemList()
    galaxies = read_galaxies(tmp_path, problems)
    assert galaxies.ids == ("gz2/42", "gz2/41")
    assert not problems.errors
    assert "2 rows are left out" in problems.found[0].message


def test_galaxies_without_a_picture_are_counted(tmp_path: Path) -> None:
    write_gz2(tmp_path)
    (tmp_path / "images" / "41.jpg").unlink()
    problems = ProblemList()
    assert len(read_galaxies(tmp_path, problems)) == 3
    (warning,) = problems.found
    assert warning.severity == "warning"
    assert "1 of 4 rows are left out" in warning.message


def test_a_question_nobody_debiased_takes_weighted_fractions(tmp_path: Path) -> None:
    write_gz2(tmp_path)
    header, rows, fractions, _ = gz2_rows(4)
    for answer in ANSWERS[2 + 1 : 5]:  # question 2
        rows[0][header.index(f"{answer}_debiased")] = 0
    write_csv(tmp_path / "gz2_hart16.csv", header, rows)
    votes = read_galaxies(tmp_path).votes[0]
    edge_on = fractions[0, 1] * fractions[0, 3]
    assert votes[COLUMN_INDEX["Class2.1"]] == pytest.approx(edge_on, abs=1e-6)


def test_numbers_that_a_spreadsheet_has_rounded_are_refused(tmp_path: Path) -> None:
    write_gz2(tmp_path)
    header, rows, _, _ = gz2_rows(4)
    rows[1][0] = "5.87723E+17"
    write_csv(tmp_path / "gz2_hart16.csv", header, rows)
    with pytest.raises(AnnotationError, match=r"line 3: dr7objid .* a spreadsheet has rounded it"):
        read_galaxies(tmp_path)


def test_a_missing_mapping_and_column_are_named(tmp_path: Path) -> None:
    write_gz2(tmp_path)
    path = tmp_path / "gz2_hart16.csv"
    path.write_text(path.read_text().replace("t05_bulge_prominence_a12_obvious_debiased", "x"))
    with pytest.raises(AnnotationError, match="missing column t05_bulge_prominence_a12_obvious"):
        read_galaxies(tmp_path)
    (tmp_path / "gz2_filename_mapping.csv").unlink()
    with pytest.raises(AnnotationError, match=r"gz2_filename_mapping\.csv: not found"):
        read_galaxies(tmp_path)


def test_the_list_of_cumulative_votes_agrees_with_the_real_labels(data_dir: Path) -> None:
    folder = data_dir / "galaxies"
    listed = read_galaxies(folder / "gz2_votes.csv", ProblemList())
    labels = read_galaxies(folder, ProblemList())
    assert len(listed) == 859
    rows = {identity: row for row, identity in enumerate(labels.ids)}
    index = np.array([rows[identity] for identity in listed.ids])
    assert np.abs(labels.votes[index] - listed.votes).max() == 0
    assert (labels.frame_scale[index] == listed.frame_scale).all()
    for scheme in ("class5", "galaxy10"):
        assert (labels.labels(scheme).index[index] == listed.labels(scheme).index).all()


@settings(max_examples=60)
@given(arrays.arrays(np.float64, (3, 37), elements=st.floats(0, 1)))
def test_cumulative_votes_obey_the_tree_where_questions_were_answered(
    fractions: np.ndarray,
) -> None:
    votes = cumulative_votes(fractions + 1e-3)
    assert constraint_violation(votes).max() < 1e-5
    assert votes.min() >= 0
    assert votes.max() <= 1 + 1e-6
