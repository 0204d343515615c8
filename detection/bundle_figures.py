"""The figures that a bundle carries: its whole chain on frames, its classifier on galaxies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from annotations.empty_frames import empty_frame_split
from edge_runtime.evaluation.classifier import evaluate_classifier
from edge_runtime.evaluation.detector import evaluate_detector

_CHAIN = (
    "recall_iou30",
    "recall_iou50",
    "ap50",
    "ar1",
    "precision_iou30",
    "false_positives_per_empty_frame",
    "false_positives_per_galaxy_frame",
)
_CLASSIFIER = (
    "accuracy",
    "macro_f1",
    "rmse",
    "constraint_violation",
    "galaxy_recall",
    "n",
    "n_votes",
)


def bundle_figures(
    data: Path, bundle_path: Path, *, splits: tuple[str, ...] = ("test",)
) -> dict[str, Any]:
    """Validation figures of the chain, and those of the classifier on splits.

    Parameters
    ----------
    data : Path
        Folder with ``galaxies`` and ``frames``.
    bundle_path : Path
    splits : tuple of str
        Of the galaxies.

    Returns
    -------
    dict
        ``detector_validation``, and ``classifier_<split>`` for each split.

    Raises
    ------
    GalaxyEdgeError
        The data or the bundle cannot be read.
    """
    frames = data / "frames" / "telescope_galaxies"
    chain = evaluate_detector(
        frames / "images",
        frames / "annotations.json",
        empty_frame_split(data)[1],
        bundle_path=bundle_path,
    )
    figures: dict[str, Any] = {"detector_validation": _chosen(chain, _CHAIN)}
    for split in splits:
        figures[f"classifier_{split}"] = _chosen(
            evaluate_classifier(
                data / "galaxies" / "labels.csv",
                split=split,
                sources=("kaggle", "gz2"),
                bundle_path=bundle_path,
            ),
            _CLASSIFIER,
        )
    return figures


def _chosen(scores: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: scores[key] for key in keys}
