"""Detections of a trained network on held-out pictures, in float32."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from annotations.formats.dataset import LabelledPicture
from detection.crossval.views import fitted
from edge_runtime.anchors import anchor_boxes, decode_boxes
from edge_runtime.boxes import clip, non_maximum_suppression, vote
from edge_runtime.evaluation.matching import ScoredPicture

if TYPE_CHECKING:
    from detection.trained_detector import TrainedDetector

_BATCH = 16
_LOWEST_SCORE = 0.01
_CANDIDATES = 400
_NMS_IOU = 0.5
_MOST_DETECTIONS = 100


def score_pictures(
    detector: TrainedDetector, pictures: Sequence[LabelledPicture]
) -> list[ScoredPicture]:
    """Detect galaxies with the network as it was trained, tf_keras in float32.

    Boxes are decoded as at the edge: those with a score below 0.01 are left out,
    and those that overlap a better one by more than half only have a vote in
    where it lies.

    Parameters
    ----------
    detector : TrainedDetector
    pictures : sequence of LabelledPicture

    Returns
    -------
    list of ScoredPicture
        In pixels of the pictures, at most 100 detections each.
    """
    import tensorflow as tf

    from detection.trained_detector import normalised, raw_outputs

    size = detector.geometry.input_size_px
    anchors = anchor_boxes(detector.geometry.anchors, size)

    @tf.function(input_signature=[tf.TensorSpec([_BATCH, size, size, 3], tf.float32)])  # type: ignore[untyped-decorator]
    def outputs(batch: tf.Tensor) -> dict[str, tf.Tensor]:
        return raw_outputs(detector, batch)

    scored = []
    for start in range(0, len(pictures), _BATCH):
        chosen = pictures[start : start + _BATCH]
        batch = np.zeros((_BATCH, size, size, 3), dtype=np.float32)
        scales = []
        for place, picture in enumerate(chosen):
            pixels, scale = fitted(picture, size)
            height, width = pixels.shape[:2]
            batch[place, :height, :width] = normalised(pixels)  # padded as in training
            scales.append(scale)
        raw = outputs(tf.constant(batch))
        logits, offsets = raw["scores"].numpy()[:, :, 0], raw["boxes"].numpy()
        scored += [
            _scored(picture, logits[place], offsets[place], anchors, scales[place])
            for place, picture in enumerate(chosen)
        ]
    return scored


def _scored(
    picture: LabelledPicture,
    logits: NDArray[np.float32],
    offsets: NDArray[np.float32],
    anchors: NDArray[np.float32],
    scale: float,
) -> ScoredPicture:
    scores = 1.0 / (1.0 + np.exp(-np.clip(logits.astype(np.float64), -40, 40)))
    best = np.argsort(-scores, kind="stable")[:_CANDIDATES]
    best = best[scores[best] >= _LOWEST_SCORE]
    boxes = decode_boxes(offsets[best], anchors[best]) / np.float32(scale)
    boxes = clip(boxes, picture.width_px, picture.height_px)
    chosen = scores[best].astype(np.float32)
    kept = non_maximum_suppression(boxes, chosen, _NMS_IOU)[:_MOST_DETECTIONS]
    return scored_picture(picture, vote(boxes, chosen, kept, _NMS_IOU), chosen[kept])


def scored_picture(
    picture: LabelledPicture, found_xyxy_px: NDArray[np.float32], scores: NDArray[np.float32]
) -> ScoredPicture:
    """Detections with the truth of their picture."""
    truth = np.array([box.xyxy_px for box in picture.boxes], dtype=np.float32).reshape(-1, 4)
    difficult = np.array([box.difficult or box.crowd for box in picture.boxes], dtype=bool)
    return ScoredPicture(truth, difficult, found_xyxy_px, scores)


def save_detections(scored: Sequence[ScoredPicture], path: Path) -> None:
    """Write the detections of pictures in order to an ``.npz`` file."""
    counts = np.array([len(picture.scores) for picture in scored], dtype=np.int64)
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *[p.found_xyxy_px for p in scored]])
    scores = np.concatenate([np.zeros(0, np.float32), *[p.scores for p in scored]])
    np.savez_compressed(path, counts=counts, boxes_xyxy_px=boxes, scores=scores)


def load_detections(pictures: Sequence[LabelledPicture], path: Path) -> list[ScoredPicture]:
    """Read what `save_detections` wrote, with the truth of the pictures."""
    with np.load(path) as content:
        ends = np.cumsum(content["counts"])[:-1]
        boxes = np.split(content["boxes_xyxy_px"], ends)
        scores = np.split(content["scores"], ends)
    return [
        scored_picture(picture, found, score)
        for picture, found, score in zip(pictures, boxes, scores, strict=True)
    ]
