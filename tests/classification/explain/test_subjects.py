from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_shapes import SIZE_PX, shapes
from looking_networks import small_network

from annotations.galaxies.dataset import UNKNOWN_CLASS, ClassLabels, GalaxySet
from classification.explain.networks import EDGE_OUTPUTS, VOTE_OUTPUTS
from classification.explain.set_choice import chosen_galaxies, training_galaxies
from classification.explain.subjects import class_answers, open_subjects, subject_of, votes_of
from classification.heads import softmax
from classification.network import CARD_FILE, NETWORK_FILE, NetworkCard
from classification.preparation import Preparation
from edge_runtime.decision_tree import COLUMN_INDEX
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.sighting import CLASS5


class Named:
    """A network of which only the names of the answers matter."""

    name = "named"
    input_size_px = 8

    def __init__(self, outputs: tuple[str, ...]) -> None:
        self.outputs = outputs


def test_five_classes_are_taken_from_the_answers_that_name_them():
    answers = np.zeros((1, 43), np.float32)
    answers[0, 37:42] = 0.1, 0.2, 0.3, 0.4, 0.0
    found = class_answers(Named(EDGE_OUTPUTS), answers)
    assert (found.scheme, found.names) == ("class5", CLASS5)
    assert found.probabilities[0] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.0], abs=1e-6)
    assert votes_of(Named(EDGE_OUTPUTS), answers).shape == (1, 37)


def test_votes_alone_give_the_five_classes_by_their_rule():
    answers = np.zeros((1, 37), np.float32)
    answers[0, COLUMN_INDEX["Class4.1"]] = 0.6
    answers[0, COLUMN_INDEX["Class7.1"]] = 0.2
    found = class_answers(Named(VOTE_OUTPUTS), answers)
    assert CLASS5[int(found.probabilities[0].argmax())] == "spiral"
    assert found.probabilities.sum() == pytest.approx(1)


def test_other_schemes_keep_their_names_and_numbers_have_none():
    found = class_answers(Named(("galaxy10:a", "galaxy10:b")), np.array([[0.25, 0.75]]))
    assert (found.scheme, found.names) == ("galaxy10", ("a", "b"))
    assert class_answers(Named(("answer 1", "answer 2")), np.zeros((1, 2))) is None
    assert votes_of(Named(("answer 1", "answer 2")), np.zeros((1, 2))) is None


def test_a_run_brings_its_preparation_and_is_not_taken_twice(tmp_path: Path):
    small_network(5).source.save(tmp_path / NETWORK_FILE)
    preparation = Preparation(256.0, 32, "bicubic")
    NetworkCard("p", "small", softmax(5), "class5", CLASS5, preparation, "x").save(
        tmp_path / CARD_FILE
    )
    (subject,) = open_subjects([tmp_path])
    assert subject.preparation == preparation
    assert subject.has_gradient
    assert subject.network.outputs[4] == "class5:spiral"
    with pytest.raises(GalaxyEdgeError, match="is named twice"):
        open_subjects([tmp_path, tmp_path / NETWORK_FILE])


def test_the_shipped_bundle_is_explained_as_the_telescope_runs_it():
    (subject,) = open_subjects([None])
    assert not subject.has_gradient
    assert subject.network.outputs == EDGE_OUTPUTS
    assert subject.preparation.crop_frame_px == pytest.approx(205)
    assert subject.kind == "TFLite, as the telescope runs it"


def some_known(galaxies: GalaxySet, known: list[int]) -> GalaxySet:
    from dataclasses import replace

    index = galaxies.classes["class5"].index.copy()
    index[[row for row in range(len(galaxies)) if row not in known]] = UNKNOWN_CLASS
    names = galaxies.classes["class5"].names
    return replace(galaxies, classes={"class5": ClassLabels(names, index)})


def test_galaxies_of_known_class_are_explained_first():
    galaxies = some_known(shapes(20), [3, 7, 11])
    subject = subject_of(small_network(2), Preparation(None, SIZE_PX))
    chosen = chosen_galaxies(galaxies, [subject], 5, seed=0)
    assert {"drawn/3", "drawn/7", "drawn/11"} < set(chosen.ids)
    assert len(chosen) == 5
    assert chosen.ids == tuple(sorted(chosen.ids, key=lambda each: int(each.split("/")[1])))
    assert chosen_galaxies(galaxies, [subject], 5, seed=0).ids == chosen.ids
    assert len(chosen_galaxies(galaxies, [subject], 99, seed=0)) == 20


def test_no_training_picture_is_asked_for(tmp_path: Path):
    assert training_galaxies(tmp_path, None, 0, seed=0) is None
