"""Saved baselines answer as before, and files that do not fit are refused unread."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest

from annotations.galaxies.dataset import ClassLabels, GalaxySet
from classification.baseline_files import load_baseline, save_baseline
from classification.baselines import VOTES, Baseline
from classification.simple_features import FEATURE_NAMES
from edge_runtime.decision_tree import votes_from_logits
from edge_runtime.errors import GalaxyEdgeError

COUNT = 40


class NoPictures:
    def __len__(self) -> int:
        return COUNT

    def name(self, index: int) -> str:
        return str(index)

    def read(self, index: int) -> np.ndarray:
        raise AssertionError("features are given")


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, (COUNT, len(FEATURE_NAMES))).astype(np.float32)


@pytest.fixture(scope="module")
def galaxies(features: np.ndarray) -> GalaxySet:
    return GalaxySet(
        name="drawn",
        pictures=NoPictures(),
        ids=tuple(map(str, range(COUNT))),
        votes=votes_from_logits(np.tile(features[:, :1], 37)),
        classes={"shape": ClassLabels(("a", "b"), (features[:, 0] > 0).astype(np.int64))},
    )


@pytest.fixture
def saved(galaxies: GalaxySet, features: np.ndarray, tmp_path: Path) -> Path:
    baseline = Baseline("decision_tree", "shape")
    baseline.fit(galaxies, features)
    save_baseline(baseline, tmp_path / "tree.baseline")
    return tmp_path / "tree.baseline"


@pytest.mark.parametrize("name", ["svm", "decision_tree"])
@pytest.mark.parametrize("target", [VOTES, "shape"])
def test_a_loaded_baseline_answers_as_the_saved_one(
    name: str, target: str, galaxies: GalaxySet, features: np.ndarray, tmp_path: Path
) -> None:
    baseline = Baseline(name, target, seed=3)
    baseline.fit(galaxies, features)
    save_baseline(baseline, tmp_path / "saved")
    again = load_baseline(tmp_path / "saved")
    assert (again.name, again.target) == (name, target)
    expected, found = (one.predict(galaxies, features) for one in (baseline, again))
    if target == VOTES:
        np.testing.assert_array_equal(found.votes, expected.votes)
    else:
        np.testing.assert_array_equal(found.classes[target], expected.classes[target])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", 99, "format 99"),
        ("features", ["colour"], "other features"),
        ("scikit_learn", "0.1.2", r"scikit-learn 0\.1\.2"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_unpickled(
    key: str, value: object, message: str, saved: Path
) -> None:
    with zipfile.ZipFile(saved) as archive:
        card = json.loads(archive.read("baseline.json"))
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("baseline.json", json.dumps({**card, key: value}))
        archive.writestr("estimator.joblib", pickle.dumps(Trap()))
    with pytest.raises(GalaxyEdgeError, match=message):
        load_baseline(saved)


class Trap:
    def __reduce__(self):
        return pytest.fail, ("unpickled",)


def test_other_files_are_refused_by_name(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(GalaxyEdgeError, match="absent"):
        load_baseline(tmp_path / "absent")
    (tmp_path / "text").write_text("no zip")
    with pytest.raises(GalaxyEdgeError, match="text: cannot be read"):
        load_baseline(tmp_path / "text")
    with zipfile.ZipFile(saved) as archive:
        card = archive.read("baseline.json")
    content = io.BytesIO()
    joblib.dump([1, 2], content)
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("baseline.json", card)
        archive.writestr("estimator.joblib", content.getvalue())
    with pytest.raises(GalaxyEdgeError, match="no baseline but list"):
        load_baseline(saved)
