"""A complete bundle from a retrained classifier or detector and an existing bundle."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge_runtime.bundle.building import (
    CLASSIFIER_NAME,
    DETECTOR_NAME,
    assemble_bundle,
    write_bundle,
)
from edge_runtime.bundle.loading import Bundle
from edge_runtime.bundle.measured import build_measured, selftest_frames_of
from edge_runtime.bundle.verifying import VerifyReport, verify_bundle
from edge_runtime.errors import BundleError

_log = logging.getLogger(__name__)

LICENCE = "Apache-2.0 (weights)"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a classifier in a bundle comes from.

    Attributes
    ----------
    description : str
        Of the search, the trial and its values.
    data_sha256 : str
        Of the labels.
    seeds : tuple of int
        Trained; the first one is in the bundle.
    code_version : str
    command : str
        That made the bundle.
    licence : str
    """

    description: str
    data_sha256: str
    seeds: tuple[int, ...]
    code_version: str
    command: str
    licence: str = LICENCE


@dataclass(frozen=True, slots=True)
class BundleName:
    """What a bundle is called.

    Attributes
    ----------
    name, version : str
    """

    name: str = "searched"
    version: str = "0.1.0"


def build_classifier_bundle(
    output: Path,
    classifier: Path,
    base: Bundle,
    data: Path,
    origin: Origin,
    called: BundleName,
    *,
    splits: tuple[str, ...] = ("val",),
    overwrite: bool = False,
) -> VerifyReport:
    """Put a new classifier into a bundle with the detector of another one.

    The bias of the rarest class and the score threshold are chosen anew, as for
    the bundle that ships; crop geometry, veto and the fusion of the scores stay
    the other bundle's.

    Parameters
    ----------
    output : Path
        Folder to create.
    classifier : Path
        Int8 file with the outputs votes, class5 and galaxy.
    base : Bundle
        Gives the detector, the geometry and the self-test frames.
    data : Path
        Folder with ``galaxies`` and ``frames``.
    origin : Origin
    called : BundleName
    splits : tuple of str
        Of the galaxies that the bundle's figures are measured on.
    overwrite : bool

    Returns
    -------
    VerifyReport
        Of the finished bundle.

    Raises
    ------
    GalaxyEdgeError
        The data cannot be read, the classifier does not fit, or the folder exists.
    """
    from annotations.empty_frames import empty_frame_split
    from annotations.galaxy_zoo import read_labels
    from classification.class_bias import choose_class_bias
    from detection.bundle_figures import bundle_figures
    from detection.thresholds import (
        FALSE_POSITIVES_PER_EMPTY_FRAME,
        LOWEST,
        choose_threshold,
        empty_frame_scores,
    )

    if output.exists() and not overwrite:
        raise BundleError(f"{output}: exists already; name another folder, or overwrite it")
    models = {
        DETECTOR_NAME: base.read(base.manifest.detector.file),
        CLASSIFIER_NAME: classifier.read_bytes(),
    }
    content = _manifest(base, models[CLASSIFIER_NAME], origin, called)
    content["score_threshold"] = LOWEST
    loose = assemble_bundle(output, models, content)
    bias = choose_class_bias(loose, read_labels(data / "galaxies" / "labels.csv"))
    choice = choose_threshold(
        empty_frame_scores(loose, empty_frame_split(data)[1]), FALSE_POSITIVES_PER_EMPTY_FRAME
    )
    _log.info("%s", choice.describe())
    content["classifier"]["class_bias"] = bias
    content["score_threshold"] = choice.threshold
    with tempfile.TemporaryDirectory(prefix="galaxy-edge-winner-") as scratch:
        measured = write_bundle(assemble_bundle(output, models, content), Path(scratch) / "bundle")
        content["metrics"] = {"int8": bundle_figures(data, measured, splits=splits)}
    build_measured(
        output,
        models,
        content,
        selftest_frames_of(base),
        model_card=model_card(content, choice.describe(), base),
        overwrite=overwrite,
    )
    return verify_bundle(output)


def _manifest(
    base: Bundle, classifier: bytes, origin: Origin, called: BundleName
) -> dict[str, Any]:
    """Content of ``bundle.json`` without bias, threshold, metrics and self-test."""
    from edge_runtime.litert import LiteRtModel

    old = base.manifest
    size_px = LiteRtModel(classifier).input.shape[1]
    libraries = ("tensorflow", "keras", "keras-tuner", "ai-edge-litert")
    return {
        "name": called.name,
        "version": called.version,
        "created": datetime.now(UTC).replace(microsecond=0),
        "conditioning": old.conditioning.model_dump(),
        "detector": old.detector.model_dump(),
        "classifier": old.classifier.model_dump()
        | {
            "input_size_px": size_px,
            "input_mean": (0.0, 0.0, 0.0),
            "input_std": (1.0, 1.0, 1.0),
            "outputs": {"votes": "votes", "classes": "class5", "galaxy": "galaxy"},
            "class_bias": (0.0,) * 5,
        },
        "provenance": {
            "data": f"classifier: {origin.description}; "
            f"detector: as in bundle {identity(base)}, {old.provenance.data}",
            "data_sha256": origin.data_sha256,
            "seeds": origin.seeds,
            "code_version": origin.code_version,
            "licence": origin.licence,
            "command": origin.command,
            "created_with": {name: version(name) for name in libraries},
        },
    }


def identity(bundle: Bundle) -> str:
    """Name, version and the beginning of the hash of a bundle."""
    return f"{bundle.name} {bundle.version} ({bundle.sha256[:12]})"


def model_card(content: dict[str, Any], threshold: str, base: Bundle) -> str:
    """``MODEL_CARD.md`` of the bundle."""
    provenance = content["provenance"]
    lines = [
        f"# Model card: {content['name']} {content['version']}",
        "",
        f"A classifier from a hyper-parameter search, with the detector of {identity(base)}.",
        "",
        "## Figures of the int8 files",
        "",
        (
            f"{threshold[0].upper()}{threshold[1:]}. Validation galaxies and frames took part in "
            "choosing the network, the bias and the threshold."
        ),
        "",
        "| part | figure | value |",
        "|---|---|---|",
    ]
    for part, figures in content["metrics"]["int8"].items():
        lines += [
            f"| {part.replace('_', ' ')} | {name.replace('_', ' ')} | {value:.4g} |"
            for name, value in figures.items()
        ]
    seeds = ", ".join(map(str, provenance["seeds"]))
    lines += [
        "",
        "## Where it comes from",
        "",
        f"- {provenance['data']}.",
        f"- SHA-256 of labels.csv: {provenance['data_sha256']}.",
        f"- Seed {seeds}. Code version {provenance['code_version']}.",
        f"- Command: `{provenance['command']}`.",
        (
            f"- Licence: {provenance['licence']}. Pixels: Sloan Digital Sky Survey. Votes: "
            "Galaxy Zoo (Lintott et al. 2008, MNRAS 389, 1179; Willett et al. 2013, MNRAS 435, "
            "2835)."
        ),
        "",
    ]
    return "\n".join(lines)
