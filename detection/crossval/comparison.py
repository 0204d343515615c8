"""Results of all folds: means, spreads, and tests between families."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from numpy.typing import NDArray

from annotations.finite_values import finite
from annotations.formats.dataset import LabelledSet
from detection.crossval.fold_job import DETECTIONS_NAME, RESULT_NAME
from detection.crossval.runner import fold_folder, held_out_pictures
from detection.crossval.scoring import load_detections
from detection.crossval.settings import CrossvalSettings
from detection.evaluation.significance import BootstrapDifference, bootstrap_ap_difference
from edge_runtime.boxes import iou
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.matching import ScoredPicture
from edge_runtime.evaluation.paired_tests import (
    PairedTest,
    corrected_resampled_t,
    wilcoxon_signed_rank,
)

METRICS = {
    "ap": "mAP",
    "ap50": "MAP@0.5",
    "ap75": "MAP@0.75",
    "ar1": "AR@1",
    "ar10": "AR@10",
}


@dataclass(frozen=True, slots=True)
class FoldResult:
    """One family on one fold.

    Attributes
    ----------
    fold : int
        From 1.
    training_pictures, held_out_pictures : int
    metrics : dict of str to float
        COCO's, 0 to 1; None where no galaxy counts.
    training_s : float
        Of the last start, where it was resumed.
    """

    fold: int
    training_pictures: int
    held_out_pictures: int
    metrics: dict[str, float | None]
    training_s: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation (n - 1) over the folds."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class FamilyResult:
    """One family on all folds.

    Attributes
    ----------
    family : str
    parameters : int
        Weights of the network.
    folds : tuple of FoldResult
    spread : dict of str to Spread
        By metric.
    """

    family: str
    parameters: int
    folds: tuple[FoldResult, ...]
    spread: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Tests of the second family against the first; differences are second minus first.

    Attributes
    ----------
    first, second : str
    over_folds : dict of str to PairedTest
        Corrected resampled t-test by metric.
    over_frames : PairedTest
        Wilcoxon signed-rank test of the overlap of each frame's best detection.
    ap50 : BootstrapDifference
        Of MAP@0.5 over all held-out frames.
    """

    first: str
    second: str
    over_folds: dict[str, PairedTest]
    over_frames: PairedTest
    ap50: BootstrapDifference


@dataclass(frozen=True, slots=True)
class CrossvalResult:
    """What a cross-validation has shown.

    Attributes
    ----------
    settings : CrossvalSettings
    pictures, galaxies, difficult : int
        Of the set.
    families : tuple of FamilyResult
    comparisons : tuple of Comparison
    """

    settings: CrossvalSettings
    pictures: int
    galaxies: int
    difficult: int
    families: tuple[FamilyResult, ...]
    comparisons: tuple[Comparison, ...]

    def as_dict(self) -> dict[str, object]:
        """Everything as JSON values; a statistic without bound becomes None."""
        content: dict[str, object] = finite(asdict(self))
        return content


def collect(labelled: LabelledSet, settings: CrossvalSettings, output: Path) -> CrossvalResult:
    """Read the results of a finished cross-validation and compare the families.

    Raises
    ------
    GalaxyEdgeError
        A fold's result is missing or damaged.
    """
    families = tuple(_family(name, settings, output) for name in settings.families)
    scored = {
        name: held_out_detections(labelled, settings, output, name) for name in settings.families
    }
    boxes = [box for picture in labelled.pictures for box in picture.boxes]
    difficult = sum(box.difficult or box.crowd for box in boxes)
    return CrossvalResult(
        settings=settings,
        pictures=len(labelled.pictures),
        galaxies=len(boxes) - difficult,
        difficult=difficult,
        families=families,
        comparisons=tuple(
            _compare(a, b, scored[a.family], scored[b.family]) for a, b in combinations(families, 2)
        ),
    )


def held_out_detections(
    labelled: LabelledSet, settings: CrossvalSettings, output: Path, family: str
) -> list[ScoredPicture]:
    """Detections of a family on every picture, by the network that did not see it."""
    scored = []
    for fold in range(1, settings.folds + 1):
        path = fold_folder(output, family, fold) / DETECTIONS_NAME
        pictures = held_out_pictures(labelled, settings, fold)
        try:
            scored += load_detections(pictures, path)
        except (OSError, ValueError, KeyError) as error:
            raise GalaxyEdgeError(
                f"{path}: cannot be read ({error}); remove {path.parent} and start again"
            ) from error
    return scored


def best_overlaps(scored: Sequence[ScoredPicture]) -> NDArray[np.float64]:
    """Overlap (IoU) of each picture's best detection with a galaxy that counts, shape (N,).

    0 where there is no detection; pictures without a galaxy are left out.
    """
    overlaps = []
    for picture in scored:
        truth = picture.boxes_xyxy_px[~picture.difficult]
        if not len(truth):
            continue
        best = picture.found_xyxy_px[:1]
        overlaps.append(float(iou(best, truth).max()) if len(best) else 0.0)
    return np.array(overlaps, dtype=np.float64)


def _family(name: str, settings: CrossvalSettings, output: Path) -> FamilyResult:
    folds, parameters = [], 0
    for fold in range(1, settings.folds + 1):
        path = fold_folder(output, name, fold) / RESULT_NAME
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            parameters = int(content["parameters"])
            folds.append(
                FoldResult(
                    fold,
                    int(content["training_pictures"]),
                    int(content["held_out_pictures"]),
                    dict(content["metrics"]),
                    float(content["training_s"]),
                )
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GalaxyEdgeError(
                f"{path}: cannot be read ({error}); remove {path.parent} and start again"
            ) from error
    spread = {metric: _spread(_values(folds, metric)) for metric in METRICS}
    return FamilyResult(name, parameters, tuple(folds), spread)


def _values(folds: Sequence[FoldResult], metric: str) -> list[float]:
    values = [fold.metrics[metric] for fold in folds]
    return [0.0 if value is None else value for value in values]


def _spread(values: Sequence[float]) -> Spread:
    return Spread(mean(values), stdev(values))


def _compare(
    first: FamilyResult,
    second: FamilyResult,
    first_scored: Sequence[ScoredPicture],
    second_scored: Sequence[ScoredPicture],
) -> Comparison:
    return Comparison(
        first.family,
        second.family,
        {
            metric: corrected_resampled_t(
                _values(first.folds, metric), _values(second.folds, metric)
            )
            for metric in METRICS
        },
        wilcoxon_signed_rank(best_overlaps(first_scored), best_overlaps(second_scored)),
        bootstrap_ap_difference(first_scored, second_scored),
    )
