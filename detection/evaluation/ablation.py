"""How much each part of a detector brings: variants of a bundle on the same frames."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from detection.evaluation.chain import with_overrides
from detection.evaluation.collection import Collection, ScoringRule, collect
from detection.evaluation.curves import threshold_for_rate
from detection.evaluation.sep_proposals import SepParams, sep_proposals
from detection.evaluation.significance import BootstrapDifference, bootstrap_ap_difference
from edge_runtime.bundle.loading import Bundle, load_bundle
from edge_runtime.bundle.schema import ScoreFusion
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.coco import AnnotatedPicture
from edge_runtime.evaluation.matching import ScoredPicture, average_precision, recall

RATES = (0.15, 0.05)
"""False positives per empty frame at which recalls are compared."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A bundle run in some way.

    Attributes
    ----------
    name : str
    bundle : Path or None
        Folder or zip; None is the shipped one.
    overrides : mapping
        Changes to its manifest, nested as in ``bundle.json``.
    veto : bool
        False: neither the veto nor the classifier's share in the score.
    sep : SepParams or None
        Adds candidates by source extraction.
    """

    name: str
    bundle: Path | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    veto: bool = True
    sep: SepParams | None = None


@dataclass(frozen=True, slots=True)
class AblationRow:
    """Figures of one variant.

    Attributes
    ----------
    name : str
    recalls : dict of float to float
        Recall at IoU 0.3 by false positives per empty frame.
    thresholds : dict of float to float
        The thresholds that give these rates.
    ap50 : float
        On the frames with galaxies.
    ap50_difference : BootstrapDifference or None
        To the first variant; None for the first.
    frame_ms, detect_ms : float
        Median time of a frame and of its detector stage, with every candidate
        classified; without the classifier where there is no veto.
    """

    name: str
    recalls: dict[float, float]
    thresholds: dict[float, float]
    ap50: float
    ap50_difference: BootstrapDifference | None
    frame_ms: float
    detect_ms: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        difference = self.ap50_difference
        return {
            "name": self.name,
            **{f"recall_iou30_at_fp{rate:.2f}": value for rate, value in self.recalls.items()},
            **{f"threshold_at_fp{rate:.2f}": value for rate, value in self.thresholds.items()},
            "ap50": self.ap50,
            "ap50_difference": None
            if difference is None
            else {
                "difference": difference.difference,
                "low": difference.low,
                "high": difference.high,
                "p_value": difference.p_value,
            },
            "frame_ms": self.frame_ms,
            "detect_ms": self.detect_ms,
        }


def standard_variants(bundle: Path | None = None) -> list[Variant]:
    """Veto on and off, three sets of scales, source extraction added."""

    def scales(*sides: int) -> dict[str, Any]:
        return {"detector": {"tiling": {"scales": sides}}}

    return [
        Variant("as shipped", bundle),
        Variant("without veto", bundle, veto=False),
        Variant("scales 0", bundle, scales(0)),
        Variant("scales 0, 640", bundle, scales(0, 640)),
        Variant("scales 0, 960, 480", bundle, scales(0, 960, 480)),
        Variant("with sep proposals", bundle, sep=SepParams()),
    ]


def read_variants(path: Path) -> list[Variant]:
    """Variants from a JSON file.

    A list of objects with ``name`` and, where wanted, ``bundle`` (relative to
    the file), ``overrides``, ``veto`` and ``sep`` (``true`` or an object of
    `SepParams`).

    Raises
    ------
    GalaxyEdgeError
        The file is unreadable or an entry is wrong; the message says which.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GalaxyEdgeError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise GalaxyEdgeError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(entries, list) or not entries:
        raise GalaxyEdgeError(f"{path}: expected a list of variants")
    variants = []
    for number, entry in enumerate(entries, start=1):
        try:
            given = dict(entry)
            if "bundle" in given:
                given["bundle"] = path.parent / given["bundle"]
            sep = given.pop("sep", None)
            given["sep"] = SepParams(**({} if sep is True else sep)) if sep else None
            variants.append(Variant(**given))
        except (TypeError, ValueError) as error:
            raise GalaxyEdgeError(f"{path}: variant {number}: {error}") from error
    if len({variant.name for variant in variants}) != len(variants):
        raise GalaxyEdgeError(f"{path}: two variants have the same name")
    return variants


