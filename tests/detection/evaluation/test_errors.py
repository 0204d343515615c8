"""Each kind of error in a frame made for it."""

from __future__ import annotations

import math

import pytest
from detection_cases import FAR, A, B, picture

from detection.evaluation.errors import ErrorKind, frame_errors

LOOSE_B = (20, 20, 40, 27)  # 7 of 20 rows: IoU 0.35
PART_B = (20, 20, 22, 39)  # 38 of 400 square pixels: IoU 0.095


def kinds(case) -> list[ErrorKind]:
    return [error.kind for error in frame_errors(case).errors]


def test_a_right_frame_has_no_error():
    result = frame_errors(picture([A, B], [B, A], [0.9, 0.8]))
    assert result.errors == ()
    assert result.hits == (0, 1)
    assert result.severity == 0.0


def test_missed_galaxy_is_named_with_its_box():
    (error,) = frame_errors(picture([A, B], [A], [0.9])).errors
    assert error.kind is ErrorKind.MISSED
    assert error.box_xyxy_px == B
    assert error.galaxy == 1
    assert math.isnan(error.score)
    assert error.severity == 1.0


def test_false_detections_are_told_apart_by_the_frame():
    assert kinds(picture([], [FAR], [0.7])) == [ErrorKind.FALSE_ON_EMPTY]
    assert kinds(picture([A], [A, FAR], [0.9, 0.7])) == [ErrorKind.FALSE_ON_GALAXY]


def test_loose_box_finds_its_galaxy():
    (error,) = frame_errors(picture([A, B], [A, LOOSE_B], [0.9, 0.6])).errors
    assert error.kind is ErrorKind.LOOSE
    assert error.galaxy == 1
    assert error.overlap == pytest.approx(0.35)
    assert error.severity == pytest.approx(0.15)


def test_box_that_hardly_touches_leaves_the_galaxy_missed():
    assert kinds(picture([B], [PART_B], [0.6])) == [
        ErrorKind.MISSED,
        ErrorKind.FALSE_ON_GALAXY,
    ]


def test_second_box_on_a_found_galaxy_is_a_duplicate():
    assert kinds(picture([B], [B, (20, 20, 40, 38)], [0.9, 0.8])) == [ErrorKind.DUPLICATE]
    assert kinds(picture([B], [B, LOOSE_B], [0.9, 0.8])) == [ErrorKind.DUPLICATE]
    twice_loose = picture([B], [LOOSE_B, (20, 33, 40, 40)], [0.9, 0.8])
    assert sorted(kinds(twice_loose)) == [ErrorKind.DUPLICATE, ErrorKind.LOOSE]


def test_difficult_galaxy_makes_no_error():
    for found in ([], [B], [LOOSE_B], [B, LOOSE_B]):
        scores = [0.9, 0.8][: len(found)]
        assert kinds(picture([B], found, scores, [True])) == []


def test_worst_error_comes_first():
    case = picture([A, B, (200, 200, 220, 220)], [A, LOOSE_B, FAR], [0.9, 0.8, 0.7])
    assert kinds(case) == [ErrorKind.MISSED, ErrorKind.FALSE_ON_GALAXY, ErrorKind.LOOSE]
    assert frame_errors(case).severity == pytest.approx(1.0 + 0.7 + 0.15)
