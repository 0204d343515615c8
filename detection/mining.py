"""What a detector gets wrong on frames without a galaxy, to learn from.

The detector looks at frames of the training part without a galaxy: whatever it
finds there is a mistake. Its places go back into the detector's own training
(`mine_mistakes`), its crops into that of the galaxy-or-not output of the
classifier (`mine`). What the detector finds rightly on composites shows how
galaxies look when they reach the veto.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from annotations.composites import CompositeParams, Mistake
from annotations.galaxy_zoo import R90_FRAME_PX, GalaxyTable, read_labels
from annotations.training_sky import (
    composite_generator,
    read_rgb,
    save_mistakes,
    training_backgrounds,
)
from edge_runtime.boxes import intersection, iou
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.conditioning import ConditioningParams, condition_planes
from edge_runtime.crops import CROP_SIDE_R90, crop_square
from edge_runtime.detector import Detector
from edge_runtime.errors import GalaxyEdgeError

log = logging.getLogger(__name__)

CROP_PX = 96
_CALIBRATION_ROWS = 300
_BOX_JITTER = 0.12
_PASSES_VETO = 0.15


@dataclass(frozen=True, slots=True)
class MinedCrops:
    """Crops in the classifier's geometry.

    Attributes
    ----------
    positives, negatives : ndarray, shape (N, 96, 96, 3), uint8, RGB
        Detections of galaxies, and of what is none.
    """

    positives: NDArray[np.uint8]
    negatives: NDArray[np.uint8]

    def save(self, folder: Path) -> None:
        """Write ``positives.npz`` and ``negatives.npz`` with the key ``crops``."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / "positives.npz", crops=self.positives)
        np.savez_compressed(folder / "negatives.npz", crops=self.negatives)


def calibrate_crop_multiple(detector: Detector, table: GalaxyTable) -> float:
    """Crop side in detector boxes that gives Galaxy Zoo's geometry.

    Parameters
    ----------
    detector : Detector
    table : GalaxyTable
        Survey images; only training rows are looked at.

    Returns
    -------
    float
        ``CROP_SIDE_R90`` over the median of the longer side of the box around
        the central galaxy, in Petrosian R90.

    Raises
    ------
    GalaxyEdgeError
        The detector finds fewer than 30 of the central galaxies.
    """
    train = table.where("train")
    train = train.rows(np.isfinite(train.frame_scale))
    order = np.random.default_rng(0).permutation(len(train))[:_CALIBRATION_ROWS]
    sides = []
    for i in order:
        path = train.directory / train.files[i]
        picture = condition_planes(read_rgb(path), ConditioningParams())
        found = detector.detect(picture)
        middle = np.array([picture.shape[1], picture.shape[0]]) / 2.0
        radius = R90_FRAME_PX * train.frame_scale[i]
        for box in found.xyxy_px:
            if np.abs((box[:2] + box[2:]) / 2.0 - middle).max() < 0.3 * radius:
                sides.append(max(box[2] - box[0], box[3] - box[1]) / radius)
                break
    if len(sides) < 30:
        raise GalaxyEdgeError(
            f"the detector finds {len(sides)} of {len(order)} survey galaxies; it is not trained"
        )
    log.info(
        "box sides of %d survey galaxies: median %.2f R90, quartiles %.2f and %.2f",
        len(sides),
        *np.percentile(sides, [50, 25, 75]),
    )
    return float(CROP_SIDE_R90 / np.median(sides))


def mine_mistakes(
    detector: Detector, backgrounds: Sequence[NDArray[np.uint8]]
) -> tuple[Mistake, ...]:
    """Where a detector finds something on frames without a galaxy.

    Parameters
    ----------
    detector : Detector
        With a low score threshold, so that there is something to learn from.
    backgrounds : sequence of ndarray, shape (H, W, 3), uint8, RGB

    Returns
    -------
    tuple of Mistake
        Boxes in pixels of the backgrounds.
    """
    look = ConditioningParams()
    found = []
    for index, frame in enumerate(backgrounds):
        for box in detector.detect(condition_planes(frame, look)).xyxy_px:
            x0, y0, x1, y1 = (float(v) for v in box)
            found.append(Mistake(index, (x0, y0, x1, y1)))
    log.info("%d mistakes on %d empty frames", len(found), len(backgrounds))
    return tuple(found)


