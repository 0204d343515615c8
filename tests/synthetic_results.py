"""Synthetic frames and detections for tests of what comes after the networks."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import numpy as np

from edge_runtime.decision_tree import votes_from_logits
from edge_runtime.frame import Frame
from edge_runtime.sighting import Detection, FrameResult, Sighting
from edge_runtime.tracked_sighting import BundleIdentity, DetectionRecord, TrackedSighting

BUNDLE = BundleIdentity("test", "1.0.0", "ab" * 32)
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
    """37 votes that obey the decision tree."""
    return votes_from_logits(np.random.default_rng(seed).normal(0.0, 1.5, 37))


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


def tracked(
    number,
    *,
    score=0.8,
    seconds=0.0,
    time=None,
    pictures=False,
    ra_deg=None,
    dec_deg=None,
    bundle=BUNDLE,
    kind=4,
):
    """A report of the tracker; equal numbers are the same sighting."""
    detection = make_detection(100.1, 90.7, score=score, seed=number, kind=kind)
    time = time or START + timedelta(seconds=seconds)
    rng = np.random.default_rng(number)
    sighting = Sighting(
        id=hashlib.sha256(str(number).encode()).hexdigest()[:32],
        camera="sim",
        target=f"target {number}",
        first_seen=time,
        last_seen=time,
        frames=3,
        box_xyxy_px=detection.box_xyxy_px,
        score=score,
        galaxy_probability=detection.galaxy_probability,
        votes=detection.votes,
        class_probabilities=detection.class_probabilities,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        bundle_name=bundle.name,
        bundle_version=bundle.version,
        bundle_sha256=bundle.sha256,
    )
    record = DetectionRecord(time, "sim", sighting.target, int(seconds), detection, ra_deg, dec_deg)
    return TrackedSighting(
        sighting,
        (record,),
        score_sum=score * 3.1,
        size_arcsec=None if ra_deg is None else 80.1,
        crop=rng.integers(0, 255, (64, 64, 3), dtype=np.uint8) if pictures else None,
        annotated=np.full((120, 160, 3), number % 200, dtype=np.uint8) if pictures else None,
    )
