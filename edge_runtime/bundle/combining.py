"""A new detector together with the classifier of an existing bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edge_runtime.bundle.building import (
    CLASSIFIER_NAME,
    DETECTOR_NAME,
    assemble_bundle,
)
from edge_runtime.bundle.loading import Bundle
from edge_runtime.bundle.measured import build_measured, selftest_frames_of
from edge_runtime.errors import BundleError


@dataclass(frozen=True, slots=True)
class NewDetector:
    """A detector's file and what was written beside it when it was exported.

    Attributes
    ----------
    model : bytes
        Content of the ``.tflite`` file.
    spec : dict
        Part ``detector`` of ``bundle.json``.
    provenance : dict
        Keys of the part ``provenance``; may be empty.
    """

    model: bytes
    spec: dict[str, Any]
    provenance: dict[str, Any]


def read_new_detector(model_path: Path, description_path: Path | None = None) -> NewDetector:
    """Read an exported detector.

    Parameters
    ----------
    model_path : Path
        The ``.tflite`` file.
    description_path : Path, optional
        JSON with the keys ``detector`` and ``provenance``; left out, the file
        of the same name with ``.json``.

    Raises
    ------
    BundleError
        A file is missing or damaged.
    """
    path = description_path or model_path.with_suffix(".json")
    try:
        model = model_path.read_bytes()
    except OSError as error:
        raise BundleError(f"{model_path}: cannot read the model ({error.strerror})") from error
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be read ({error.strerror}); 'galaxy-edge quantise detector' writes it "
            "beside the detector, name another with --description"
        ) from error
    except ValueError as error:
        raise BundleError(f"{path}: not valid JSON ({str(error)[:200]})") from error
    if not isinstance(content, dict) or not isinstance(content.get("detector"), dict):
        raise BundleError(f"{path}: no description of a detector (key 'detector' is missing)")
    provenance = content.get("provenance", {})
    if not isinstance(provenance, dict):
        raise BundleError(f"{path}: 'provenance' is no object with keys")
    return NewDetector(model, content["detector"], provenance)


def combined_manifest(
    detector: NewDetector,
    classifier_from: Bundle,
    *,
    name: str,
    version: str,
    created: datetime,
    score_threshold: float | None = None,
) -> dict[str, Any]:
    """Manifest of a new detector with another bundle's classifier.

    What was measured with the other detector (metrics, latencies, self-test)
    is left out.

    Parameters
    ----------
    detector : NewDetector
    classifier_from : Bundle
    name, version : str
    created : datetime
        In UTC.
    score_threshold : float, optional
        The other bundle's where not given; that one was chosen for another
        detector.
    """
    old = classifier_from.manifest
    provenance = old.provenance.model_dump() | detector.provenance
    origin = f"{old.name} {old.version} ({classifier_from.sha256[:12]})"
    provenance["data"] = f"detector: {provenance['data']}; classifier: as in bundle {origin}"
    return {
        "name": name,
        "version": version,
        "created": created,
        "conditioning": old.conditioning.model_dump(),
        "detector": detector.spec,
        "classifier": old.classifier.model_dump(),
        "score_threshold": old.score_threshold if score_threshold is None else score_threshold,
        "provenance": provenance,
    }


def combine(
    detector: NewDetector,
    classifier_from: Bundle,
    manifest: Mapping[str, Any],
) -> Bundle:
    """Bundle in memory of a new detector with another bundle's classifier.

    Parameters
    ----------
    detector : NewDetector
    classifier_from : Bundle
    manifest : mapping
        As `combined_manifest` gives it.

    Raises
    ------
    BundleError
        A key is wrong or the detector does not fit its geometry.
    """
    models = _models(detector, classifier_from)
    return assemble_bundle(Path(str(manifest["name"])), models, manifest)


def build_combined(
    output_dir: Path,
    detector: NewDetector,
    classifier_from: Bundle,
    manifest: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> Path:
    """Write a bundle of a new detector with another bundle's classifier.

    The self-test frames are the other bundle's; what this one finds in them,
    and how fast it is here, is recorded anew. ``overwrite`` replaces a bundle
    that is there.

    Raises
    ------
    BundleError
        A key is wrong, the detector does not fit its geometry, or the folder
        exists.
    """
    models = _models(detector, classifier_from)
    frames = selftest_frames_of(classifier_from)
    return build_measured(output_dir, models, manifest, frames, overwrite=overwrite)


def _models(detector: NewDetector, classifier_from: Bundle) -> dict[str, bytes]:
    classifier = classifier_from.read(classifier_from.manifest.classifier.file)
    return {DETECTOR_NAME: detector.model, CLASSIFIER_NAME: classifier}
