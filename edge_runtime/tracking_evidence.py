"""What has been gathered about one galaxy: running means and the best view."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from edge_runtime.annotate import draw_detections
from edge_runtime.preview import fit_within, square_crop
from edge_runtime.sighting import BoxXyxy, Detection, FrameResult, Sighting
from edge_runtime.sky_coordinates import TangentPlane
from edge_runtime.track_association import centre, side
from edge_runtime.tracked_sighting import (
    BundleIdentity,
    DetectionRecord,
    KnownSighting,
    TrackedSighting,
)

LEAST_WEIGHT = 1e-6
ANNOTATED_SIDE_PX = 1600

SkyPosition = tuple[float, float]


@dataclass(slots=True)
class BestView:
    """The frame in which a galaxy scored best.

    Attributes
    ----------
    score : float
    box_xyxy_px : tuple of float
    sky : tuple of float or None
        RA and Dec in degrees of the box centre.
    size_arcsec : float or None
        Side of the box on the sky.
    picture : ndarray or None
        The conditioned frame until it has been reported.
    detections : tuple of Detection
        Everything found in that frame.
    """

    score: float
    box_xyxy_px: BoxXyxy
    sky: SkyPosition | None
    size_arcsec: float | None
    picture: NDArray[np.uint8] | None = None
    detections: tuple[Detection, ...] = ()


class AnnotatedFrames:
    """Draws the boxes into a frame once, however many galaxies it was the best of."""

    def __init__(self) -> None:
        self._of: NDArray[np.uint8] | None = None
        self._drawn: NDArray[np.uint8] | None = None

    def draw(
        self, picture: NDArray[np.uint8], detections: tuple[Detection, ...]
    ) -> NDArray[np.uint8]:
        """Return the frame with its boxes, shrunk to ``ANNOTATED_SIDE_PX``; not to be changed."""
        if self._drawn is None or self._of is not picture:
            self._drawn = fit_within(draw_detections(picture, detections), ANNOTATED_SIDE_PX)
            self._of = picture
        return self._drawn

    def forget(self) -> None:
        """Let go of the pictures."""
        self._of = self._drawn = None


@dataclass(slots=True)
class Evidence:
    """Running sums over the detections of one galaxy.

    The means are weighted with the score; votes stay consistent with the
    decision tree because its sums are linear.
    """

    camera: str
    target: str
    first_seen: datetime
    last_seen: datetime
    best: BestView
    frames: int = 0
    score_sum: float = 0.0
    galaxy_sum: float = 0.0
    votes_sum: NDArray[np.float64] = field(default_factory=lambda: np.zeros(37))
    classes_sum: NDArray[np.float64] = field(default_factory=lambda: np.zeros(5))
    unreported: list[DetectionRecord] = field(default_factory=list)

    @classmethod
    def start(
        cls, result: FrameResult, detection: Detection, plane: TangentPlane | None
    ) -> Evidence:
        """Begin with a first detection."""
        frame = result.frame
        nothing = BestView(-1.0, detection.box_xyxy_px, None, None)
        evidence = cls(frame.camera, frame.name, frame.time, frame.time, nothing)
        evidence.add(result, detection, plane)
        return evidence

    @classmethod
    def resume(cls, known: KnownSighting) -> Evidence:
        """Go on with a sighting of an earlier session."""
        old = known.sighting
        weight = max(known.score_sum, LEAST_WEIGHT)
        sky = None if old.ra_deg is None or old.dec_deg is None else (old.ra_deg, old.dec_deg)
        return cls(
            camera=old.camera,
            target=old.target,
            first_seen=old.first_seen,
            last_seen=old.last_seen,
            best=BestView(old.score, old.box_xyxy_px, sky, known.size_arcsec),
            frames=old.frames,
            score_sum=weight,
            galaxy_sum=old.galaxy_probability * weight,
            votes_sum=old.votes.astype(np.float64) * weight,
            classes_sum=old.class_probabilities.astype(np.float64) * weight,
        )

    def add(self, result: FrameResult, detection: Detection, plane: TangentPlane | None) -> None:
        """Take in one more detection."""
        frame, box = result.frame, detection.box_xyxy_px
        weight = max(float(detection.score), LEAST_WEIGHT)
        self.frames += 1
        self.score_sum += weight
        self.galaxy_sum += weight * detection.galaxy_probability
        self.votes_sum = self.votes_sum + weight * detection.votes
        self.classes_sum = self.classes_sum + weight * detection.class_probabilities
        self.first_seen = min(self.first_seen, frame.time)
        self.last_seen = max(self.last_seen, frame.time)
        sky = None if plane is None else plane.sky(*centre(box))
        if detection.score > self.best.score:
            size = None if plane is None else side(box) * plane.pixel_scale_arcsec
            # A view without a position does not forget where the galaxy is.
            self.best = BestView(
                score=float(detection.score),
                box_xyxy_px=box,
                sky=sky or self.best.sky,
                size_arcsec=size or self.best.size_arcsec,
                picture=result.picture,
                detections=result.detections,
            )
        elif self.best.sky is None and plane is not None:
            self.best.sky = sky
            self.best.size_arcsec = side(box) * plane.pixel_scale_arcsec
        ra, dec = (None, None) if sky is None else sky
        self.unreported.append(
            DetectionRecord(
                time=frame.time,
                camera=frame.camera,
                frame_name=frame.name,
                frame_sequence=frame.sequence,
                detection=detection,
                ra_deg=ra,
                dec_deg=dec,
            )
        )

    def absorb(self, other: Evidence) -> None:
        """Take over the sums and the better view of another track of the same galaxy."""
        self.frames += other.frames
        self.score_sum += other.score_sum
        self.galaxy_sum += other.galaxy_sum
        self.votes_sum = self.votes_sum + other.votes_sum
        self.classes_sum = self.classes_sum + other.classes_sum
        self.first_seen = min(self.first_seen, other.first_seen)
        self.last_seen = max(self.last_seen, other.last_seen)
        if other.best.score > self.best.score:
            other.best.sky = other.best.sky or self.best.sky
            other.best.size_arcsec = other.best.size_arcsec or self.best.size_arcsec
            self.best = other.best
        self.unreported.extend(other.unreported)

    def report(
        self, identifier: str, bundle: BundleIdentity, frames: AnnotatedFrames
    ) -> TrackedSighting:
        """Return the sighting as it stands and what was not reported before.

        The pictures are made here, once for each improvement of the best score.
        """
        crop = annotated = None
        if self.best.picture is not None:
            crop = square_crop(self.best.picture, self.best.box_xyxy_px)
            annotated = frames.draw(self.best.picture, self.best.detections)
            self.best.picture, self.best.detections = None, ()
        detections = tuple(self.unreported)
        self.unreported.clear()
        ra, dec = (None, None) if self.best.sky is None else self.best.sky
        sighting = Sighting(
            id=identifier,
            camera=self.camera,
            target=self.target,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            frames=self.frames,
            box_xyxy_px=self.best.box_xyxy_px,
            score=self.best.score,
            galaxy_probability=float(self.galaxy_sum / self.score_sum),
            votes=(self.votes_sum / self.score_sum).astype(np.float32),
            class_probabilities=(self.classes_sum / self.score_sum).astype(np.float32),
            ra_deg=ra,
            dec_deg=dec,
            bundle_name=bundle.name,
            bundle_version=bundle.version,
            bundle_sha256=bundle.sha256,
        )
        size = self.best.size_arcsec
        return TrackedSighting(sighting, detections, self.score_sum, size, crop, annotated)
