"""What the store gives back."""

from __future__ import annotations

from dataclasses import dataclass

from edge_runtime.sighting import Sighting
from edge_runtime.tracked_sighting import DetectionRecord


@dataclass(frozen=True, slots=True)
class StoredSighting:
    """A sighting as recorded.

    Attributes
    ----------
    sighting : Sighting
        Equal to the one recorded, to the last bit.
    score_sum, size_arcsec
        As in ``TrackedSighting``.
    crop_file, annotated_file : str or None
        Pictures, relative to the media folder, with ``/`` between folders.
    """

    sighting: Sighting
    score_sum: float
    size_arcsec: float | None
    crop_file: str | None
    annotated_file: str | None


@dataclass(frozen=True, slots=True)
class StoredDetection:
    """A detection as recorded.

    Attributes
    ----------
    sighting_id : str
    record : DetectionRecord
        Equal to the one recorded.
    bundle_version, bundle_sha256 : str
        The models that made it.
    """

    sighting_id: str
    record: DetectionRecord
    bundle_version: str
    bundle_sha256: str


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """Number of rows of each table."""

    bundles: int
    sightings: int
    detections: int
