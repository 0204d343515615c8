"""Synthetic frames and detections for tests of what comes after the networks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from edge_runtime.frame import Frame
from edge_runtime.sighting import Detection, FrameResult

START = datetime(2024, 3, 1, 22, 0, 0, 123456, tzinfo=UTC)


def make_frame(
    sequence=0,
    name="M51",
    width=640,
    height=480,
    ra_deg=None,
    dec_deg=None,
    header=None,
    seconds=None,
):
    return Frame(
        pixels=np.zeros((height, width), dtype=np.uint8),
        time=START + timedelta(seconds=float(sequence if seconds is None else seconds)),
        exposure_s=1.0,
        camera="sim",
        sequence=sequence,
        name=name,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        header=header or {},
    )


def make_votes(seed):
    """37 votes that obey the tree's first sum; enough for means and round trips."""
    votes = np.random.default_rng(seed).random(37).astype(np.float32)
    votes[:3] /= votes[:3].sum()
    return votes


def make_detection(x, y, size=40.0, score=0.8, seed=0, height=None, kind=4):
    """A detection centred at (x, y); ``kind`` is the index of its class."""
    half_w, half_h = size / 2.0, (height or size) / 2.0
    classes = np.full(5, 0.05, dtype=np.float32)
    classes[kind] = 0.8
    return Detection(
        box_xyxy_px=(x - half_w, y - half_h, x + half_w, y + half_h),
        score=score,
        detector_score=min(1.0, score + 0.05),
        galaxy_probability=min(1.0, score + 0.1),
        votes=make_votes(seed),
        class_probabilities=classes,
    )


def make_result(detections, picture=None, **frame_keywords):
    frame = make_frame(**frame_keywords)
    if picture is None:
        picture = np.full((frame.height, frame.width, 3), 20, dtype=np.uint8)
    stages = {"condition": 1.0, "detect": 2.0, "classify": 3.0}
    return FrameResult(frame, picture, tuple(detections), stages)
