from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from annotations.galaxy_zoo import read_labels
from classification import class_bias
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.classifier import Classification


class ShyOfOneClass:
    """Knows every galaxy, but gives the third class too little by a factor."""

    input_size_px = 32
    missing_logit = 0.6

    def __init__(self, bundle: object) -> None:
        self._calls = 0
        self._true: list[int] = []

    def classify(self, crop: np.ndarray) -> Classification:
        true = TRUE[self._calls]
        self._calls += 1
        logits = np.zeros(5)
        logits[true] = 0.3
        logits[2] -= self.missing_logit
        weights = np.exp(logits)
        return Classification(np.zeros(37, np.float32), (weights / weights.sum()), 1.0)


TRUE: list[int] = []


def test_the_bias_makes_up_for_what_the_rarest_class_lacks(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = read_labels(tiny_data / "galaxies" / "labels.csv")
    known = table.rows(table.has_class)
    keep = np.ones(len(known), bool)
    keep[np.flatnonzero(known.class5 == 2)[3:]] = False  # the third class is the rarest
    known = known.rows(keep)
    TRUE[:] = known.class5.tolist()
    monkeypatch.setattr(class_bias, "Classifier", ShyOfOneClass)
    bias = class_bias.choose_class_bias(load_bundle(), known)
    assert bias[:2] + bias[3:] == (0.0,) * 4
    assert 0.3 <= bias[2] <= 0.9  # between these every class is told without an error


def test_galaxies_of_the_test_split_choose_nothing(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = read_labels(tiny_data / "galaxies" / "labels.csv")
    table = table.rows(table.has_class)
    seen: list[int] = []
    monkeypatch.setattr(
        class_bias, "read_crops", lambda rows, size: seen.append(len(rows)) or np.zeros(len(rows))
    )
    monkeypatch.setattr(class_bias, "Classifier", ShyOfOneClass)
    TRUE[:] = [0] * len(table)
    class_bias.choose_class_bias(load_bundle(), table)
    import dataclasses

    tested = dataclasses.replace(table, split=("test",) * 5 + table.split[5:])
    class_bias.choose_class_bias(load_bundle(), tested)
    assert seen[0] - seen[1] == 5
