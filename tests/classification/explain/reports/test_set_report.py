from __future__ import annotations

import json
import re

import numpy as np
import pytest
from drawn_shapes import NAMES, SIZE_PX, shapes, taught_network

pytest.importorskip("sep", reason="workstation extra not installed")

from annotations.galaxies.dataset import GalaxySet
from classification.explain.explained_set import ExplainedSet, SetPlan, explain_set
from classification.explain.galaxy_mask import NoGalaxyError
from classification.explain.reports.closest import TrainingPictures
from classification.explain.reports.findings import BAD, GOOD
from classification.explain.reports.pages import write_galaxy_pages
from classification.explain.reports.set_page import write_set_page
from classification.explain.reports.subject_figures import SubjectFigures
from classification.explain.subjects import ExplainedSubject, subject_of
from classification.preparation import Preparation
from edge_runtime.errors import GalaxyEdgeError

pytestmark = pytest.mark.slow

METHODS = ("occlusion", "integrated_gradients")
OPTIONS = {
    "occlusion": {"patch": 0.25, "stride": 0.2},
    "integrated_gradients": {"steps": 12, "most_steps": 24},
}
PLAN = SetPlan(METHODS, stable=1, checked=2, stages=2, options=OPTIONS)
COUNT = 16


@pytest.fixture(scope="module")
def subjects() -> tuple[ExplainedSubject, ...]:
    """One network taught with the right labels, one with shuffled ones."""
    preparation = Preparation(None, SIZE_PX)
    return tuple(
        subject_of(taught_network(shuffled=shuffled), preparation) for shuffled in (False, True)
    )


@pytest.fixture(scope="module")
def explained(
    subjects: tuple[ExplainedSubject, ...], tmp_path_factory: pytest.TempPathFactory
) -> ExplainedSet:
    return explain_set(shapes(COUNT), subjects, PLAN, tmp_path_factory.mktemp("explained"))


@pytest.fixture(scope="module")
def figures(explained: ExplainedSet) -> dict[str, SubjectFigures]:
    return write_set_page(explained.folder / "index.html", explained, split="test")


def states(figures: SubjectFigures) -> dict[str, str]:
    return {finding.key: finding.state for finding in figures.findings}


def test_a_network_taught_with_shuffled_labels_is_exposed(figures):
    right, wrong = figures["taught"], figures["taught on shuffled labels"]
    assert not right.exposed, right.findings
    assert wrong.exposed, wrong.findings
    assert states(right)["accuracy"] == states(right)["faithfulness"] == GOOD
    assert states(right)["own"] == GOOD
    assert states(wrong)["accuracy"] == BAD
    assert right.accuracy.low > 0.8 > wrong.accuracy.high
    assert wrong.own.high < 0.5 * right.own.low
    above = [f.table.above_random[f.table.best("gain")].difference for f in (right, wrong)]
    assert above[1] < 0.5 * above[0]


def test_the_page_says_so(explained, figures):
    text = (explained.folder / "index.html").read_text(encoding="utf-8")
    right, wrong = re.findall(r'<div class="verdict (\w+)">(.*?)</div>', text, re.DOTALL)
    assert right[0] == "good"
    assert "do not trust this network" not in right[1]
    assert wrong[0] == "bad"
    assert "do not trust this network" in wrong[1]
    assert "no better than always naming the commonest class" in wrong[1]


def test_the_numbers_are_beside_the_page(explained, figures):
    said = json.loads((explained.folder / "index.json").read_text(encoding="utf-8"))
    networks = said["networks"]
    assert networks["taught"]["accuracy"] == figures["taught"].accuracy.as_dict()
    assert not networks["taught"]["exposed"]
    assert networks["taught on shuffled labels"]["exposed"]
    assert set(networks["taught"]["randomisation"]) == set(METHODS)
    assert set(said["agreement"]) == set(METHODS)
    assert said["data"]["galaxies"] == COUNT


def test_gradients_depend_on_what_the_network_has_learnt(figures):
    check = figures["taught"].checks["integrated_gradients"]
    assert check.itself.value == pytest.approx(1)
    assert check.correlation[-1].value < 0.8


