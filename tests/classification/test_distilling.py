"""Students learn from labels and teachers, and validate on labels alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_galaxies import galaxies, some_votes
from tiny_classifiers import saved_network, tiny_model, tiny_preset

from annotations.galaxies.dataset import CLASS5, ClassLabels, GalaxySet
from classification.batches import targets_of
from classification.distilling import (
    Distillation,
    rows_to_learn,
    soft_targets,
    train_distilled,
    with_answers,
)
from classification.ensembles import load_classifier
from classification.heads import softmax
from classification.predictions import Predictions
from classification.soft_labels import blended
from edge_runtime.decision_tree import constraint_violation
from edge_runtime.errors import ConfigError, GalaxyEdgeError
from edge_runtime.sighting import CLASS5 as CLASS5_NAMES

CLASS_PRESET = tiny_preset(softmax(5), CLASS5)


@pytest.fixture
def some() -> GalaxySet:
    """12 to train on, of which 4 have neither votes nor class and 2 a class only; 4 val; 2 test."""
    votes = some_votes(18)
    votes[:6] = np.nan
    index = np.arange(18) % 5
    index[:4] = -1
    index[11] = -1  # votes that allow no class
    split = ("train",) * 12 + ("val",) * 4 + ("test",) * 2
    return replace(galaxies(index, votes=votes), split=split)


def answers_of(rows: GalaxySet, seed: int = 5) -> Predictions:
    train = rows.where("train")
    odds = np.random.default_rng(seed).dirichlet(np.ones(5), len(train)).astype(np.float32)
    return Predictions(train.ids, some_votes(len(train), seed), {CLASS5: odds})


def test_labels_are_mixed_by_their_share():
    labels = np.float32([[1.0, 0.0], [np.nan, np.nan]])
    answers = np.float32([[0.5, 0.5], [0.2, 0.8]])
    np.testing.assert_allclose(blended(labels, answers, 0.3), [[0.85, 0.15], [0.2, 0.8]])
    np.testing.assert_array_equal(blended(labels, answers, 1.0), answers)


def test_votes_of_students_mix_truth_and_teachers(some: GalaxySet):
    learnt = rows_to_learn(some, tiny_preset(), unlabelled=True)
    assert learnt.ids == some.ids[:16]  # no test picture
    answers = answers_of(learnt)
    mixed = with_answers(learnt, answers, "votes", 0.25)
    np.testing.assert_array_equal(mixed.votes[:6], answers.votes[:6])
    np.testing.assert_allclose(
        mixed.votes[6:12], 0.75 * some.votes[6:12] + 0.25 * answers.votes[6:], rtol=1e-6
    )
    np.testing.assert_array_equal(mixed.votes[12:], some.votes[12:16])
    assert constraint_violation(mixed.votes).max() < 1e-5
    assert len(rows_to_learn(some, tiny_preset(), unlabelled=False)) == 10


def test_classes_of_students_become_soft(some: GalaxySet):
    learnt = rows_to_learn(some, CLASS_PRESET, unlabelled=True)
    assert "g11" not in learnt.ids  # nobody could say what it is
    answers = answers_of(learnt)
    labels = with_answers(learnt, answers, CLASS5, 0.5).labels(CLASS5)
    said = answers.classes[CLASS5]
    np.testing.assert_array_equal(labels.one_hot()[:4], said[:4])
    np.testing.assert_array_equal(labels.index[:4], said[:4].argmax(axis=1))
    expected = 0.5 * np.eye(5)[np.arange(4, 11) % 5] + 0.5 * said[4:]
    np.testing.assert_allclose(labels.one_hot()[4:11], expected, atol=1e-6)
    np.testing.assert_array_equal(labels.one_hot()[11:], np.eye(5)[np.arange(12, 16) % 5])
    np.testing.assert_allclose(labels.one_hot().sum(axis=1), 1.0, atol=1e-6)
    kept = labels.rows(np.array([3, 1]))
    np.testing.assert_array_equal(kept.one_hot(), said[[3, 1]])


def test_unlabelled_pictures_of_unknown_scale_are_left_out_where_scale_matters(some: GalaxySet):
    scale = np.full(18, 0.5, np.float32)
    scale[0] = np.nan
    some = replace(some, frame_scale=scale)
    cropping = tiny_preset()
    cropping = replace(cropping, preparation=replace(cropping.preparation, crop_frame_px=205))
    assert "g0" not in rows_to_learn(some, cropping, unlabelled=True).ids
    assert "g0" in rows_to_learn(some, tiny_preset(), unlabelled=True).ids


def test_sets_without_splits_validate_on_a_tenth(some: GalaxySet):
    many = replace(galaxies(np.arange(200) % 5, votes=some_votes(200)))
    learnt = rows_to_learn(many, tiny_preset(), unlabelled=True)
    assert len(learnt) == 200
    assert 8 < learnt.split.count("val") < 35


def test_teachers_count_alike(tmp_path: Path, some: GalaxySet):
    for seed in range(2):
        saved_network(tmp_path / f"t{seed}", seed=seed)
    teachers = [load_classifier(tmp_path / f"t{seed}") for seed in range(2)]
    mean = soft_targets(teachers, some, turned_views=1)
    alone = [teacher.predict(some).votes for teacher in teachers]
    np.testing.assert_allclose(mean.votes, (alone[0] + alone[1]) / 2, atol=1e-6)


def test_answers_that_do_not_fit_are_refused(some: GalaxySet):
    learnt = rows_to_learn(some, tiny_preset(), unlabelled=True)
    answers = answers_of(learnt)
    with pytest.raises(GalaxyEdgeError, match="of other galaxies"):
        with_answers(some.where("val"), answers, "votes", 0.5)
    only_votes = replace(answers, classes={})
    with pytest.raises(GalaxyEdgeError, match="do not predict class5; they predict votes"):
        with_answers(learnt, only_votes, CLASS5, 0.5)
    three = replace(answers, classes={CLASS5: np.full((12, 3), 1 / 3, np.float32)})
    with pytest.raises(GalaxyEdgeError, match="has 5 classes, but the teachers know 3"):
        with_answers(learnt, three, CLASS5, 0.5)
    with pytest.raises(ConfigError, match="counts of votes cannot be distilled"):
        rows_to_learn(some, tiny_preset(target="counts"), unlabelled=True)
    with pytest.raises(ConfigError, match="must be 0 to 1"):
        Distillation(("a",), share=1.5)


def test_a_student_is_trained_and_its_record_kept(tmp_path: Path, some: GalaxySet):
    saved_network(tmp_path / "teacher", seed=1)
    teacher = Distillation((str(tmp_path / "teacher"),), share=0.5, turned_views=2)
    seen: list[tuple[int, int]] = []
    student = train_distilled(
        tiny_preset(),
        some,
        teacher,
        tmp_path / "student",
        progress=lambda *at: seen.append(at),
        model=tiny_model(seed=3),
    )
    assert seen[-1] == (12, 12)
    assert (student.card.training_pictures, student.card.validation_pictures) == (12, 4)
    record = json.loads((tmp_path / "student" / "distillation.json").read_text())
    assert (record["labelled"], record["unlabelled_pictures"]) == (6, 6)
    assert record["share"] == 0.5
    assert student.predict(some).votes.shape == (18, 37)

    seen.clear()
    again = train_distilled(
        tiny_preset(), some, teacher, tmp_path / "student",
        progress=lambda *at: seen.append(at), model=tiny_model(seed=3),
    )  # fmt: skip
    assert seen == []  # the answers are kept
    assert again.card.data_hash == student.card.data_hash
    with pytest.raises(GalaxyEdgeError, match="holds a run with another data_hash"):
        train_distilled(
            tiny_preset(), some, replace(teacher, share=0.9), tmp_path / "student",
            model=tiny_model(seed=3),
        )  # fmt: skip


def test_one_output_for_two_classes_learns_the_share_of_the_second():
    labels = ClassLabels(
        ("other", "elliptical"), np.array([0, 1]), np.float32([[0.7, 0.3], [0, 1]])
    )
    two = replace(galaxies([0, 1]), classes={"elliptical": labels})
    np.testing.assert_allclose(targets_of(two, "elliptical", 1).values, [[0.3], [1.0]])
    hard = replace(two, classes={"elliptical": ClassLabels(labels.names, labels.index)})
    np.testing.assert_array_equal(targets_of(hard, "elliptical", 1).values, [[0.0], [1.0]])


def test_a_student_of_classes_learns_shares(tmp_path: Path, some: GalaxySet):
    saved_network(tmp_path / "teacher", softmax(5), CLASS5, CLASS5_NAMES, seed=1)
    student = train_distilled(
        CLASS_PRESET,
        some,
        Distillation((str(tmp_path / "teacher"),), turned_views=1),
        tmp_path / "student",
        model=tiny_model(softmax(5), seed=3),
    )
    assert (student.card.training_pictures, student.card.validation_pictures) == (11, 4)
    assert student.card.class_names == CLASS5_NAMES