def mine(
    detector: Detector,
    data_dir: Path,
    crop_multiple: float,
    *,
    composites: int = 2500,
    passes: int = 4,
    seed: int = 1,
    vetoed_by: Classifier | None = None,
) -> MinedCrops:
    """Let the detector make its mistakes and its finds.

    Parameters
    ----------
    detector : Detector
        With a low score threshold, so that there is something to learn from.
    data_dir : Path
        Only the parts marked train are used.
    crop_multiple : float
    composites : int
        Composites looked at.
    passes : int
        Times each empty frame is looked at, turned, zoomed and dimmed.
    seed : int
    vetoed_by : Classifier, optional
        Mistakes it vetoes already are left out, and most composites show decoys
        instead of galaxies.
    """
    rng = np.random.default_rng([seed, 77 if vetoed_by is None else 78])
    look = ConditioningParams()
    fill = round(look.sky_level * 255)
    negatives: list[NDArray[np.uint8]] = []
    positives: list[NDArray[np.uint8]] = []

    def add_mistake(picture: NDArray[np.uint8], box: NDArray[np.float32]) -> None:
        corners = tuple(box)
        if vetoed_by is not None:
            seen = crop_square(picture, corners, crop_multiple, vetoed_by.input_size_px, fill)
            if vetoed_by.classify(seen).galaxy_probability < _PASSES_VETO:
                return
        negatives.append(crop_square(picture, corners, crop_multiple, CROP_PX, fill))

    generator = composite_generator(
        data_dir,
        CompositeParams(empty_fraction=0.45, decoy_portrait_fraction=0.7)
        if vetoed_by is None
        else CompositeParams(empty_fraction=0.75, decoy_portrait_fraction=0.9),
        most_cutouts=1500,
        seed=seed,
    )
    backgrounds = generator.backgrounds
    for attempt in range(passes):
        for frame in backgrounds:
            picture = condition_planes(frame if attempt == 0 else _varied(frame, rng), look)
            for box in detector.detect(picture).xyxy_px:
                add_mistake(picture, box)
    log.info("%d mistakes on %d empty frames", len(negatives), passes * len(backgrounds))
    for _ in range(composites):
        composite = generator.draw(rng)
        truth = composite.boxes_xyxy_px
        found = detector.detect(composite.picture).xyxy_px
        if len(found) == 0:
            continue
        overlaps = iou(found, truth).max(axis=1, initial=0.0)
        touched = intersection(found, truth).max(axis=1, initial=0.0)
        for box, overlap, shared in zip(found, overlaps, touched, strict=True):
            if overlap > 0.4:
                jittered = _jittered(box, rng)
                positives.append(
                    crop_square(composite.picture, jittered, crop_multiple, CROP_PX, fill)
                )
            elif shared == 0.0:
                add_mistake(composite.picture, box)
    log.info("%d galaxies and %d mistakes in all", len(positives), len(negatives))
    empty = np.zeros((0, CROP_PX, CROP_PX, 3), dtype=np.uint8)
    return MinedCrops(
        positives=np.stack(positives) if positives else empty,
        negatives=np.stack(negatives) if negatives else empty,
    )


def _varied(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A frame turned, zoomed, dimmed and with noise."""
    zoom = float(np.exp(rng.uniform(np.log(0.5), np.log(2.0))))
    method = cv2.INTER_AREA if zoom < 1.0 else cv2.INTER_CUBIC
    turned = np.ascontiguousarray(np.rot90(frame, rng.integers(4)))
    values = cv2.resize(turned, None, fx=zoom, fy=zoom, interpolation=method).astype(np.float32)
    values *= np.float32(rng.uniform(0.5, 1.2))
    values += np.float32(rng.uniform(0.0, 30.0))
    if rng.random() < 0.3:
        values = np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
    values += rng.standard_normal(values.shape, dtype=np.float32) * rng.uniform(0.0, 8.0)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _jittered(
    box: NDArray[np.float32], rng: np.random.Generator
) -> tuple[float, float, float, float]:
    side = max(box[2] - box[0], box[3] - box[1])
    shift = rng.uniform(-_BOX_JITTER, _BOX_JITTER, 4) * side
    x0, y0, x1, y1 = (float(v) for v in box + shift)
    return x0, y0, max(x1, x0 + 1.0), max(y1, y0 + 1.0)


def main() -> None:
    """Command line: ``python -m detection.mining``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True, help="its detector is used")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--composites", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only-mistakes", action="store_true", help="write mistakes.npz for the detector alone"
    )
    parser.add_argument(
        "--unvetoed", action="store_true", help="only mistakes that the bundle's veto lets pass"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    bundle = load_bundle(arguments.bundle)
    detector = Detector(bundle)
    if arguments.only_mistakes:
        mistakes = mine_mistakes(detector, training_backgrounds(arguments.data))
        save_mistakes(arguments.output / "mistakes.npz", mistakes)
        detector.close()
        return
    table = read_labels(arguments.data / "galaxies" / "labels.csv")
    multiple = calibrate_crop_multiple(detector, table)
    log.info("crop multiple %.3f", multiple)
    crops = mine(
        detector,
        arguments.data,
        multiple,
        composites=arguments.composites,
        seed=arguments.seed,
        vetoed_by=Classifier(bundle) if arguments.unvetoed else None,
    )
    crops.save(arguments.output)
    detector.close()


if __name__ == "__main__":
    main()