def run_ablation(
    variants: Sequence[Variant],
    pictures: Sequence[AnnotatedPicture],
    *,
    rates: Sequence[float] = RATES,
    threads: int = 2,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[AblationRow]:
    """Evaluate variants on the same frames.

    Variants that differ in scoring only share one pass over the frames.

    Parameters
    ----------
    variants : sequence of Variant
        The others are compared with the first.
    pictures : sequence of AnnotatedPicture
        With galaxies and without.
    rates : sequence of float
        False positives per empty frame at which recalls are given.
    threads : int
    progress : callable, optional
        Called with the variant's name, pictures done and their total.

    Raises
    ------
    GalaxyEdgeError
        There is no frame with or none without a galaxy, or a bundle is wrong.
    """
    if not variants:
        raise GalaxyEdgeError("an ablation needs at least one variant")
    if all(p.empty for p in pictures) or not any(p.empty for p in pictures):
        raise GalaxyEdgeError("an ablation needs frames with galaxies and frames without")
    bundles = [with_overrides(load_bundle(v.bundle), v.overrides) for v in variants]
    collections: dict[str, Collection] = {}
    rows: list[AblationRow] = []
    first: list[ScoredPicture] = []
    for variant, bundle in zip(variants, bundles, strict=True):
        key = f"{_candidate_key(bundle)} {variant.sep}"
        if key not in collections:
            collections[key] = collect(
                bundle,
                pictures,
                proposals=partial(sep_proposals, params=variant.sep) if variant.sep else None,
                threads=threads,
                progress=partial(progress, variant.name) if progress else None,
            )
        rule = ScoringRule.of(bundle.manifest) if variant.veto else ScoringRule.detector_only(0.0)
        scored = replace(collections[key], rule=rule)
        rows.append(_row(variant, scored, rates, first))
        first = first or scored.galaxy_frames()
    return rows


def markdown_table(rows: Sequence[AblationRow]) -> str:
    """The figures as a Markdown table."""
    rates = list(rows[0].recalls)
    heads = ["variant", *[f"recall@IoU 0.3 at {rate:g} FP" for rate in rates]]
    heads += ["AP50", "AP50 difference (95 %)", "ms a frame", "of it detector"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for row in rows:
        change = row.ap50_difference
        cells = [row.name, *[f"{row.recalls[rate]:.3f}" for rate in rates], f"{row.ap50:.3f}"]
        cells.append(
            "—"
            if change is None
            else f"{change.difference:+.3f} ({change.low:+.3f} to {change.high:+.3f})"
        )
        cells += [f"{row.frame_ms:.0f}", f"{row.detect_ms:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _candidate_key(bundle: Bundle) -> str:
    """The same for bundles that see the same candidates and differ in scoring only."""
    manifest = bundle.manifest
    classifier = manifest.classifier.model_copy(
        update={"veto_threshold": 0.0, "score_fusion": ScoreFusion()}
    )
    same = manifest.model_copy(
        update={"classifier": classifier, "score_threshold": 0.0, "selftest": (), "metrics": {}}
    )
    return same.model_dump_json()


def _row(
    variant: Variant,
    collection: Collection,
    rates: Sequence[float],
    first: Sequence[ScoredPicture],
) -> AblationRow:
    galaxy_frames, empty = collection.galaxy_frames(), collection.empty_frames()
    thresholds = {rate: threshold_for_rate(empty, rate) for rate in rates}
    stages = [
        sum(ms for stage, ms in picture.stage_ms.items() if variant.veto or stage != "classify")
        for picture in collection.pictures
    ]
    return AblationRow(
        name=variant.name,
        recalls={
            rate: recall([picture.above(threshold) for picture in galaxy_frames], 0.3)
            for rate, threshold in thresholds.items()
        },
        thresholds=thresholds,
        ap50=average_precision(galaxy_frames, 0.5),
        ap50_difference=bootstrap_ap_difference(first, galaxy_frames) if first else None,
        frame_ms=float(np.median(stages)),
        detect_ms=float(np.median([p.stage_ms["detect"] for p in collection.pictures])),
    )
