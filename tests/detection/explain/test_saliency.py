"""Saliency of a detector that is known to find bright squares."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from tiny_bundles import make_tiny_bundle, square_picture, tiny_manifest

from detection.explain.found_boxes import find_boxes
from detection.explain.saliency import (
    ExplainedView,
    box_similarity,
    occlusion_saliency,
    opened_view,
    random_mask,
    rise_saliency,
)
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.detector import Detector
from edge_runtime.errors import ConfigError, GalaxyEdgeError
from edge_runtime.frame import Frame
from edge_runtime.tiling import Tile

BOX = np.array([8.0, 8.0, 24.0, 24.0], np.float32)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(make_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny"))


def corner_view(**changes) -> ExplainedView:
    """A box in the upper left of a grey view; similarity is the light in that quarter."""
    values = {
        "pixels": np.full((64, 64, 3), 200, np.uint8),
        "box_xyxy_px": BOX,
        "tile": Tile(0, 0, 64),
        "similarity": lambda pixels: float(pixels[:32, :32].mean()) / 255.0,
        "fill": 0,
    }
    return ExplainedView(**(values | changes))


def test_occlusion_finds_the_corner_that_counts():
    found = occlusion_saliency(corner_view())
    assert found.similarity == pytest.approx(200 / 255)
    assert found.values.shape == (64, 64)
    assert found.values[:28, :28].min() > 0.01
    assert np.abs(found.values[40:]).max() == 0.0
    assert found.details["calls"] == found.details["cells"] ** 2 + 1


def test_rise_finds_the_corner_that_counts_and_half_of_the_masks_agree_with_the_others():
    found = rise_saliency(corner_view(), masks=400, seed=3)
    inside, outside = found.values[:30, :30], found.values[36:, 36:]
    assert inside.mean() > 5 * np.abs(outside).mean()
    assert found.peak_inside or found.values.argmax() % 64 < 32
    assert found.details["agreement"] > 0.5


def test_rise_tells_the_size_of_an_effect():
    """Similarity that follows one cell of the mask has slope 1 there."""
    half = corner_view(
        pixels=np.full((64, 64, 3), 255, np.uint8),
        similarity=lambda pixels: float(pixels[16, 16, 0]) / 255.0,
    )
    found = rise_saliency(half, masks=300, seed=1)
    assert found.values[16, 16] == pytest.approx(1.0, abs=0.02)
    assert found.peak_inside
    assert abs(float(np.median(found.values))) < 0.1


def test_what_hurts_the_box_is_negative():
    against = corner_view(similarity=lambda pixels: 1.0 - float(pixels[:32, :32].mean()) / 300.0)
    assert occlusion_saliency(against).values[:28, :28].max() < 0
    assert rise_saliency(against, masks=300).values[:24, :24].mean() < 0


def test_the_same_seed_gives_the_same_map_with_any_number_of_threads():
    one = rise_saliency(corner_view(), masks=70, seed=5)
    again = rise_saliency(corner_view(threads=3), masks=70, seed=5)
    other = rise_saliency(corner_view(), masks=70, seed=6)
    np.testing.assert_array_equal(one.values, again.values)
    assert not np.array_equal(one.values, other.values)


def test_masks_are_smooth_half_seen_and_differ():
    rng = np.random.default_rng(0)
    masks = np.stack([random_mask(rng, 60, 8) for _ in range(50)])
    assert masks.shape == (50, 60, 60)
    assert masks.min() >= 0.0
    assert masks.max() <= 1.0
    assert masks.mean() == pytest.approx(0.5, abs=0.03)
    assert np.abs(masks.mean(axis=0) - 0.5).max() < 0.3
    assert np.abs(np.diff(masks, axis=2)).max() < 0.2
    assert masks.std(axis=0).min() > 0.1


def test_progress_ends_with_all_of_it():
    steps = []
    rise_saliency(corner_view(), masks=50, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(32, 50), (50, 50)]


def test_bad_requests_are_refused():
    with pytest.raises(ConfigError, match="at least 10 masks"):
        rise_saliency(corner_view(), masks=3)
    blind = corner_view(similarity=lambda _: 0.0)
    for method in (occlusion_saliency, rise_saliency):
        with pytest.raises(GalaxyEdgeError, match="does not see the box"):
            method(blind)
    with pytest.raises(GalaxyEdgeError, match="none of 20 masks changes the box"):
        rise_saliency(corner_view(similarity=lambda _: 0.5), masks=20)


def test_similarity_is_overlap_times_score_of_the_best_match(bundle):
    with closing(Detector(bundle, 1)) as detector:
        boxes = detector.look(square_picture())
        assert box_similarity(detector, boxes.xyxy_px[0], square_picture()) == pytest.approx(
            float(boxes.scores[0]), rel=1e-5
        )
        away = np.array([50.0, 50.0, 60.0, 60.0], np.float32)
        assert box_similarity(detector, away, square_picture()) < 0.1
        assert box_similarity(detector, BOX, np.zeros((64, 64, 3), np.uint8)) == 0.0


def frame_with_square(left: int, top: int, width: int = 64, height: int = 64) -> Frame:
    from datetime import UTC, datetime

    pixels = np.full((height, width, 3), 20, np.uint8)
    pixels[top : top + 16, left : left + 16] = (250, 200, 150)
    return Frame(pixels, datetime(2025, 1, 1, tzinfo=UTC), 1.0, "test", 0, "square")


@pytest.mark.parametrize("method", [occlusion_saliency, rise_saliency])
def test_the_real_detector_needs_the_square_and_nothing_else(bundle, method):
    boxes = find_boxes(bundle, frame_with_square(20, 20), "square")
    with opened_view(bundle, boxes.picture, boxes.numbered(1)) as seen:
        found = method(seen)
    assert found.similarity > 0.5
    assert found.peak_inside
    assert found.inside > 3 * found.box_share
    square = found.values[22:34, 22:34].mean()
    assert square > 5 * np.abs(found.values[44:, 44:]).mean()


def test_boxes_are_followed_to_the_tile_that_found_them(tmp_path):
    detector = {**tiny_manifest()["detector"], "tiling": {"scales": [0, 64], "overlap": 0.25}}
    tiled = load_bundle(make_tiny_bundle(tmp_path / "tiled", detector=detector))
    boxes = find_boxes(tiled, frame_with_square(148, 20, 192, 64), "wide")
    found = boxes.at(156, 28)
    assert found.tile == Tile(128, 0, 64)
    np.testing.assert_allclose(
        found.in_view_px(64), np.array(found.box_xyxy_px) - (128, 0, 128, 0), atol=1e-4
    )
    with opened_view(tiled, boxes.picture, found) as seen:
        np.testing.assert_array_equal(seen.pixels, boxes.picture[:, 128:])
        assert occlusion_saliency(seen).peak_inside


def test_boxes_that_are_not_there_are_refused_with_those_that_are(bundle):
    boxes = find_boxes(bundle, frame_with_square(20, 20), "square.png")
    assert boxes.numbered(1) is boxes.at(28, 28)
    with pytest.raises(GalaxyEdgeError, match=r"square\.png: has no box 7; there are: box 1,"):
        boxes.numbered(7)
    with pytest.raises(GalaxyEdgeError, match="no box is at 60,60; there are: box 1"):
        boxes.at(60, 60)
    with pytest.raises(GalaxyEdgeError, match="outside the frame of 64 x 64"):
        boxes.at(64, 3)
    empty = replace(boxes, boxes=(), rejected=2)
    for ask in (lambda: empty.numbered(1), lambda: empty.at(3, 3)):
        with pytest.raises(GalaxyEdgeError, match=r"no galaxy is detected.*2 candidates"):
            ask()
