"""The comparison of two forms of a detector counts what differs."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("official", reason="workstation extra not installed")

from edge_runtime.anchors import anchor_boxes
from edge_runtime.bundle.schema import AnchorSpec

pytestmark = pytest.mark.slow  # imports the Model Garden

SPEC = AnchorSpec(min_level=3, max_level=4, num_scales=1, aspect_ratios=(1.0,), anchor_size=2.5)
PICTURES = [np.zeros((64, 64, 3), np.uint8)] * 2


def answering(changes: dict[int, float], shift: float = 0.0):
    """A detector that always answers the same: these logits at these anchors, all else -9."""
    from detection.parity import RawAnswer

    count = len(anchor_boxes(SPEC, 64))
    logits = np.full(count, -9.0, np.float32)
    for anchor, logit in changes.items():
        logits[anchor] = logit
    offsets = np.full((count, 4), shift, np.float32)
    return lambda picture: RawAnswer(logits, offsets)


def compared(reference, other, **options):
    from detection.geometry import DetectorGeometry
    from detection.parity import compare

    return compare(reference, other, DetectorGeometry(64, SPEC), PICTURES, **options)


def test_the_same_answers_agree_in_everything():
    parity = compared(answering({0: 2.0, 30: 1.0}), answering({0: 2.0, 30: 1.0}))
    assert parity.exact
    assert (parity.pictures, parity.reference_detections) == (2, 4)
    assert (parity.kept, parity.same_box, parity.added) == (1.0, 1.0, 0.0)
    assert parity.score_difference_max == 0.0


def test_lost_and_added_detections_are_counted():
    parity = compared(answering({0: 2.0, 30: 1.0}), answering({0: 2.0, 62: 1.0}))
    assert not parity.exact
    assert parity.largest_logit_difference == 10.0
    assert parity.kept == 0.5
    assert parity.same_box == 1.0
    assert parity.added == 0.5


def test_moved_boxes_are_kept_but_not_the_same():
    # a tenth of a side, in both directions: IoU 0.9 * 0.9 / (2 - 0.81) = 0.68
    parity = compared(answering({30: 2.0}), answering({30: 2.0}, shift=0.1))
    assert parity.largest_offset_difference == pytest.approx(0.1)
    assert (parity.kept, parity.same_box, parity.added) == (1.0, 0.0, 0.0)


def test_score_differences_are_of_anchors_that_either_takes_for_a_galaxy():
    parity = compared(answering({0: 0.0, 30: -5.0}), answering({0: 1.0, 30: -4.0}))
    assert parity.score_bias == pytest.approx(0.2311, abs=1e-4)  # sigmoid(1) - 0.5
    assert parity.score_difference_p50 == parity.score_difference_max


def test_nothing_found_by_either_agrees():
    parity = compared(answering({}), answering({}))
    assert parity.exact
    assert (parity.reference_detections, parity.kept, parity.added) == (0, 1.0, 0.0)


def test_no_picture_is_refused():
    from detection.geometry import DetectorGeometry
    from detection.parity import compare

    with pytest.raises(ValueError, match="no picture"):
        compare(answering({}), answering({}), DetectorGeometry(64, SPEC), [])
