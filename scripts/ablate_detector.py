"""How much each part of the default detector brings.

Parts of the training are left out one at a time in trainings that are short and
otherwise equal: the start from simulated skies, the drawn decoys and faults of
cameras, the mined mistakes. Parts of the chain are left out of the retrained
bundle itself: veto, views, input size; source extraction is added. All are
scored on the validation frames, at the thresholds that give the same rates of
false positives.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from annotations.empty_frames import empty_frame_split  # noqa: E402
from detection.bundle_building import DetectorUse, detector_manifest  # noqa: E402
from detection.evaluation.ablation import (  # noqa: E402
    Variant,
    markdown_table,
    run_ablation,
    standard_variants,
)
from detection.evaluation.collection import empty_pictures  # noqa: E402
from edge_runtime.bundle.building import write_bundle  # noqa: E402
from edge_runtime.bundle.combining import NewDetector, combine, combined_manifest  # noqa: E402
from edge_runtime.bundle.loading import load_bundle  # noqa: E402
from edge_runtime.evaluation.coco import AnnotatedPicture, read_coco  # noqa: E402
from edge_runtime.litert import LiteRtModel  # noqa: E402
from scripts.retrain_default import run_module  # noqa: E402


@dataclass(frozen=True)
class Part:
    """A training without one part.

    Attributes
    ----------
    name : str
    pretrained, mistakes, randomised : bool
        What it keeps.
    """

    name: str
    pretrained: bool = True
    mistakes: bool = True
    randomised: bool = True

    @property
    def folder(self) -> str:
        """Its name in the working folder."""
        return self.name.replace(" ", "_")


PARTS = (
    Part("all parts"),
    Part("no pre-training", pretrained=False),
    Part("no mined mistakes", mistakes=False),
    Part("no domain randomisation", randomised=False),
)


def trained(part: Part, given: argparse.Namespace) -> Path:
    """The int8 file of a short training, made where it is not there yet."""
    folder: Path = given.work / part.folder
    if not (folder / "detector.tflite").is_file():
        options: list[object] = ["--steps", given.steps, "--seed", given.seed]
        if part.pretrained:
            options += ["--init-checkpoint", given.retrained / "detector_simulated"]
        if part.mistakes:
            options += ["--mistakes", given.retrained / "mistakes" / "mistakes.npz"]
        if not part.randomised:
            options += ["--plain"]
        run_module(
            "detection.train", "--data", given.data, "--output", folder / "training", *options
        )
        export(folder / "training", folder, given)
    return folder


def export(checkpoint: Path, output: Path, given: argparse.Namespace, *options: object) -> None:
    """Write ``detector.tflite`` of a checkpoint."""
    run_module(
        "detection.export", "--data", given.data, "--checkpoint", checkpoint,
        "--output", output, "--seed", given.seed, *options,
    )  # fmt: skip


def build_around(detector: Path, checkpoint: Path, given: argparse.Namespace) -> Path:
    """Bundle of a detector with the retrained bundle's classifier, views and look."""
    base = load_bundle(given.bundle)
    tiling = base.manifest.detector.tiling
    manifest = detector_manifest(
        checkpoint,
        input_size_px=LiteRtModel(detector).input.shape[1],
        use=DetectorUse(scales_px=tiling.scales, overlap=tiling.overlap),
    )
    new = NewDetector(detector.read_bytes(), manifest, {})
    content = combined_manifest(
        new,
        base,
        name="ablation",
        version="0.0.0",
        created=datetime.now(UTC).replace(microsecond=0),
    )
    target = detector.parent / "bundle"
    write_bundle(combine(new, base, content), target, overwrite=True)
    return target


def short_trainings(given: argparse.Namespace) -> list[Variant]:
    """One variant for each training."""
    return [
        Variant(part.name, build_around(folder / "detector.tflite", folder / "training", given))
        for part in PARTS
        if part.name in given.trainings
        for folder in [trained(part, given)]
    ]


def chain_variants(given: argparse.Namespace) -> list[Variant]:
    """The bundle as it is, without parts of its chain, and at other input sizes."""
    variants = standard_variants(given.bundle)
    checkpoint = given.retrained / "detector"
    for size in (256, 384):
        folder = given.work / f"input_{size}"
        if not (folder / "detector.tflite").is_file():
            export(checkpoint, folder, given, "--input-size", size)
        built = build_around(folder / "detector.tflite", checkpoint, given)
        variants.append(Variant(f"input {size} px", built))
    halfway = given.retrained / "halfway" / "detector.tflite"
    folder = given.work / "halfway"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "detector.tflite").write_bytes(halfway.read_bytes())
    built = build_around(folder / "detector.tflite", checkpoint, given)
    return [*variants, Variant("detector at half-time, before its mistakes were mined", built)]


def validation_pictures(data: Path) -> list[AnnotatedPicture]:
    """Real telescope frames with galaxies and without, none of them trained on."""
    frames = data / "frames" / "telescope_galaxies"
    return [
        *read_coco(frames / "annotations.json", frames / "images"),
        *empty_pictures(empty_frame_split(data)[1]),
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with galaxies/, frames/")
    parser.add_argument("--retrained", type=Path, required=True, help="of scripts/retrain-default")
    parser.add_argument("--bundle", type=Path, help="default: the shipped one")
    parser.add_argument("--work", type=Path, default=ROOT / "work" / "ablate-detector")
    parser.add_argument("--steps", type=int, default=800)
    names = [part.name for part in PARTS]
    parser.add_argument("--trainings", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    for name in ("data", "retrained", "work"):
        setattr(given, name, getattr(given, name).resolve())
    pictures = validation_pictures(given.data)
    tables = {
        "training": run_ablation(short_trainings(given), pictures),
        "chain": run_ablation(chain_variants(given), pictures),
    }
    for name, rows in tables.items():
        print(f"\n## {name}\n\n{markdown_table(rows)}")
    content = {name: [row.as_dict() for row in rows] for name, rows in tables.items()}
    (given.work / "ablation.json").write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
