from __future__ import annotations

import cv2
import numpy as np
import pytest

from annotations.galaxies.dataset import ClassLabels, GalaxySet
from classification.baselines import BASELINES, Baseline, with_rare_repeated
from classification.simple_features import FEATURE_NAMES, crop_features, galaxy_features
from edge_runtime.decision_tree import VOTE_COLUMNS, votes_from_logits
from edge_runtime.errors import ConfigError, GalaxyEdgeError

NAMES = ("round", "flat")


def crop(axis_ratio: float, angle_deg: float = 0.0, seed: int = 0, arm: float = 0.0) -> np.ndarray:
    """A galaxy of Gaussian light, with one arm where wanted, (64, 64, 3) uint8."""
    axis = np.arange(64) - 31.5
    x, y = np.meshgrid(axis, axis)
    turn = np.deg2rad(angle_deg)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    light = 180 * np.exp(-0.5 * (u**2 + (v / axis_ratio) ** 2) / 8**2)
    light += arm * np.exp(-0.5 * ((x - 9) ** 2 + y**2) / 3**2)
    noise = np.random.default_rng(seed).normal(12, 1.5, (64, 64, 3))
    return np.clip(light[:, :, None] + noise, 0, 255).astype(np.uint8)


class Crops:
    def __init__(self, crops: list[np.ndarray]) -> None:
        self.crops = crops

    def __len__(self) -> int:
        return len(self.crops)

    def name(self, index: int) -> str:
        return str(index)

    def read(self, index: int) -> np.ndarray:
        return self.crops[index]


def a_set(count: int, seed: int) -> GalaxySet:
    rng = np.random.default_rng(seed)
    index = np.arange(count) % 2
    crops = [
        crop(0.4 if flat else 0.95, rng.uniform(0, 180), int(rng.integers(1e6))) for flat in index
    ]
    logits = np.zeros((count, 37))
    logits[:, 0] = np.where(index == 0, 2.0, -2.0)
    return GalaxySet(
        name="drawn",
        pictures=Crops(crops),
        ids=tuple(map(str, range(count))),
        votes=votes_from_logits(logits),
        classes={"shape": ClassLabels(NAMES, index.astype(np.int64))},
    )


def feature(values: np.ndarray, name: str) -> float:
    return float(values[FEATURE_NAMES.index(name)])


def test_the_axis_ratio_is_that_of_the_light_at_any_angle() -> None:
    for angle in (0, 30, 90):
        assert feature(crop_features(crop(0.5, angle)), "axis_ratio") == pytest.approx(
            0.5, abs=0.06
        )
    assert feature(crop_features(crop(1.0)), "axis_ratio") > 0.95


def test_an_arm_makes_a_galaxy_asymmetric() -> None:
    plain, lopsided = crop_features(crop(0.9)), crop_features(crop(0.9, arm=70))
    assert feature(lopsided, "asymmetry") > 2 * feature(plain, "asymmetry")


def test_features_hardly_change_when_a_picture_is_turned() -> None:
    picture = crop(0.6, 20)
    turned = np.ascontiguousarray(np.rot90(picture))
    assert crop_features(turned) == pytest.approx(crop_features(picture), abs=1e-3)


@pytest.mark.parametrize("level", [0, 255])
def test_pictures_without_a_galaxy_have_finite_features(level: int) -> None:
    flat = np.full((64, 64, 3), level, np.uint8)
    assert np.isfinite(crop_features(flat)).all()
    assert np.isfinite(crop_features(cv2.randu(flat.copy(), 0, 255))).all()


@pytest.mark.parametrize("name", BASELINES)
def test_every_method_learns_shapes_and_votes(name: str) -> None:
    train, test = a_set(60, seed=1), a_set(20, seed=2)
    features = galaxy_features(train)
    classes = Baseline(name, "shape", seed=3)
    assert classes.fit(train, features) == 60
    said = classes.predict(test).classes["shape"]
    assert said.sum(axis=1) == pytest.approx(np.ones(20), abs=1e-5)
    assert (said.argmax(axis=1) == test.labels("shape").index).mean() >= 0.9
    votes = Baseline(name, "votes", seed=3)
    votes.fit(train, features)
    answered = votes.predict(test).votes
    assert answered is not None
    assert answered.shape == (20, len(VOTE_COLUMNS))
    mean = np.sqrt(np.mean((test.votes - train.votes.mean(axis=0)) ** 2))
    assert np.sqrt(np.mean((answered - test.votes) ** 2)) < 0.6 * mean


def test_unknown_methods_and_targets_are_refused() -> None:
    with pytest.raises(ConfigError, match="svm"):
        Baseline("oracle", "votes")
    one_class = a_set(8, seed=1).rows(np.arange(8) % 2 == 0)
    with pytest.raises(GalaxyEdgeError, match="two classes"):
        Baseline("svm", "shape").fit(one_class)


def test_rare_classes_are_repeated_until_each_fold_has_one() -> None:
    rows = np.array([3, 4, 5, 7, 8, 9])
    labels = np.array([0, 0, 0, 1, 1, 2])
    assert with_rare_repeated(rows, labels, 3).tolist() == [3, 4, 5, 7, 8, 9, 7, 9, 9]
    assert with_rare_repeated(rows[:3], labels[:3], 3).tolist() == [3, 4, 5]


def test_a_support_vector_machine_learns_a_class_of_two_galaxies() -> None:
    crops = [crop(1.0, seed=i) for i in range(8)] + [crop(0.3, seed=i) for i in range(2)]
    labels = ClassLabels(NAMES, np.array([0] * 8 + [1] * 2))
    votes = np.full((10, len(VOTE_COLUMNS)), np.nan, np.float32)
    galaxies = GalaxySet("rare", Crops(crops), tuple(map(str, range(10))), votes, {"shape": labels})
    svm = Baseline("svm", "shape")
    assert svm.fit(galaxies) == 10
    found = svm.predict(galaxies).classes["shape"]
    assert (found.argmax(axis=1) == labels.index).all()