def test_pages_stand_alone_and_link_to_one_another(explained, figures):
    training = TrainingPictures(explained.subjects[0], shapes(12, first=500, split="train"))
    pages = write_galaxy_pages(explained.folder, explained, training=training, back="index.html")
    assert len(pages) == COUNT
    for page in (explained.folder / "index.html", pages[0]):
        text = page.read_text(encoding="utf-8")
        assert "http" not in text
        assert "<script" not in text
        assert all(s.startswith("data:image/") for s in re.findall(r'src="([^"]*)"', text))
        links = re.findall(r'href="([^"]*)"', text)
        assert links
        assert all((page.parent / link).is_file() for link in links)
    text = pages[1].read_text(encoding="utf-8")
    assert "drawn/1" in text
    assert "spiral ◂ true" in text
    assert "Its scale is not known" in text
    assert "drawn/5" in text  # a training picture
    for method in METHODS:
        assert f"map of {method}" in text
        assert f"{method.replace('_', ' ')}: rank correlation" in text


def test_the_closest_training_picture_of_a_galaxy_is_itself(subjects):
    galaxies = shapes(10)
    training = TrainingPictures(subjects[0], galaxies)
    crop = galaxies.pictures.read(3)
    first = training.closest(crop, 3)[0]
    assert first.row == 3
    assert first.distance == pytest.approx(0, abs=1e-4)
    others = training.closest(crop, 4, "drawn/3")
    assert 3 not in [each.row for each in others]
    assert [each.distance for each in others] == sorted(each.distance for each in others)


def test_a_broken_run_goes_on_where_it_stopped(explained, subjects, monkeypatch):
    for subject in subjects:
        monkeypatch.setattr(type(subject.network), "answers", None)  # nothing is asked again
    again = explain_set(shapes(COUNT), subjects, PLAN, explained.folder)
    for subject in subjects:
        assert np.array_equal(again.answers[subject.name], explained.answers[subject.name])
        assert again.checks[subject.name] == explained.checks[subject.name]


def test_another_run_does_not_go_into_the_same_folder(explained, subjects):
    with pytest.raises(GalaxyEdgeError, match="holds explanations of other plan"):
        explain_set(shapes(COUNT), subjects, SetPlan(("occlusion",)), explained.folder)
    with pytest.raises(GalaxyEdgeError, match="other galaxies"):
        explain_set(shapes(5), subjects, PLAN, explained.folder)


def test_pictures_without_a_galaxy_are_told_and_left_out(subjects, tmp_path):
    from dataclasses import replace

    galaxies = shapes(4)
    plan = SetPlan(("occlusion",), stable=0, checked=0)
    found = explain_set(
        replace(galaxies, pictures=SomeDark(galaxies, {1})), subjects[:1], plan, tmp_path / "some"
    )
    assert found.galaxies.ids == ("drawn/0", "drawn/2", "drawn/3")
    assert len(found.without_mask) == 1
    assert "shape 1: no galaxy in the middle" in found.without_mask[0]
    write_set_page(tmp_path / "some" / "index.html", found, linked=False)
    assert "shape 1: no galaxy" in (tmp_path / "some" / "index.html").read_text(encoding="utf-8")
    with pytest.raises(NoGalaxyError, match="no picture has a galaxy"):
        explain_set(
            replace(galaxies, pictures=SomeDark(galaxies, {0, 1, 2, 3})),
            subjects[:1],
            plan,
            tmp_path / "none",
        )


class SomeDark:
    """The pictures of a set, some of them sky alone."""

    def __init__(self, galaxies: GalaxySet, dark: set[int]) -> None:
        self._pictures, self._dark = galaxies.pictures, dark

    def __len__(self) -> int:
        return len(self._pictures)

    def name(self, index: int) -> str:
        return self._pictures.name(index)

    def read(self, index: int) -> np.ndarray:
        picture = self._pictures.read(index)
        if index not in self._dark:
            return picture
        return np.random.default_rng(0).normal(20, 2, picture.shape).astype(np.uint8)


def test_class_names_are_those_of_the_network(figures):
    assert figures["taught"].classes.names == NAMES
