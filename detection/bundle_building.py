"""What a bundle says about a newly trained detector."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotations.formats.outputs import new_file
from detection.geometry import INPUT_MEAN, INPUT_STD, DetectorGeometry, read_geometry


@dataclass(frozen=True, slots=True)
class DetectorUse:
    """How the edge is to use a detector; none of it depends on the training.

    Attributes
    ----------
    score_threshold : float
        Least score of a box that goes on to merging and veto.
    nms_iou : float
        Overlap above which the lower-scoring box goes.
    max_detections : int
        Boxes of a frame that go on to the veto.
    scales_px : tuple of int
        Tile sides in frame pixels; 0 is the whole frame.
    overlap : float
        Of neighbouring tiles, as a fraction of the side.
    """

    score_threshold: float = 0.12
    nms_iou: float = 0.45
    max_detections: int = 50
    scales_px: tuple[int, ...] = (0, 640)
    overlap: float = 0.2


def detector_manifest(
    checkpoint_dir: Path,
    *,
    input_size_px: int | None = None,
    postprocessed: bool = False,
    use: DetectorUse | None = None,
) -> dict[str, Any]:
    """The ``detector`` part of ``bundle.json`` for a training folder.

    Parameters
    ----------
    checkpoint_dir : Path
        Holds ``params.yaml``.
    input_size_px : int, optional
        Where it was exported with another input than it was trained with.
    postprocessed : bool
        Whether decoding and suppression are part of the graph.
    use : DetectorUse, optional

    Raises
    ------
    GalaxyEdgeError
        ``params.yaml`` is missing or not that of a detector of galaxies.
    """
    return geometry_manifest(read_geometry(checkpoint_dir, input_size_px), postprocessed, use)


def geometry_manifest(
    geometry: DetectorGeometry, postprocessed: bool = False, use: DetectorUse | None = None
) -> dict[str, Any]:
    """The ``detector`` part of ``bundle.json`` for a geometry."""
    use = use or DetectorUse()
    manifest: dict[str, Any] = {
        "format": "tflite_detection_postprocess" if postprocessed else "retinanet_raw",
        "input_size_px": geometry.input_size_px,
        "input_mean": INPUT_MEAN,
        "input_std": INPUT_STD,
        "score_threshold": use.score_threshold,
        "anchors": geometry.anchors.model_dump(),
        "nms_iou": use.nms_iou,
        "max_detections": use.max_detections,
        "tiling": {"scales": use.scales_px, "overlap": use.overlap},
    }
    if postprocessed:
        del manifest["anchors"]
    return manifest


def write_description(
    model_path: Path, detector: dict[str, Any], provenance: dict[str, Any]
) -> Path:
    """Write what ``galaxy-edge bundle build`` must know beside a detector's file.

    Parameters
    ----------
    model_path : Path
        The ``.tflite`` file; the description gets its name with ``.json``.
    detector : dict
        As `detector_manifest` gives it.
    provenance : dict
        Keys of the ``provenance`` part of ``bundle.json``.
    """
    path = model_path.with_suffix(".json")
    content = {"detector": detector, "provenance": provenance}
    with new_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path
