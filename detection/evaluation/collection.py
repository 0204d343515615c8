"""All detections of a bundle over a set of frames, made once for every figure.

The detector's score and the classifier's veto are kept apart, so figures with
other thresholds, another fusion or no veto need no second look at the frames.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.evaluation.chain import Candidates, Chain, Proposals
from detection.evaluation.strata import surface_brightness_sigma
from edge_runtime.bundle.loading import Bundle
from edge_runtime.bundle.schema import Manifest, ScoreFusion
from edge_runtime.errors import FrameError, GalaxyEdgeError
from edge_runtime.evaluation.coco import AnnotatedPicture
from edge_runtime.evaluation.matching import ScoredPicture
from edge_runtime.pictures import read_picture
from edge_runtime.pipeline import fused_score

_log = logging.getLogger(__name__)

LEAST_SCORE = 0.01
"""Final scores below this are dropped, as ``galaxy-edge evaluate detector`` does."""


@dataclass(frozen=True, slots=True)
class ScoringRule:
    """How detector score and galaxy probability make a detection.

    Attributes
    ----------
    fusion : ScoreFusion or None
        None: the detector's score alone.
    veto_threshold : float
        Least galaxy probability.
    score_threshold : float
        Least final score: the threshold in force.
    """

    fusion: ScoreFusion | None
    veto_threshold: float
    score_threshold: float

    @classmethod
    def of(cls, manifest: Manifest) -> ScoringRule:
        """The rule of a bundle."""
        classifier = manifest.classifier
        return cls(classifier.score_fusion, classifier.veto_threshold, manifest.score_threshold)

    @classmethod
    def detector_only(cls, score_threshold: float) -> ScoringRule:
        """Neither veto nor fusion."""
        return cls(None, 0.0, score_threshold)


@dataclass(frozen=True, slots=True)
class CollectedPicture:
    """A picture, its galaxies, and every candidate the chain saw in it.

    Attributes
    ----------
    path : Path
    width_px, height_px : int
    boxes_xyxy_px : ndarray, shape (N, 4), float32
        Galaxies.
    difficult : ndarray, shape (N,), bool
    brightness_sigma : ndarray, shape (N,), float64
        Surface brightness in deviations of the sky, see ``strata``.
    found_xyxy_px : ndarray, shape (M, 4), float32
    detector_scores, galaxy_probabilities : ndarray, shape (M,), float32
    stage_ms : dict
        Time of each stage, every candidate classified.
    """

    path: Path
    width_px: int
    height_px: int
    boxes_xyxy_px: NDArray[np.float32]
    difficult: NDArray[np.bool_]
    brightness_sigma: NDArray[np.float64]
    found_xyxy_px: NDArray[np.float32]
    detector_scores: NDArray[np.float32]
    galaxy_probabilities: NDArray[np.float32]
    stage_ms: dict[str, float]

    @property
    def empty(self) -> bool:
        """Whether no galaxy at all is marked."""
        return len(self.boxes_xyxy_px) == 0

    def scored(self, rule: ScoringRule) -> ScoredPicture:
        """Truth and final detections above ``LEAST_SCORE``, best first."""
        scores = np.array(
            [
                float(d) if rule.fusion is None else fused_score(float(d), float(g), rule.fusion)
                for d, g in zip(self.detector_scores, self.galaxy_probabilities, strict=True)
            ],
            dtype=np.float64,
        )
        keep = (self.galaxy_probabilities >= rule.veto_threshold) & (
            scores >= min(LEAST_SCORE, rule.score_threshold)
        )
        order = np.flatnonzero(keep)[np.argsort(-scores[keep], kind="stable")]
        return ScoredPicture(
            self.boxes_xyxy_px,
            self.difficult,
            self.found_xyxy_px[order],
            scores[order].astype(np.float32),
        )


@dataclass(frozen=True, slots=True)
class Collection:
    """What a bundle sees in a set of pictures.

    Attributes
    ----------
    name : str
        Of the bundle, with version and hash.
    rule : ScoringRule
        The bundle's own.
    manifest : Manifest
        The bundle's, with any changes it was run with.
    pictures : tuple of CollectedPicture
    unreadable : tuple of str
        Names of the pictures that could not be read.
    """

    name: str
    rule: ScoringRule
    manifest: Manifest
    pictures: tuple[CollectedPicture, ...]
    unreadable: tuple[str, ...]

    @property
    def with_galaxies(self) -> tuple[CollectedPicture, ...]:
        """Pictures with at least one box."""
        return tuple(picture for picture in self.pictures if not picture.empty)

    @property
    def without_galaxies(self) -> tuple[CollectedPicture, ...]:
        """Pictures without any box."""
        return tuple(picture for picture in self.pictures if picture.empty)

    def galaxy_frames(self, rule: ScoringRule | None = None) -> list[ScoredPicture]:
        """Scored pictures with galaxies, by the bundle's rule or another."""
        return [picture.scored(rule or self.rule) for picture in self.with_galaxies]

    def empty_frames(self, rule: ScoringRule | None = None) -> list[ScoredPicture]:
        """Scored pictures without a galaxy, by the bundle's rule or another."""
        return [picture.scored(rule or self.rule) for picture in self.without_galaxies]

    def at_threshold(self, score_threshold: float) -> Collection:
        """The same with another threshold in force."""
        return replace(self, rule=replace(self.rule, score_threshold=score_threshold))


