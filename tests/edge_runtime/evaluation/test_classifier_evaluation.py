"""``evaluate classifier``: figures by hand, and a tiny bundle end to end."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from tiny_bundles import encode_png

from edge_runtime.decision_tree import VOTE_COLUMNS, votes_from_logits
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.classifier import class_scores, evaluate_classifier


def test_class_scores_of_a_confusion_done_by_hand():
    truth = np.array([0, 0, 0, 1, 1, 4])
    predicted = np.array([0, 0, 1, 1, 4, 4])
    scores = class_scores(truth, predicted)
    assert scores["accuracy"] == pytest.approx(4 / 6)
    assert scores["confusion"][0] == [2, 1, 0, 0, 0]
    assert scores["per_class"]["smooth_round"]["f1"] == pytest.approx(0.8)
    assert scores["per_class"]["smooth_inbetween"]["f1"] == pytest.approx(0.5)
    assert scores["per_class"]["spiral"]["f1"] == pytest.approx(2 / 3)
    # classes that occur nowhere do not pull the mean down
    assert scores["macro_f1"] == pytest.approx((0.8 + 0.5 + 2 / 3) / 3)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    columns = ["file", "source", "frame_scale", "split", "class5", *VOTE_COLUMNS]
    votes = votes_from_logits(np.zeros(37))
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        for name, colour, label, split in (
            ("red.png", (250, 30, 30), "smooth_round", "test"),
            ("blue.png", (30, 30, 250), "spiral", "test"),
            ("other.png", (30, 30, 250), "smooth_round", "train"),
        ):
            picture = np.empty((264, 264, 3), np.uint8)
            picture[:] = colour
            (tmp_path / name).write_bytes(encode_png(picture))
            table.writerow([name, "kaggle", "1.0", split, label, *votes])
    return tmp_path / "labels.csv"


def test_tiny_classifier_is_scored_on_the_split_asked_for(labels, tiny_bundle_dir):
    scores = evaluate_classifier(labels, split="test", bundle_path=tiny_bundle_dir)
    assert scores["n"] == scores["n_votes"] == 2
    assert scores["accuracy"] == 1.0  # it calls red light round and blue light spiral
    assert 0.0 < scores["rmse"] < 0.5
    assert scores["constraint_violation"] < 1e-3
    everything = evaluate_classifier(labels, bundle_path=tiny_bundle_dir)
    assert everything["accuracy"] == pytest.approx(2 / 3)


def test_no_row_left_is_an_error(labels, tiny_bundle_dir):
    with pytest.raises(GalaxyEdgeError, match="no row with labels left"):
        evaluate_classifier(labels, split="val", bundle_path=tiny_bundle_dir)
