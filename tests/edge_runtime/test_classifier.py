"""The classifier's outputs, with a tiny real model."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_bundles import make_tiny_bundle, tiny_manifest

from edge_runtime.bundle.loading import load_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.decision_tree import constraint_violation


def crop_for(classifier: Classifier) -> np.ndarray:
    side = classifier.input_size_px
    return np.full((side, side, 3), (250, 30, 30), np.uint8)


def test_probabilities_and_votes_are_consistent(tiny_bundle_dir):
    classifier = Classifier(load_bundle(tiny_bundle_dir))
    answer = classifier.classify(crop_for(classifier))
    assert answer.class_probabilities.sum() == pytest.approx(1.0, abs=1e-6)
    assert answer.class_probabilities.argmax() == 0  # the tiny model calls red light round
    assert constraint_violation(answer.votes).max() < 1e-5
    assert 0.0 <= answer.galaxy_probability <= 1.0


def test_class_bias_of_the_bundle_shifts_the_logits(tmp_path, tiny_bundle_dir):
    plain = Classifier(load_bundle(tiny_bundle_dir))
    spec = {**tiny_manifest()["classifier"], "class_bias": [0.0, 0.0, 1.5, 0.0, 0.0]}
    shifted = Classifier(load_bundle(make_tiny_bundle(tmp_path / "other", classifier=spec)))
    before = plain.classify(crop_for(plain)).class_probabilities.astype(np.float64)
    after = shifted.classify(crop_for(shifted)).class_probabilities.astype(np.float64)
    odds = np.log(after / before)
    assert odds[2] - odds[0] == pytest.approx(1.5, abs=1e-3)
    assert odds[1] == pytest.approx(odds[0], abs=1e-3)
