"""Occlusion maps kept beside the crops they explain."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.errors import StoreError
from edge_runtime.occlusion.occlusion_map import OcclusionMap
from edge_runtime.sighting import BoxXyxy
from edge_runtime.store.media import media_name, media_path, write_durably
from edge_runtime.tracked_sighting import BundleIdentity

log = logging.getLogger(__name__)

_VERSION = 1
_LARGEST_BYTES = 1_000_000
_LARGEST_GRID = 128


@dataclass(frozen=True, slots=True)
class RecordedMap:
    """An occlusion map and what it is of.

    Attributes
    ----------
    found : OcclusionMap
    view_jpeg : bytes
        What the classifier saw, to look at.
    crop_sha256 : str
        Hash of the crop's file; a sighting's crop changes with its best frame.
    box_xyxy_px : tuple of float
        The sighting's box when the map was made.
    bundle : BundleIdentity
        The models that were asked.
    """

    found: OcclusionMap
    view_jpeg: bytes
    crop_sha256: str
    box_xyxy_px: BoxXyxy
    bundle: BundleIdentity


def crop_hash(content: bytes) -> str:
    """SHA-256 of a crop's file."""
    return hashlib.sha256(content).hexdigest()


def write_map(media_dir: Path, sighting_id: str, recorded: RecordedMap) -> None:
    """Keep a map beside the crop, whole or not at all.

    Raises
    ------
    StoreError
        The disk is full or not writable.
    """
    found, bundle = recorded.found, recorded.bundle
    document = {
        "version": _VERSION,
        "crop_sha256": recorded.crop_sha256,
        "box_xyxy_px": [float(edge) for edge in recorded.box_xyxy_px],
        "bundle": {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256},
        "label": found.label,
        "probability": round(found.probability, 6),
        "view_jpeg": base64.b64encode(recorded.view_jpeg).decode("ascii"),
        "drops": np.round(found.drops.astype(np.float64), 6).tolist(),
    }
    path = media_dir / media_name(sighting_id, "occlusion.json")
    try:
        write_durably(path, json.dumps(document, allow_nan=False).encode())
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error


def read_map(media_dir: Path, sighting_id: str) -> RecordedMap | None:
    """The map kept of a sighting; None where there is none, or none that can be read."""
    path = media_path(media_dir, media_name(sighting_id, "occlusion.json"))
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return _parse(json.loads(file.read(_LARGEST_BYTES)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s cannot be read (%s); the map is made anew", path, error)
        return None


def _parse(document: Any) -> RecordedMap:
    if document["version"] != _VERSION:
        raise ValueError(f"version {document['version']}")
    drops = np.array(document["drops"], dtype=np.float32)
    rows, columns = drops.shape
    if rows != columns or not 2 <= rows <= _LARGEST_GRID or not np.isfinite(drops).all():
        raise ValueError(f"a map of shape {drops.shape}")
    left, top, right, bottom = (float(edge) for edge in document["box_xyxy_px"])
    bundle = document["bundle"]
    return RecordedMap(
        OcclusionMap(str(document["label"]), float(document["probability"]), drops),
        base64.b64decode(document["view_jpeg"], validate=True),
        str(document["crop_sha256"]),
        (left, top, right, bottom),
        BundleIdentity(str(bundle["name"]), str(bundle["version"]), str(bundle["sha256"])),
    )
