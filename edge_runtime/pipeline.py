"""A frame's way from raw pixels to classified galaxies."""

from __future__ import annotations

from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.loading import Bundle
from edge_runtime.bundle.schema import ScoreFusion
from edge_runtime.classifier import Classifier
from edge_runtime.conditioning import condition
from edge_runtime.detector import Detector
from edge_runtime.frame import Frame
from edge_runtime.sighting import BoxXyxy, Detection, FrameResult


class Pipeline:
    """Conditioning, detector, classifier and veto of one bundle.

    Parameters
    ----------
    bundle : Bundle
    threads : int
        Processor cores to use.
    score_threshold : float, optional
        Least final score of a detection; the bundle's where not given.

    Notes
    -----
    `process` belongs to one thread at a time.
    """

    def __init__(
        self, bundle: Bundle, threads: int = 2, score_threshold: float | None = None
    ) -> None:
        manifest = bundle.manifest
        self.bundle = bundle
        self._conditioning = manifest.conditioning.params()
        self._threshold = manifest.score_threshold if score_threshold is None else score_threshold
        self._veto = manifest.classifier.veto_threshold
        self._fusion = manifest.classifier.score_fusion
        self._detector = Detector(bundle, threads)
        self._classifier = Classifier(bundle)

    def process(self, frame: Frame) -> FrameResult:
        """Find and classify the galaxies of a frame.

        Raises
        ------
        FrameError
            The frame holds no usable pixel.
        """
        start = perf_counter()
        picture = condition(frame, self._conditioning)
        conditioned = perf_counter()
        boxes = self._detector.detect(picture)
        detected = perf_counter()
        detections = self._classify(picture, boxes.xyxy_px, boxes.scores)
        classified = perf_counter()
        return FrameResult(
            frame=frame,
            picture=picture,
            detections=detections,
            stage_ms={
                "condition": 1e3 * (conditioned - start),
                "detect": 1e3 * (detected - conditioned),
                "classify": 1e3 * (classified - detected),
            },
        )

    def close(self) -> None:
        """Release the threads; the pipeline cannot be used afterwards."""
        self._detector.close()

    def _classify(
        self,
        picture: NDArray[np.uint8],
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
    ) -> tuple[Detection, ...]:
        detections = []
        for values, score in zip(boxes, scores, strict=True):
            # the best that the veto can do is to leave the score as it is
            if fused_score(float(score), 1.0, self._fusion) < self._threshold:
                continue
            box: BoxXyxy = (float(values[0]), float(values[1]), float(values[2]), float(values[3]))
            seen = self._classifier.classify(self._classifier.crop(picture, box))
            final = fused_score(float(score), seen.galaxy_probability, self._fusion)
            if seen.galaxy_probability < self._veto or final < self._threshold:
                continue
            detections.append(
                Detection(
                    box_xyxy_px=box,
                    score=final,
                    detector_score=float(score),
                    galaxy_probability=seen.galaxy_probability,
                    votes=seen.votes,
                    class_probabilities=seen.class_probabilities,
                )
            )
        return tuple(sorted(detections, key=lambda detection: -detection.score))


def fused_score(detector_score: float, galaxy_probability: float, fusion: ScoreFusion) -> float:
    """Final score of a detection from both networks' opinions, all 0 to 1."""
    if fusion.kind == "product":
        return detector_score * galaxy_probability
    weight = fusion.weight
    return float(detector_score ** (1.0 - weight) * galaxy_probability**weight)
