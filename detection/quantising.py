"""All variants of a trained detector in one folder, with their table."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from annotations.formats.outputs import new_folder
from detection import variants as v
from detection.bundle_building import DetectorUse, geometry_manifest, write_description
from detection.export import VARIANTS, Export, int8
from detection.geometry import INPUT_MEAN, INPUT_STD
from detection.parity import KerasDetector, LiteRtDetector, Parity, compare
from detection.postprocessing import PostProcessing
from detection.representative import DEFAULT_COUNT, RepresentativeViews, representative_views
from detection.trained_detector import TrainedDetector, load_detector
from detection.training_record import read_record
from detection.variant_table import markdown, table
from edge_runtime.evaluation.coco import read_coco
from edge_runtime.litert import LiteRtModel

log = logging.getLogger(__name__)

TABLE_NAME = "variants.md"
PARITY_VIEWS = 60


@dataclass(frozen=True, slots=True)
class QuantisationPlan:
    """What to convert and to measure.

    Attributes
    ----------
    checkpoint_dir : Path
        Folder of a finished training.
    data_dir : Path
        Folder with ``galaxies`` and ``frames``, for the ranges of int8.
    output_dir : Path
        New folder for the files.
    images, annotations : Path, optional
        Annotated frames (COCO) to score the variants on.
    input_size_px : int, optional
        Another input than trained with.
    views : int
        Representative pictures.
    threshold : float
        Score that recalls are taken at.
    seed : int
    rounds : int
        Calls timed of each variant; a quarter as many whole frames.
    """

    checkpoint_dir: Path
    data_dir: Path
    output_dir: Path
    images: Path | None = None
    annotations: Path | None = None
    input_size_px: int | None = None
    views: int = DEFAULT_COUNT
    threshold: float = 0.3
    seed: int = 1
    rounds: int = 40


def quantise(plan: QuantisationPlan, progress: Callable[[str], None] = log.info) -> dict[str, Any]:
    """Write every variant and the table, complete or not at all.

    Parameters
    ----------
    plan : QuantisationPlan
    progress : callable
        Told what is being done.

    Returns
    -------
    dict
        The table, see `detection.variant_table.table`.

    Raises
    ------
    GalaxyEdgeError
        The training is unfinished or of an unknown detector, or data are missing.
    """
    with new_folder(plan.output_dir) as folder:
        pictures = (
            read_coco(plan.annotations, plan.images) if plan.annotations and plan.images else []
        )
        progress("restoring the network")
        detector = load_detector(plan.checkpoint_dir, input_size_px=plan.input_size_px)
        progress("drawing representative pictures")
        size = detector.geometry.input_size_px
        drawn = representative_views(plan.data_dir, size, plan.views + PARITY_VIEWS, plan.seed)
        views, unseen = drawn.split(PARITY_VIEWS)
        made = _convert(detector, views, progress)
        for variant in made:
            path = folder / f"detector_{variant.name}.tflite"
            path.write_bytes(variant.content)
            made_of = provenance(
                plan.checkpoint_dir, views, plan.seed, "galaxy-edge quantise detector"
            )
            write_description(path, variant.detector, made_of)
        parities = {}
        for variant in made:
            if variant.name != v.POSTPROCESSED:
                progress(f"comparing {variant.name} with the network")
                parities[variant.name] = _parity(detector, variant, unseen)
        progress("timing the variants")
        timings = v.time_variants(
            made, v.simulated_frame(), rounds=plan.rounds, frame_rounds=max(2, plan.rounds // 4)
        )
        qualities = {}
        if pictures:
            for variant in made:
                progress(f"scoring {variant.name}")
                qualities[variant.name] = v.measure_quality(variant, pictures, plan.threshold)
        content = table(made, timings, parities, qualities)
        content["representative"] = views.describe()
        content["parity_on"] = unseen.describe()
        content["checkpoint"] = Path(detector.checkpoint).name
        content["input_size_px"] = detector.geometry.input_size_px
        (folder / TABLE_NAME).write_text(markdown(content), encoding="utf-8")
        (folder / "variants.json").write_text(
            json.dumps(content, indent=2) + "\n", encoding="utf-8"
        )
    return content


def _convert(
    detector: TrainedDetector, views: RepresentativeViews, progress: Callable[[str], None]
) -> list[v.Variant]:
    use = DetectorUse()
    outside = geometry_manifest(detector.geometry, use=use)
    made = []
    for name, convert in VARIANTS.items():
        progress(f"converting to {name}")
        made.append(v.Variant(name, convert(Export(detector, views.pictures)), outside))
    progress(f"converting to {v.POSTPROCESSED}")
    settings = PostProcessing(v.LOWEST_SCORE, use.nms_iou)
    content = int8(Export(detector, views.pictures, settings))
    inside = geometry_manifest(detector.geometry, postprocessed=True, use=use)
    made.append(v.Variant(v.POSTPROCESSED, content, inside))
    return made


def _parity(detector: TrainedDetector, variant: v.Variant, views: RepresentativeViews) -> Parity:
    model = LiteRtModel(variant.content, input_mean=INPUT_MEAN, input_std=INPUT_STD)
    return compare(
        KerasDetector(detector), LiteRtDetector(model), detector.geometry, views.pictures
    )


def provenance(
    checkpoint_dir: Path, views: RepresentativeViews, seed: int, command: str
) -> dict[str, Any]:
    """What the manifest of a bundle with an exported detector says about where it comes from.

    Parameters
    ----------
    checkpoint_dir : Path
        Folder of the training.
    views : RepresentativeViews
        That set the ranges of int8, drawn by ``seed``.
    seed : int
    command : str
        That made the file.
    """
    from classification.provenance import code_version

    record = read_record(checkpoint_dir)
    trained = "a training of unrecorded data"
    if record is not None:
        trained = f"{record.family}, {record.step} steps on {Path(record.data).name or 'simulated'}"
    return {
        "data": f"{trained}; ranges of int8 from {views.describe()}",
        "data_sha256": record.data_sha256 if record is not None else "",
        "seeds": sorted({seed, record.seed}) if record is not None else [seed],
        "code_version": record.code_version if record is not None else code_version(),
        "command": command,
        "created_with": {
            name: version(name) for name in ("tensorflow", "tf-models-official", "ai-edge-litert")
        },
    }
