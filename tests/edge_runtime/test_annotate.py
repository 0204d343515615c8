"""Boxes and labels drawn into pictures."""

from __future__ import annotations

import numpy as np
import pytest

from edge_runtime.annotate import draw_detections
from edge_runtime.sighting import Detection


def detection(box: tuple[float, float, float, float], label: int = 4) -> Detection:
    return Detection(
        box_xyxy_px=box,
        score=0.9,
        detector_score=0.9,
        galaxy_probability=0.9,
        votes=np.zeros(37, np.float32),
        class_probabilities=np.eye(5, dtype=np.float32)[label],
    )


def test_the_picture_itself_is_left_alone_and_nothing_drawn_is_a_copy():
    picture = np.full((60, 80, 3), 7, np.uint8)
    drawn = draw_detections(picture, ())
    assert drawn is not picture
    np.testing.assert_array_equal(drawn, picture)
    draw_detections(picture, [detection((10, 10, 50, 40))])
    assert (picture == 7).all()


def test_the_outline_is_drawn_on_the_edges_of_the_box_and_not_inside():
    picture = np.zeros((400, 600, 3), np.uint8)
    drawn = draw_detections(picture, [detection((100, 150, 300, 350))])
    for x, y in ((100, 250), (300, 250), (200, 150), (200, 350)):
        assert drawn[y, x].max() > 100
    assert (drawn[200:300, 150:250] == 0).all()


def test_the_label_of_a_box_at_the_top_edge_stands_below_it():
    picture = np.zeros((400, 600, 3), np.uint8)
    drawn = draw_detections(picture, [detection((100, 0, 300, 100))])
    assert drawn[104:130, 100:300].max() > 100


def test_classes_have_different_colours():
    picture = np.zeros((100, 100, 3), np.uint8)
    colours = {
        tuple(draw_detections(picture, [detection((20, 40, 80, 90), label)])[60, 20])
        for label in range(5)
    }
    assert len(colours) == 5


@pytest.mark.parametrize("box", [(-50.0, -50.0, 700.0, 500.0), (590.0, 390.0, 650.0, 450.0)])
def test_boxes_that_reach_over_the_edge_are_drawn_as_far_as_they_are_inside(box):
    picture = np.zeros((400, 600, 3), np.uint8)
    drawn = draw_detections(picture, [detection(box)])
    assert drawn.shape == picture.shape
    assert drawn.max() > 100


def test_a_picture_that_is_not_contiguous_is_drawn_into():
    picture = np.zeros((100, 100, 3), np.uint8)[::-1, :, ::-1]
    assert draw_detections(picture, [detection((20, 40, 80, 90))]).max() > 100
