"""A complete bundle of a few kilobytes that finds bright squares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tiny_models
from numpy.typing import NDArray

from edge_runtime.bundle.building import build_bundle

SELFTEST_FRAME = "selftest/square.png"
# The 20 px anchor of the cell that the square of ``square_picture`` fills.
SQUARE_BOX = (18.0, 18.0, 38.0, 38.0)


def square_picture() -> NDArray[np.uint8]:
    """64 x 64 px: one red square of 16 px, aligned with a window of the detector."""
    picture = np.full((64, 64, 3), 20, np.uint8)
    picture[20:36, 20:36] = (250, 200, 150)
    return picture


def encode_png(picture: NDArray[Any]) -> bytes:
    done, encoded = cv2.imencode(".png", picture[:, :, ::-1] if picture.ndim == 3 else picture)
    assert done
    return encoded.tobytes()


def tiny_manifest(**changes: Any) -> dict[str, Any]:
    """Manifest of the tiny bundle, as given to ``build_bundle``."""
    manifest: dict[str, Any] = {
        "name": "tiny",
        "version": "1.2.3",
        "created": "2025-01-02T03:04:05Z",
        "detector": {
            "format": "retinanet_raw",
            "input_size_px": tiny_models.DETECTOR_SIZE_PX,
            "input_mean": tiny_models.MEAN,
            "input_std": tiny_models.STD,
            "score_threshold": 0.5,
            "anchors": {
                "min_level": tiny_models.MIN_LEVEL,
                "max_level": tiny_models.MAX_LEVEL,
                "num_scales": 1,
                "aspect_ratios": [1.0],
                "anchor_size": tiny_models.ANCHOR_SIZE,
            },
            "nms_iou": 0.3,
            "max_detections": 20,
            "tiling": {"scales": [0], "overlap": 0.25},
        },
        "classifier": {
            "input_size_px": tiny_models.CLASSIFIER_SIZE_PX,
            "input_mean": tiny_models.MEAN,
            "input_std": tiny_models.STD,
            "crop_multiple": 1.5,
            "outputs": {"votes": "votes", "classes": "classes", "galaxy": "galaxy"},
            "veto_threshold": 0.1,
            "score_fusion": {"kind": "geometric", "weight": 0.5},
        },
        "score_threshold": 0.5,
        "metrics": {"int8": {"recall_iou30": 0.8, "per_class": {"spiral": 0.9}}},
        "provenance": {"data": "none", "licence": "Apache-2.0", "seeds": [1]},
    }
    return manifest | changes


def make_tiny_bundle(
    folder: Path,
    *,
    model: bytes | None = None,
    selftest: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> Path:
    """Write the tiny bundle into ``folder`` and return it.

    ``model`` replaces the detector's file, ``selftest`` the expectations about
    ``SELFTEST_FRAME`` (none unless given), ``changes`` keys of the manifest.
    """
    parts = folder.parent / f"{folder.name}-parts"
    parts.mkdir(parents=True, exist_ok=True)
    detector_path, classifier_path = parts / "detector.tflite", parts / "classifier.tflite"
    detector_path.write_bytes(model or tiny_models.retinanet_detector())
    classifier_path.write_bytes(tiny_models.classifier())
    return build_bundle(
        folder,
        detector_path=detector_path,
        classifier_path=classifier_path,
        manifest=tiny_manifest(selftest=selftest or [], **changes),
        selftest_frames={SELFTEST_FRAME: encode_png(square_picture())},
        model_card="# Tiny\n",
    )


def make_tiny_postprocess_bundle(folder: Path) -> Path:
    """Write a bundle whose detector ends in ``TFLite_Detection_PostProcess``."""
    detector = dict(tiny_manifest()["detector"])
    del detector["anchors"]
    detector["format"] = "tflite_detection_postprocess"
    return make_tiny_bundle(folder, model=tiny_models.postprocess_detector(), detector=detector)
