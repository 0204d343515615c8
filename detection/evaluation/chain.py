"""Ways to find galaxies in a frame that can be compared: a bundle, a bare detector, with `sep`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from edge_runtime.boxes import intersection, iou
from edge_runtime.bundle.loading import Bundle, load_bundle
from edge_runtime.bundle.schema import DetectorSpec, Manifest, describe_errors
from edge_runtime.classifier import Classifier
from edge_runtime.conditioning import condition
from edge_runtime.detector import Boxes, Detector
from edge_runtime.errors import BundleError
from edge_runtime.frame import Frame

Proposals = Callable[[NDArray[np.uint8]], Boxes]
"""Gives candidate boxes of a conditioned picture (H, W, 3), uint8, RGB."""

_SAME_IOU = 0.3
_MOSTLY_INSIDE = 0.65


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes of one frame before any threshold on the final score.

    Attributes
    ----------
    picture : ndarray, shape (H, W, 3), uint8, RGB
        Conditioned frame.
    xyxy_px : ndarray, shape (M, 4), float32
    detector_scores : ndarray, shape (M,), float32
    galaxy_probabilities : ndarray, shape (M,), float32
        From the classifier; 1 where it was not asked.
    stage_ms : dict
        ``condition``, ``detect``, ``propose``, ``classify``.
    """

    picture: NDArray[np.uint8]
    xyxy_px: NDArray[np.float32]
    detector_scores: NDArray[np.float32]
    galaxy_probabilities: NDArray[np.float32]
    stage_ms: dict[str, float]


class Chain:
    """Conditioning, detector and classifier of a bundle, every candidate kept.

    The same steps as ``edge_runtime.pipeline.Pipeline`` takes, which however
    keeps only what passes its veto and threshold.

    Parameters
    ----------
    bundle : Bundle
    threads : int
        Processor cores of the detector.
    classify : bool
        Ask the classifier whether a candidate is a galaxy.
    proposals : callable, optional
        Adds candidates; those that the detector has found too are dropped.
    """

    def __init__(
        self,
        bundle: Bundle,
        threads: int = 2,
        *,
        classify: bool = True,
        proposals: Proposals | None = None,
    ) -> None:
        self._look = bundle.manifest.conditioning.params()
        self._classifier = Classifier(bundle) if classify else None
        self._proposals = proposals
        self._detector = Detector(bundle, threads)

    def find(self, frame: Frame) -> Candidates:
        """Candidates of a frame, best detector score first.

        Raises
        ------
        FrameError
            The frame holds no usable pixel.
        """
        start = perf_counter()
        picture = condition(frame, self._look)
        conditioned = perf_counter()
        found = self._detector.detect(picture)
        detected = perf_counter()
        if self._proposals is not None:
            found = _with_proposals(found, self._proposals(picture))
        proposed = perf_counter()
        probabilities = np.ones(len(found.scores), dtype=np.float32)
        if self._classifier is not None:
            for i, (x0, y0, x1, y1) in enumerate(found.xyxy_px.tolist()):
                crop = self._classifier.crop(picture, (x0, y0, x1, y1))
                probabilities[i] = self._classifier.classify(crop).galaxy_probability
        classified = perf_counter()
        return Candidates(
            picture=picture,
            xyxy_px=found.xyxy_px,
            detector_scores=found.scores,
            galaxy_probabilities=probabilities,
            stage_ms={
                "condition": 1e3 * (conditioned - start),
                "detect": 1e3 * (detected - conditioned),
                "propose": 1e3 * (proposed - detected),
                "classify": 1e3 * (classified - proposed),
            },
        )

    def close(self) -> None:
        """Release the threads; the chain cannot be used afterwards."""
        self._detector.close()


def with_overrides(bundle: Bundle, overrides: Mapping[str, Any]) -> Bundle:
    """The bundle with keys of its manifest changed, in memory only.

    Parameters
    ----------
    bundle : Bundle
    overrides : mapping
        Nested as in ``bundle.json``, for example
        ``{"detector": {"tiling": {"scales": [0, 640]}}}``; other keys stay.

    Raises
    ------
    BundleError
        A key or value is not one of a manifest.
    """
    if not overrides:
        return bundle
    content = _merged(bundle.manifest.model_dump(), overrides)
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        raise BundleError(f"{bundle.path}: changed manifest: {describe_errors(error)}") from error
    return replace(bundle, manifest=manifest)


def bundle_around(detector: Path, spec: DetectorSpec, *, like: Bundle | None = None) -> Bundle:
    """A bundle in memory around a detector file, to evaluate it before one is built.

    Parameters
    ----------
    detector : Path
        TensorFlow Lite file.
    spec : DetectorSpec
        Its geometry, anchors and thresholds; the name of the file in it does
        not matter.
    like : Bundle, optional
        Gives conditioning, classifier and score fusion; the shipped bundle
        where not given.

    Raises
    ------
    BundleError
        The file cannot be read.
    """
    base = load_bundle() if like is None else like
    try:
        model = detector.read_bytes()
    except OSError as error:
        raise BundleError(f"{detector}: cannot be read ({error.strerror})") from error
    changed = spec.model_copy(update={"file": base.manifest.detector.file})
    return replace(
        base,
        path=detector,
        manifest=base.manifest.model_copy(update={"detector": changed, "name": "bare"}),
        contents=MappingProxyType({**base.contents, changed.file: model}),
    )


def _with_proposals(found: Boxes, proposed: Boxes) -> Boxes:
    """Detections and the proposals that lie on none of them, best score first."""
    if len(proposed.scores) == 0:
        return found
    new = np.ones(len(proposed.scores), dtype=bool)
    if len(found.scores):
        shared = intersection(proposed.xyxy_px, found.xyxy_px)
        own = np.prod(proposed.xyxy_px[:, 2:] - proposed.xyxy_px[:, :2], axis=1)
        inside = (shared / np.maximum(own, 1e-6)[:, None]).max(axis=1) > _MOSTLY_INSIDE
        new = ~inside & (iou(proposed.xyxy_px, found.xyxy_px).max(axis=1) <= _SAME_IOU)
    boxes = np.concatenate([found.xyxy_px, proposed.xyxy_px[new]])
    scores = np.concatenate([found.scores, proposed.scores[new]])
    order = np.argsort(-scores, kind="stable")
    return Boxes(boxes[order], scores[order])


def _merged(content: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(content)
    for key, value in overrides.items():
        old = merged.get(key)
        nested = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(old, value) if nested else value  # type: ignore[arg-type]
    return merged
