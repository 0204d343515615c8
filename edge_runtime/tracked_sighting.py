"""What tracking hands to the store: a sighting and what is new about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from edge_runtime.sighting import Detection, Sighting


@dataclass(frozen=True, slots=True)
class BundleIdentity:
    """The models that made a record.

    Attributes
    ----------
    name, version : str
        As in ``bundle.json``.
    sha256 : str
        Hash of the bundle, 64 hexadecimal digits.
    """

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class DetectionRecord:
    """One detection that belongs to a sighting, and the frame it came from.

    Attributes
    ----------
    time : datetime
        UTC mid-exposure time of the frame.
    camera, frame_name : str
        Source and name of the frame.
    frame_sequence : int
        Number of the frame within its source.
    detection : Detection
        What the networks said.
    ra_deg, dec_deg : float or None
        Position of the box centre where the frame knows where it points.
    """

    time: datetime
    camera: str
    frame_name: str
    frame_sequence: int
    detection: Detection
    ra_deg: float | None
    dec_deg: float | None


@dataclass(frozen=True, slots=True)
class TrackedSighting:
    """A sighting as it stands now, with what was added since the last report.

    Attributes
    ----------
    sighting : Sighting
        The galaxy with everything known so far.
    detections : tuple of DetectionRecord
        Detections not reported before: one for a later frame, all those that
        led to the confirmation for a new sighting.
    score_sum : float
        Sum of the scores behind the weighted means; with it a later session
        continues the means exactly.
    size_arcsec : float or None
        Side of the box (geometric mean) in the best frame, on the sky.
    crop : ndarray, shape (S, S, 3), uint8, RGB, or None
        The galaxy in its best frame; None where the best frame has not changed
        since the last report.
    annotated : ndarray, shape (H, W, 3), uint8, RGB, or None
        The best frame with the boxes drawn in; None as for ``crop``.
    """

    sighting: Sighting
    detections: tuple[DetectionRecord, ...]
    score_sum: float
    size_arcsec: float | None
    crop: NDArray[np.uint8] | None
    annotated: NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True)
class KnownSighting:
    """A sighting of an earlier session that tracking may continue.

    Attributes
    ----------
    sighting : Sighting
        With a position on the sky; one without is never continued.
    score_sum, size_arcsec
        As in ``TrackedSighting``.
    """

    sighting: Sighting
    score_sum: float
    size_arcsec: float | None


@dataclass(frozen=True, slots=True)
class TrackerUpdate:
    """What one frame changed.

    Attributes
    ----------
    confirmed : tuple of TrackedSighting
        Galaxies that became sightings with this frame.
    updated : tuple of TrackedSighting
        Sightings that were known before and seen again in this frame.
    closed : tuple of str
        Identifiers of sightings that are no longer followed.
    """

    confirmed: tuple[TrackedSighting, ...] = ()
    updated: tuple[TrackedSighting, ...] = ()
    closed: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[TrackedSighting, ...]:
        """Everything the store should record, new sightings first."""
        return self.confirmed + self.updated
