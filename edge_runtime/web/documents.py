"""What the JSON interface says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime import __version__
from edge_runtime.decision_tree import VOTE_COLUMNS
from edge_runtime.sighting import CLASS5
from edge_runtime.store import StoredDetection, StoredSighting
from edge_runtime.web.state import DashboardState


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _named(names: tuple[str, ...], values: NDArray[np.float32]) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in zip(names, values, strict=True)}


def health_document(state: DashboardState) -> dict[str, Any]:
    """Health of the daemon."""
    health, time, bundle = state.health, state.frame_time, state.health.bundle
    return {
        "version": __version__,
        "frames": health.frames,
        "faults": health.faults,
        "frames_per_second": round(health.frames_per_second, 3),
        "frame_number": state.number,
        "frame_time": None if time is None else _time(time),
        "camera": {
            "name": health.camera,
            "state": health.camera_state,
            "ok": health.camera_ok,
        },
        "bundle": None
        if bundle is None
        else {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256},
        "store": {"ok": health.store_ok, "pending": health.pending},
        "stage_ms": {name: round(value, 3) for name, value in health.stage_ms.items()},
        "last_error": health.last_error,
    }


def sighting_document(
    item: StoredSighting, detections: Iterable[StoredDetection] | None = None
) -> dict[str, Any]:
    """One sighting, with its detections where they are given."""
    sighting = item.sighting
    document: dict[str, Any] = {
        "id": sighting.id,
        "url": f"/sightings/{sighting.id}",
        "label": sighting.label,
        "camera": sighting.camera,
        "target": sighting.target,
        "first_seen": _time(sighting.first_seen),
        "last_seen": _time(sighting.last_seen),
        "frames": sighting.frames,
        "box_xyxy_px": list(sighting.box_xyxy_px),
        "score": sighting.score,
        "galaxy_probability": sighting.galaxy_probability,
        "class_probabilities": _named(CLASS5, sighting.class_probabilities),
        "votes": _named(VOTE_COLUMNS, sighting.votes),
        "ra_deg": sighting.ra_deg,
        "dec_deg": sighting.dec_deg,
        "size_arcsec": item.size_arcsec,
        "bundle": {
            "name": sighting.bundle_name,
            "version": sighting.bundle_version,
            "sha256": sighting.bundle_sha256,
        },
        "crop": None if item.crop_file is None else f"/media/{item.crop_file}",
        "annotated": None if item.annotated_file is None else f"/media/{item.annotated_file}",
    }
    if detections is not None:
        document["detections"] = [_detection_document(found) for found in detections]
    return document


def _detection_document(found: StoredDetection) -> dict[str, Any]:
    record = found.record
    return {
        "time": _time(record.time),
        "camera": record.camera,
        "frame_name": record.frame_name,
        "frame_sequence": record.frame_sequence,
        "box_xyxy_px": list(record.detection.box_xyxy_px),
        "score": record.detection.score,
        "label": record.detection.label,
        "ra_deg": record.ra_deg,
        "dec_deg": record.dec_deg,
        "bundle_version": found.bundle_version,
        "bundle_sha256": found.bundle_sha256,
    }
