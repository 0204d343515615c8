from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from made_up_galaxies import galaxies, probabilities, some_votes

from annotations.galaxies.dataset import CLASS5, ELLIPTICAL, GALAXY10
from annotations.galaxies.schemes import ELLIPTICAL_NAMES
from classification.heads import SIGMOID_37
from classification.network import NetworkCard
from classification.predictions import Predictions
from classification.preparation import Preparation
from classification.reports.subjects import (
    bundle_subject,
    file_subject,
    read_split,
    run_subject,
    with_elliptical,
)
from classification.scoring import score
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.decision_tree import VOTE_COLUMNS, constraint_violation
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.classifier import evaluate_classifier
from edge_runtime.sighting import CLASS5 as CLASS5_NAMES

LABELLED = galaxies([0, 1, 2, 3, 4, -1], votes=some_votes(6))


def write_network(folder: Path) -> None:
    """A network of the mean colour, with votes that break every rule of the tree."""
    folder.mkdir()
    layers = keras.layers
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 255),
            layers.GlobalAveragePooling2D(),
            layers.Dense(37, activation="sigmoid"),
        ]
    )
    model.save(folder / "network.keras")
    NetworkCard(
        preset="test",
        architecture="mean colour",
        head=SIGMOID_37,
        target="votes",
        class_names=VOTE_COLUMNS,
        preparation=Preparation(None, 8),
        loss="mse",
    ).save(folder / "network.json")


def test_missing_predictions_are_made_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_network(folder)
    seen = []
    subject = run_subject(
        folder, LABELLED, "val", progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (6, 6)
    assert set(subject.predictions.classes) == {CLASS5, GALAXY10}
    kept = folder / "predictions_val.npz"
    assert Predictions.load(kept).ids == LABELLED.ids

    (folder / "network.keras").rename(folder / "gone")  # what is kept is not made again
    again = run_subject(folder, LABELLED, "val")
    np.testing.assert_array_equal(again.predictions.votes, subject.predictions.votes)
    with pytest.raises(GalaxyEdgeError, match=r"neither predictions_test\.npz nor network"):
        run_subject(folder, LABELLED, "test")


def test_predictions_older_than_the_network_are_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_network(folder)
    kept = folder / "predictions_val.npz"
    Predictions(LABELLED.ids, np.zeros((6, 37), np.float32)).save(kept)
    os.utime(kept, (1.0, 1.0))
    subject = run_subject(folder, LABELLED, "val")
    assert subject.predictions.votes is not None
    assert subject.predictions.votes.min() > 0.0


def test_turned_views_have_a_file_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_network(folder)
    run_subject(folder, LABELLED, "val", turned_views=2)
    assert (folder / "predictions_val_2_views.npz").is_file()
    elsewhere = tmp_path / "kept.npz"
    run_subject(folder, LABELLED, "val", predictions_path=elsewhere)
    assert elsewhere.is_file()
    assert not (folder / "predictions_val.npz").exists()


def test_predictions_of_more_galaxies_are_cut_to_the_labelled_ones(tmp_path: Path) -> None:
    true = np.array([4, 3, 2, 1, 0, 0])
    said = probabilities(true, 5, right=2.0)
    Predictions(LABELLED.ids[::-1], classes={CLASS5: said}).save(tmp_path / "p.npz")
    subject = file_subject(tmp_path / "p.npz", LABELLED)
    assert subject.galaxies.ids == LABELLED.ids[:5]  # the sixth has no class
    np.testing.assert_array_equal(subject.predictions.classes[CLASS5], said[::-1][:5])


def test_predictions_of_other_data_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    Predictions(("x", "y"), classes={CLASS5: np.full((2, 5), 0.2, np.float32)}).save(path)
    with pytest.raises(GalaxyEdgeError, match=r"lacks 5 of 5 labelled galaxies \(first g0\)"):
        file_subject(path, LABELLED)
    Predictions(LABELLED.ids, classes={"other": np.ones((6, 1), np.float32)}).save(path)
    with pytest.raises(GalaxyEdgeError, match=r"\(other\); labels: votes, class5"):
        file_subject(path, LABELLED)


def test_classes_in_another_order_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    card = {"target": CLASS5, "class_names": list(CLASS5_NAMES[::-1])}
    (folder / "network.json").write_text(json.dumps(card))
    with pytest.raises(GalaxyEdgeError, match="gives class5 as spiral, edge_on_disk"):
        run_subject(folder, LABELLED, "val")


def test_the_bundle_answers_as_when_it_is_evaluated(tiny_data: Path) -> None:
    labels = tiny_data / "galaxies" / "labels.csv"
    split = read_split(labels, "val")
    assert ELLIPTICAL in split.classes
    subject = bundle_subject(None, split)
    scores = score(subject.predictions, subject.galaxies)
    expected = evaluate_classifier(labels, split="val")
    assert scores.classes[CLASS5].accuracy == pytest.approx(expected["accuracy"])
    assert scores.classes[CLASS5].macro_f1 == pytest.approx(expected["macro_f1"])
    assert scores.votes is not None
    assert scores.votes.rmse == pytest.approx(expected["rmse"], rel=1e-6)
    assert scores.votes.n == expected["n_votes"]
    assert constraint_violation(subject.predictions.votes).max() < 1e-6
    bundle = load_bundle()
    assert subject.run.facts["input"] == f"{bundle.manifest.classifier.input_size_px} px"
    assert bundle.sha256[:12] in subject.run.facts["bundle"]


def test_an_empty_split_names_those_there_are(tiny_data: Path) -> None:
    with pytest.raises(GalaxyEdgeError, match="no galaxy of split 'test'; it has: train, val"):
        read_split(tiny_data / "galaxies", "test")
    assert len(read_split(tiny_data / "galaxies", "all")) == 36


def test_galaxies_of_unknown_scale_are_not_for_the_bundle() -> None:
    with pytest.raises(GalaxyEdgeError, match="no galaxy has a label"):
        bundle_subject(None, LABELLED)


def test_five_classes_give_elliptical_too(tmp_path: Path) -> None:
    said = np.eye(5, dtype=np.float32)
    Predictions(LABELLED.ids[:5], classes={CLASS5: said}).save(tmp_path / "p.npz")
    subject = file_subject(tmp_path / "p.npz", LABELLED.rows(np.arange(5)))
    derived = with_elliptical(subject)
    share = derived.predictions.classes[ELLIPTICAL][:, ELLIPTICAL_NAMES.index("elliptical")]
    assert share.tolist() == [1.0, 1.0, 0.5, 0.0, 0.0]
    bare = replace(subject, galaxies=replace(subject.galaxies, classes={}))
    assert with_elliptical(bare) is bare