def empty_pictures(paths: Sequence[Path]) -> list[AnnotatedPicture]:
    """Pictures without a galaxy, to be collected with annotated ones."""
    nothing = np.zeros((0, 4), dtype=np.float32)
    return [AnnotatedPicture(path, nothing, np.zeros(0, dtype=bool)) for path in paths]


def collect(
    bundle: Bundle,
    pictures: Sequence[AnnotatedPicture],
    *,
    classify: bool = True,
    proposals: Proposals | None = None,
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Collection:
    """Run a bundle over pictures and keep everything it sees.

    The detector's own floor (``detector.score_threshold``) applies; to collect
    weaker candidates give a bundle ``with_overrides``.

    Parameters
    ----------
    bundle : Bundle
    pictures : sequence of AnnotatedPicture
        From ``read_coco`` and ``empty_pictures``.
    classify : bool
        False leaves the classifier out; all galaxy probabilities are then 1
        and the rule is the detector's score alone.
    proposals : callable, optional
        Adds candidates, see ``Chain``.
    threads : int
    progress : callable, optional
        Called with the number of pictures done and their total.

    Raises
    ------
    GalaxyEdgeError
        No picture is readable. Single unreadable ones are listed.
    """
    collected: list[CollectedPicture] = []
    unreadable: list[str] = []
    chain = Chain(bundle, threads, classify=classify, proposals=proposals)
    sky_level = bundle.manifest.conditioning.sky_level
    try:
        for done, picture in enumerate(pictures, start=1):
            try:
                seen = chain.find(read_picture(picture.path))
            except FrameError as error:
                _log.warning("%s", error)
                unreadable.append(picture.path.name)
            else:
                collected.append(_collected(picture, seen, sky_level))
            if progress is not None:
                progress(done, len(pictures))
    finally:
        chain.close()
    if not collected:
        raise GalaxyEdgeError(f"none of {len(pictures)} pictures is readable")
    manifest = bundle.manifest
    rule = ScoringRule.of(manifest)
    return Collection(
        name=f"{bundle.name} {bundle.version} {bundle.sha256[:12]}",
        rule=rule if classify else ScoringRule.detector_only(rule.score_threshold),
        manifest=manifest,
        pictures=tuple(collected),
        unreadable=tuple(unreadable),
    )


def _collected(picture: AnnotatedPicture, seen: Candidates, sky_level: float) -> CollectedPicture:
    height, width = seen.picture.shape[:2]
    boxes = picture.boxes_xyxy_px
    return CollectedPicture(
        path=picture.path,
        width_px=width,
        height_px=height,
        boxes_xyxy_px=boxes,
        difficult=picture.difficult,
        brightness_sigma=surface_brightness_sigma(seen.picture, boxes, sky_level),
        found_xyxy_px=seen.xyxy_px,
        detector_scores=seen.detector_scores,
        galaxy_probabilities=seen.galaxy_probabilities,
        stage_ms=seen.stage_ms,
    )
