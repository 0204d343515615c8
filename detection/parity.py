"""Whether two forms of a detector say the same.

The network as it was trained (Keras, float32) is the reference. A float32 file
must agree with it number by number; a quantised file cannot, so what counts is
what comes out of it: scores, boxes, and which detections are left.

``python -m detection.parity --checkpoint DIR --model detector.tflite --images DIR``
compares a converted file with the network on views of real frames.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detection.bundle_building import DetectorUse
from detection.geometry import INPUT_MEAN, INPUT_STD, DetectorGeometry
from detection.trained_detector import TrainedDetector, load_detector, normalised, raw_outputs
from edge_runtime.anchors import anchor_boxes, decode_boxes
from edge_runtime.boxes import iou, non_maximum_suppression
from edge_runtime.conditioning import condition
from edge_runtime.litert import LiteRtModel
from edge_runtime.pictures import read_picture
from edge_runtime.processing.inputs import find_inputs
from edge_runtime.tiling import plan_tiles, view

FLOAT_TOLERANCE = 1e-3
SAME_BOX_IOU = 0.9
SAME_GALAXY_IOU = 0.5


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What a detector says about one picture.

    Attributes
    ----------
    logits : ndarray, shape (A,), float32
    offsets : ndarray, shape (A, 4), float32
    """

    logits: NDArray[np.float32]
    offsets: NDArray[np.float32]


class RawDetector(Protocol):
    """A detector without decoding."""

    def __call__(self, picture: NDArray[np.uint8]) -> RawAnswer:
        """Look at a picture, shape (S, S, 3), uint8, RGB."""
        ...


class KerasDetector:
    """The network as it was trained."""

    def __init__(self, detector: TrainedDetector) -> None:
        self._detector = detector

    def __call__(self, picture: NDArray[np.uint8]) -> RawAnswer:
        outputs = raw_outputs(self._detector, normalised(picture)[None])
        return RawAnswer(np.asarray(outputs["scores"])[0, :, 0], np.asarray(outputs["boxes"])[0])


class LiteRtDetector:
    """A converted file, with the interpreter of the edge."""

    def __init__(self, model: LiteRtModel) -> None:
        self._model = model

    def __call__(self, picture: NDArray[np.uint8]) -> RawAnswer:
        answers = {a.spec.shape[-1]: a.real() for a in self._model.run_raw(picture)}
        return RawAnswer(answers[1][0, :, 0], answers[4][0])


@dataclass(frozen=True, slots=True)
class Parity:
    """How a detector differs from the reference on a set of pictures.

    Attributes
    ----------
    pictures : int
    largest_logit_difference, largest_offset_difference : float
        Over all anchors.
    score_bias : float
        Mean of score minus reference score, over anchors that either takes for
        a galaxy.
    score_difference_p50, score_difference_p95, score_difference_max : float
        Of their absolute differences.
    reference_detections : int
        Boxes of the reference after suppression.
    kept : float
        Share of them that have a box of the same galaxy (IoU 0.5).
    same_box : float
        Share of those whose box is the same (IoU 0.9).
    added : float
        Boxes that the reference has not, per box of the reference.
    """

    pictures: int
    largest_logit_difference: float
    largest_offset_difference: float
    score_bias: float
    score_difference_p50: float
    score_difference_p95: float
    score_difference_max: float
    reference_detections: int
    kept: float
    same_box: float
    added: float

    @property
    def exact(self) -> bool:
        """Whether all numbers agree to the accuracy of float32 arithmetic."""
        return max(self.largest_logit_difference, self.largest_offset_difference) < FLOAT_TOLERANCE


