from pathlib import Path

import numpy as np
import pytest
from galaxy_set_files import encoded, galaxy_pixels, tree_votes, write_labels
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.formats.problems import ProblemList
from annotations.galaxies.checks import LISTED, check_sums
from annotations.galaxies.picture_checks import check_pictures
from annotations.galaxies.registry import read_galaxies
from edge_runtime.decision_tree import QUESTION_SLICES

TABLE = Path("votes.csv")


@settings(max_examples=60)
@given(
    seed=st.integers(0, 1000),
    column=st.integers(0, 36),
    change=st.one_of(st.floats(0.05, 0.9), st.floats(-0.9, -0.05)),
)
def test_a_vote_that_breaks_its_sum_is_found_and_no_other(
    seed: int, column: int, change: float
) -> None:
    votes = tree_votes(5, seed)
    votes[3, column] += change
    problems = ProblemList()
    check_sums(votes, TABLE, [f"line {i + 2}" for i in range(5)], problems)
    (warning,) = problems.found
    assert warning.place == "line 5"
    assert f"by {abs(change):.3f}" in warning.message


def test_every_question_is_checked() -> None:
    for number, columns in enumerate(QUESTION_SLICES, 1):
        votes = np.full((1, 37), 0.0)
        votes[0, [0, 13]] = 1.0  # smooth, odd
        votes[0, [15, 18]] = 1.0  # round, ring
        votes[0, columns.start] += 0.5
        problems = ProblemList()
        check_sums(votes, TABLE, ["line 2"], problems)
        assert any(f"question {number} " in each.message for each in problems.found) or any(
            "0.500" in each.message for each in problems.found
        )


def test_many_misses_are_counted() -> None:
    votes = np.zeros((LISTED + 7, 37))
    problems = ProblemList()
    check_sums(votes, TABLE, [""] * len(votes), problems)
    assert len(problems.found) == LISTED + 1
    assert problems.found[-1].message.startswith("7 more rows")


def test_unknown_votes_are_passed_over() -> None:
    problems = ProblemList()
    check_sums(np.full((3, 37), np.nan), TABLE, [""] * 3, problems)
    assert not problems.found


def test_sound_pictures_have_nothing_to_tell(tmp_path: Path) -> None:
    galaxies = read_galaxies(write_labels(tmp_path))
    problems = ProblemList()
    seen: list[int] = []
    facts = check_pictures(galaxies, problems, lambda done, total: seen.append(done))
    assert facts.sizes == {"64 × 64": 6, "48 × 48": 1}
    assert (facts.unreadable, facts.duplicates, facts.across_splits) == (0, 0, 0)
    assert seen == list(range(1, 8))
    assert not problems.found


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "truncated"),
        (lambda data: b"", "neither JPEG, PNG nor TIFF"),
        (lambda data: b"<html>not found</html>", "neither JPEG, PNG nor TIFF"),
    ],
)
def test_damaged_pictures_are_named(tmp_path: Path, damage, message: str) -> None:
    galaxies = read_galaxies(write_labels(tmp_path))
    path = tmp_path / "images" / "2.jpg"
    path.write_bytes(damage(path.read_bytes()))
    problems = ProblemList()
    assert check_pictures(galaxies, problems).unreadable == 1
    (error,) = problems.errors
    assert error.path == path
    assert message in error.message


def test_twins_in_one_split_warn_and_across_splits_are_errors(tmp_path: Path) -> None:
    galaxies = read_galaxies(write_labels(tmp_path))
    folder = tmp_path / "images"
    for twin in (1, 3):  # train, and test
        (folder / f"{twin}.jpg").write_bytes((folder / "0.jpg").read_bytes())
    problems = ProblemList()
    facts = check_pictures(galaxies, problems)
    assert (facts.duplicates, facts.across_splits) == (2, 1)
    (error,) = problems.errors
    assert error.path == folder / "3.jpg"
    assert "split 'test' and the other in 'train'" in error.message
    (warning,) = [each for each in problems.found if each.severity == "warning"]
    assert warning.path == folder / "1.jpg"


def test_a_picture_of_another_size_stands_out(tmp_path: Path) -> None:
    galaxies = read_galaxies(write_labels(tmp_path, count=12))
    path = tmp_path / "images" / "5.jpg"
    path.write_bytes(encoded(galaxy_pixels(5, 70), ".jpg"))
    problems = ProblemList()
    check_pictures(galaxies, problems)
    (warning,) = problems.found
    assert warning.path == path
    assert "has 70 × 70 px, where most pictures of kaggle have 64 × 64" in warning.message
