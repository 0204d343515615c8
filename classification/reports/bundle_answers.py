"""What the int8 classifier of a bundle says about labelled galaxies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from annotations.galaxies.dataset import CLASS5, GALAXY10, GalaxySet
from classification.class_rules import galaxy10_from_votes
from classification.predictions import Predictions
from classification.preparation import Preparation
from classification.reports.run_record import Run
from edge_runtime.bundle.loading import Bundle
from edge_runtime.classifier import Classifier
from edge_runtime.crops import CROP_SIDE_R90
from edge_runtime.evaluation.galaxy_labels import R90_FRAME_PX


def predict_with_bundle(
    bundle: Bundle,
    galaxies: GalaxySet,
    *,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Predictions:
    """Run a bundle's classifier on the crops that the telescope would see.

    Parameters
    ----------
    bundle : Bundle
    galaxies : GalaxySet
        Of known scale.
    threads : int
    progress : callable, optional
        Called with the number of galaxies done and their total.

    Returns
    -------
    Predictions
        Votes, ``class5`` from the output of the classes, and ``galaxy10`` from
        the votes.

    Raises
    ------
    GalaxyEdgeError
        A picture cannot be read.
    """
    classifier = Classifier(bundle, threads)
    preparation = Preparation(CROP_SIDE_R90 * R90_FRAME_PX, classifier.input_size_px)
    votes = np.empty_like(galaxies.votes)
    classes = np.empty((len(galaxies), len(bundle.manifest.classifier.classes)), np.float32)
    for row, scale in enumerate(galaxies.frame_scale):
        crop = preparation.prepare(galaxies.pictures.read(row), float(scale))
        answer = classifier.classify(crop)
        votes[row], classes[row] = answer.votes, answer.class_probabilities
        if progress is not None:
            progress(row + 1, len(galaxies))
    return Predictions(galaxies.ids, votes, {CLASS5: classes, GALAXY10: galaxy10_from_votes(votes)})


def bundle_run(bundle: Bundle) -> Run:
    """The facts of a bundle's classifier."""
    spec, provenance = bundle.manifest.classifier, bundle.manifest.provenance
    return Run(
        f"{bundle.name} {bundle.version}",
        {
            "bundle": f"{bundle.name} {bundle.version} {bundle.sha256[:12]}",
            "created": str(bundle.manifest.created),
            "network": f"{spec.file}, int8, {len(bundle.read(spec.file)) / 1e6:.2f} MB",
            "input": f"{spec.input_size_px} px",
            "trained on": provenance.data,
            "data hash": str(provenance.data_sha256),
            "code version": provenance.code_version,
            "licence": provenance.licence,
        },
    )
