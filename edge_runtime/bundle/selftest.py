"""A bundle's own examples: small frames, and what must be found in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np

from edge_runtime.boxes import iou
from edge_runtime.bundle.loading import Bundle
from edge_runtime.bundle.schema import ExpectedDetection, SelfTestFrame
from edge_runtime.errors import BundleError, FrameError
from edge_runtime.frame import Frame
from edge_runtime.picture_header import read_picture_header
from edge_runtime.sighting import CLASS5, BoxXyxy, Detection, FrameResult

MAX_FRAME_PIXELS = 16_000_000


class FramePipeline(Protocol):
    """What the self-test needs of a pipeline."""

    def process(self, frame: Frame) -> FrameResult:
        """Find and classify the galaxies of one frame."""
        ...

    def close(self) -> None:
        """Release threads."""
        ...


PipelineFactory = Callable[[Bundle], FramePipeline]


def default_pipeline(bundle: Bundle) -> FramePipeline:
    """Return the pipeline that the daemon runs."""
    from edge_runtime.pipeline import Pipeline

    return Pipeline(bundle)


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """How well one self-test frame was reproduced.

    Attributes
    ----------
    frame : str
        Name in the bundle.
    detections : int
        Number found.
    worst_iou : float
        Least overlap of a found box with the expected one; 1 without boxes.
    worst_score_difference : float
        Largest difference from an expected score; 0 without boxes.
    problems : tuple of str
        What is outside the tolerances; empty where the frame passes.
    """

    frame: str
    detections: int
    worst_iou: float
    worst_score_difference: float
    problems: tuple[str, ...]


def run_selftest(
    bundle: Bundle, pipeline_factory: PipelineFactory = default_pipeline
) -> tuple[SelfTestResult, ...]:
    """Run a bundle on its own examples.

    Parameters
    ----------
    bundle : Bundle
        The bundle to test.
    pipeline_factory : callable, optional
        Makes a pipeline from the bundle; default is the daemon's.

    Returns
    -------
    tuple of SelfTestResult
        One for each frame; empty where the bundle has no self-test.

    Raises
    ------
    BundleError
        A frame cannot be decoded, or a detection is missing, surplus or
        outside the tolerances; the message lists frame and difference.
    """
    if not bundle.manifest.selftest:
        return ()
    results = []
    with closing(pipeline_factory(bundle)) as pipeline:
        for number, expected in enumerate(bundle.manifest.selftest):
            name = expected.frame
            frame = decode_frame(bundle.read(name), name, f"{bundle.path}: {name}", number)
            found = pipeline.process(frame).detections
            results.append(compare(expected, found, bundle.manifest.score_threshold))
    problems = [f"{result.frame}: {text}" for result in results for text in result.problems]
    if problems:
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise BundleError(
            f"{bundle.path}: the self-test fails; this machine does not get the results the "
            f"bundle was built with: {'; '.join(problems[:5])}{more}"
        )
    return tuple(results)


def record_selftest(
    bundle: Bundle,
    frames: Mapping[str, bytes],
    pipeline_factory: PipelineFactory = default_pipeline,
    *,
    tolerance_iou: float = 0.8,
    tolerance_score: float = 0.1,
) -> tuple[SelfTestFrame, ...]:
    """Write down what a bundle finds, to be expected of it from now on.

    Parameters
    ----------
    bundle : Bundle
        A bundle as yet without a self-test.
    frames : mapping of str to bytes
        Encoded 8-bit pictures (PNG) by name, such as ``selftest/m51.png``.
    pipeline_factory : callable, optional
        Makes a pipeline from the bundle; default is the daemon's.

    Returns
    -------
    tuple of SelfTestFrame
        For the manifest's ``selftest``.
    """
    recorded = []
    with closing(pipeline_factory(bundle)) as pipeline:
        for number, (name, content) in enumerate(sorted(frames.items())):
            result = pipeline.process(decode_frame(content, name, name, number))
            recorded.append(
                SelfTestFrame(
                    frame=name,
                    detections=tuple(_expectation(found) for found in result.detections),
                    tolerance_iou=tolerance_iou,
                    tolerance_score=tolerance_score,
                )
            )
    return tuple(recorded)


def compare(
    expected: SelfTestFrame, found: Sequence[Detection], score_threshold: float
) -> SelfTestResult:
    """Compare what was found in a frame with what was expected.

    Detections whose score is within the tolerance of the threshold may be
    missing or surplus. A label may differ where the expected class is as
    probable as the best one within the same tolerance.
    """
    sure = score_threshold + expected.tolerance_score
    remaining = list(found)
    problems: list[str] = []
    worst_iou, worst_difference = 1.0, 0.0
    for wanted in expected.detections:
        overlaps = _overlaps(wanted.box_xyxy_px, remaining)
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best < 0 or overlaps[best] < expected.tolerance_iou:
            if wanted.score >= sure:
                nearest = f"nearest overlaps by {overlaps[best]:.2f}" if overlaps else "none found"
                problems.append(
                    f"{wanted.label} at {wanted.box_xyxy_px} with score {wanted.score:.3f} "
                    f"is missing ({nearest}, needed {expected.tolerance_iou:.2f})"
                )
            continue
        match = remaining.pop(best)
        difference = abs(match.score - wanted.score)
        worst_iou = min(worst_iou, overlaps[best])
        worst_difference = max(worst_difference, difference)
        if not difference <= expected.tolerance_score:
            problems.append(
                f"{wanted.label} at {wanted.box_xyxy_px} has score {match.score:.3f}, expected "
                f"{wanted.score:.3f} within {expected.tolerance_score:.3f}"
            )
        if not _label_agrees(match, wanted.label, expected.tolerance_score):
            problems.append(
                f"the galaxy at {wanted.box_xyxy_px} is {match.label}, expected {wanted.label}"
            )
    problems += [
        f"unexpected {other.label} at {_rounded_box(other.box_xyxy_px)} "
        f"with score {other.score:.3f}"
        for other in remaining
        if not other.score < sure
    ]
    return SelfTestResult(
        frame=expected.frame,
        detections=len(found),
        worst_iou=worst_iou,
        worst_score_difference=worst_difference,
        problems=tuple(problems),
    )


def decode_frame(content: bytes, name: str, where: str, sequence: int = 0) -> Frame:
    """Decode an encoded picture of a bundle, 8 or 16 bit, grey or RGB, into a frame.

    Raises
    ------
    BundleError
        Not a picture, or too large for a self-test; the message says ``where``.
    """
    import cv2

    try:
        header = read_picture_header(content)
        if header is None:
            raise BundleError(f"{where}: not a picture that can be decoded; use PNG")
        if header.width * header.height > MAX_FRAME_PIXELS:
            raise BundleError(f"{where}: {header.width} × {header.height} px are too large")
        stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        if stored is None:
            raise BundleError(f"{where}: the picture is damaged")
        colour = stored.ndim == 3 and stored.shape[2] == 3
        return Frame(
            pixels=np.ascontiguousarray(stored[:, :, ::-1]) if colour else stored,
            time=datetime.now(UTC),
            exposure_s=0.0,
            camera="selftest",
            sequence=sequence,
            name=name,
        )
    except (FrameError, cv2.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise BundleError(f"{where}: the picture cannot be decoded ({reason})") from error


def _expectation(found: Detection) -> ExpectedDetection:
    return ExpectedDetection(
        box_xyxy_px=_rounded_box(found.box_xyxy_px),
        score=round(float(found.score), 4),
        label=found.label,
    )


def _overlaps(box: BoxXyxy, found: Sequence[Detection]) -> list[float]:
    boxes = np.array([other.box_xyxy_px for other in found], dtype=np.float32).reshape(-1, 4)
    return [float(overlap) for overlap in iou(np.array([box], dtype=np.float32), boxes)[0]]


def _label_agrees(found: Detection, label: str, tolerance: float) -> bool:
    if found.label == label:
        return True
    if label not in CLASS5:
        return False
    probabilities = found.class_probabilities
    return bool(probabilities[CLASS5.index(label)] >= probabilities.max() - tolerance)


def _rounded_box(box: BoxXyxy) -> BoxXyxy:
    left, top, right, bottom = (round(float(edge), 2) for edge in box)
    return left, top, right, bottom
