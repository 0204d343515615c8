from dataclasses import replace

import numpy as np
import pytest
from tiny_bundles import (
    SELFTEST_FRAME,
    SQUARE_BOX,
    encode_png,
    make_tiny_bundle,
    make_tiny_postprocess_bundle,
    square_picture,
)

from edge_runtime.bundle import load_bundle
from edge_runtime.bundle.schema import ExpectedDetection, SelfTestFrame
from edge_runtime.bundle.selftest import compare, decode_frame, record_selftest, run_selftest
from edge_runtime.errors import BundleError
from edge_runtime.sighting import Detection

PROBABILITIES = np.array([0.5, 0.45, 0.05, 0.0, 0.0], np.float32)
FOUND = Detection(SQUARE_BOX, 0.9, 0.9, 0.9, np.zeros(37, np.float32), PROBABILITIES)
WANTED = ExpectedDetection(box_xyxy_px=SQUARE_BOX, score=0.9, label="smooth_round")


def expectation(*detections, iou=0.8, score=0.1):
    return SelfTestFrame(
        frame="selftest/x.png", detections=detections, tolerance_iou=iou, tolerance_score=score
    )


def expected_square(**changes):
    return [
        {
            "frame": SELFTEST_FRAME,
            "detections": [
                {"box_xyxy_px": SQUARE_BOX, "score": 0.997, "label": "smooth_inbetween"} | changes
            ],
        }
    ]


def test_a_bundle_passes_its_own_selftest(tmp_path):
    folder = make_tiny_bundle(tmp_path / "tiny", selftest=expected_square())
    (result,) = run_selftest(load_bundle(folder))
    assert result.frame == SELFTEST_FRAME
    assert result.detections == 1
    assert result.worst_iou == pytest.approx(1.0, abs=1e-5)
    assert result.worst_score_difference < 0.01
    assert result.problems == ()


@pytest.mark.parametrize("make", [make_tiny_bundle, make_tiny_postprocess_bundle])
def test_what_is_recorded_is_what_passes(tmp_path, make):
    bundle = load_bundle(make(tmp_path / "tiny"))
    (recorded,) = record_selftest(bundle, {SELFTEST_FRAME: encode_png(square_picture())})
    (found,) = recorded.detections
    assert found.box_xyxy_px == SQUARE_BOX
    manifest = bundle.manifest.model_copy(update={"selftest": (recorded,)})
    assert run_selftest(replace(bundle, manifest=manifest))[0].worst_score_difference < 1e-4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": 0.7}, r"has score 0\.99\d, expected 0\.700 within 0\.100"),
        ({"box_xyxy_px": (0, 0, 20, 20)}, r"is missing \(nearest overlaps by 0\.01, needed 0\.80"),
        ({"label": "spiral"}, "is smooth_inbetween, expected spiral"),
    ],
)
def test_a_difference_fails_the_selftest_and_is_described(tmp_path, changes, message):
    folder = make_tiny_bundle(tmp_path / "tiny", selftest=expected_square(**changes))
    with pytest.raises(BundleError, match=rf"self-test fails.*{SELFTEST_FRAME}: .*{message}"):
        run_selftest(load_bundle(folder))


def test_no_selftest_gives_no_results(tiny_bundle_dir):
    assert run_selftest(load_bundle(tiny_bundle_dir)) == ()


def test_equal_detections_pass():
    result = compare(expectation(WANTED), [FOUND], 0.5)
    assert (result.problems, result.worst_iou, result.worst_score_difference) == ((), 1.0, 0.0)


def test_a_missing_detection_is_a_problem_unless_it_is_near_the_threshold():
    assert "is missing (none found" in compare(expectation(WANTED), [], 0.5).problems[0]
    near = WANTED.model_copy(update={"score": 0.55})
    assert compare(expectation(near), [], 0.5).problems == ()


def test_a_surplus_detection_is_a_problem_unless_it_is_near_the_threshold():
    assert "unexpected smooth_round" in compare(expectation(), [FOUND], 0.5).problems[0]
    assert compare(expectation(), [replace(FOUND, score=0.55)], 0.5).problems == ()
    assert compare(expectation(), [replace(FOUND, score=float("nan"))], 0.5).problems != ()


def test_a_score_that_is_not_a_number_is_a_problem():
    found = replace(FOUND, score=float("nan"))
    assert "has score nan" in compare(expectation(WANTED), [found], 0.5).problems[0]


def test_labels_may_swap_where_two_classes_are_equally_probable():
    close = WANTED.model_copy(update={"label": "smooth_inbetween"})
    assert compare(expectation(close), [FOUND], 0.5).problems == ()
    far = WANTED.model_copy(update={"label": "smooth_cigar"})
    assert "expected smooth_cigar" in compare(expectation(far), [FOUND], 0.5).problems[0]


def test_each_detection_answers_one_expectation():
    result = compare(expectation(WANTED, WANTED), [FOUND], 0.5)
    assert len(result.problems) == 1


def test_16_bit_and_grey_frames_keep_their_depth():
    deep = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    np.testing.assert_array_equal(decode_frame(encode_png(deep), "a", "a").pixels, deep)
    colour = square_picture()
    np.testing.assert_array_equal(decode_frame(encode_png(colour), "a", "a").pixels, colour)


@pytest.mark.parametrize("content", [b"", b"GIF89a", encode_png(square_picture())[:90]])
def test_a_frame_that_is_no_picture_is_named(content):
    with pytest.raises(BundleError, match=r"tiny: selftest/x\.png: "):
        decode_frame(content, "x", "tiny: selftest/x.png")