def compare(
    reference: RawDetector,
    other: RawDetector,
    geometry: DetectorGeometry,
    pictures: Sequence[NDArray[np.uint8]],
    *,
    score_threshold: float = 0.12,
    nms_iou: float = 0.45,
) -> Parity:
    """Show the same pictures to two forms of a detector.

    Parameters
    ----------
    reference, other : RawDetector
    geometry : DetectorGeometry
    pictures : sequence of ndarray, shape (S, S, 3), uint8, RGB
        Conditioned views.
    score_threshold : float
        Least score of a detection.
    nms_iou : float

    Raises
    ------
    ValueError
        There is no picture.
    """
    if not pictures:
        raise ValueError("no picture to compare the detectors on")
    anchors = anchor_boxes(geometry.anchors, geometry.input_size_px)
    logit, offset = 0.0, 0.0
    differences: list[NDArray[np.float32]] = []
    detections = kept = same = added = 0
    for picture in pictures:
        expected, answer = reference(picture), other(picture)
        logit = max(logit, float(np.abs(answer.logits - expected.logits).max()))
        offset = max(offset, float(np.abs(answer.offsets - expected.offsets).max()))
        scores, expected_scores = _sigmoid(answer.logits), _sigmoid(expected.logits)
        taken = np.maximum(scores, expected_scores) >= score_threshold
        differences.append((scores - expected_scores)[taken])
        boxes = _detections(answer, scores, anchors, score_threshold, nms_iou)
        expected_boxes = _detections(expected, expected_scores, anchors, score_threshold, nms_iou)
        detections += len(expected_boxes)
        if len(expected_boxes) and len(boxes):
            overlaps = iou(expected_boxes, boxes)
            best = overlaps.max(axis=1)
            kept += int((best >= SAME_GALAXY_IOU).sum())
            same += int((best >= SAME_BOX_IOU).sum())
            added += int((overlaps.max(axis=0) < SAME_GALAXY_IOU).sum())
        else:
            added += len(boxes)
    all_differences = np.concatenate(differences)
    if all_differences.size == 0:
        all_differences = np.zeros(1, dtype=np.float32)
    absolute = np.abs(all_differences)
    return Parity(
        pictures=len(pictures),
        largest_logit_difference=logit,
        largest_offset_difference=offset,
        score_bias=float(all_differences.mean()),
        score_difference_p50=float(np.quantile(absolute, 0.5)),
        score_difference_p95=float(np.quantile(absolute, 0.95)),
        score_difference_max=float(absolute.max()),
        reference_detections=detections,
        kept=kept / detections if detections else 1.0,
        same_box=same / kept if kept else 1.0,
        added=added / detections if detections else float(added),
    )


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)


def _detections(
    answer: RawAnswer,
    scores: NDArray[np.float32],
    anchors: NDArray[np.float32],
    score_threshold: float,
    nms_iou: float,
) -> NDArray[np.float32]:
    """Boxes after suppression, best first, at most 100."""
    chosen = np.flatnonzero(scores >= score_threshold)
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")][:400]
    boxes = decode_boxes(answer.offsets[chosen], anchors[chosen])
    return boxes[non_maximum_suppression(boxes, scores[chosen], nms_iou)[:100]]


def frame_views(paths: Sequence[Path], size_px: int, most: int) -> list[NDArray[np.uint8]]:
    """Views of frames as the edge shows them to a detector, spread over the frames.

    Parameters
    ----------
    paths : sequence of Path
        Pictures.
    size_px : int
        Side of the views.
    most : int
        Views wanted; every so manieth of all is taken.
    """
    use, sky = DetectorUse(), round(0.08 * 255)
    found = []
    for path in paths:
        picture = condition(read_picture(path))
        tiles = plan_tiles(picture.shape[1], picture.shape[0], use.scales_px, use.overlap)
        found += [view(picture, tile, size_px, sky) for tile in tiles[:9]]
    return found[:: max(1, -(-len(found) // most))]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder of a training")
    parser.add_argument("--model", type=Path, required=True, help="converted file")
    parser.add_argument("--images", type=Path, required=True, help="folder of frames")
    parser.add_argument("--views", type=int, default=100, help="at most")
    given = parser.parse_args()
    model = LiteRtModel(given.model, input_mean=INPUT_MEAN, input_std=INPUT_STD)
    size = model.input.shape[1]
    detector = load_detector(given.checkpoint, input_size_px=size)
    pictures = frame_views(find_inputs(given.images), size, given.views)
    parity = compare(KerasDetector(detector), LiteRtDetector(model), detector.geometry, pictures)
    print(json.dumps(asdict(parity) | {"exact": parity.exact}, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
