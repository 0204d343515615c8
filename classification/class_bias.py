"""The bias of the rarest class, which makes up for its few training galaxies."""

from __future__ import annotations

import logging

import numpy as np

from annotations.galaxy_zoo import GalaxyTable, read_crops
from edge_runtime.bundle.loading import Bundle
from edge_runtime.classifier import Classifier
from edge_runtime.evaluation.classifier import class_scores
from edge_runtime.sighting import CLASS5

_log = logging.getLogger(__name__)

SOURCES = ("kaggle", "gz2")
"""Whose classes are sure enough to choose by."""

_STEPS = np.arange(-3, 12) / 10.0


def choose_class_bias(bundle: Bundle, table: GalaxyTable) -> tuple[float, ...]:
    """Bias of the rarest class that is best for macro F1 on training and validation galaxies.

    The validation split alone has 17 of that class, so chance would choose.
    The network is too small to know its training pictures by heart: its
    accuracy on them is that on the validation split. Each step is judged by its
    mean with its neighbours.

    Parameters
    ----------
    bundle : Bundle
        Without a bias.
    table : GalaxyTable
        Rows of the split ``test`` are left out.

    Returns
    -------
    tuple of float, length 5
        For the key ``class_bias`` of a manifest.
    """
    table = table.where(sources=SOURCES)
    table = table.rows(table.has_class & (np.array(table.split) != "test"))
    rarest = int(np.argmin(np.bincount(table.class5, minlength=len(CLASS5))))
    classifier = Classifier(bundle)
    crops = read_crops(table, classifier.input_size_px)
    logits = np.log(np.stack([classifier.classify(crop).class_probabilities for crop in crops]))
    scores = []
    for step in _STEPS:
        shifted = logits.copy()
        shifted[:, rarest] += step
        scores.append(class_scores(table.class5, shifted.argmax(axis=1))["macro_f1"])
    smooth = np.convolve(scores, np.ones(3) / 3.0, mode="valid")
    best = float(_STEPS[1 + int(np.argmax(smooth))])
    _log.info("bias %.1f for %s: macro F1 %s", best, CLASS5[rarest], np.round(scores, 3))
    return tuple(best if i == rarest else 0.0 for i in range(len(CLASS5)))
