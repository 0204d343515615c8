"""Averages of predictions, and ensembles kept in files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_galaxies import galaxies, some_votes
from tiny_classifiers import saved_network

from annotations.galaxies.registry import read_galaxies
from classification.commands.ensemble import ensemble_classifiers
from classification.ensembles import Ensemble, Member, average, load_classifier, network_hash
from classification.heads import softmax
from classification.network import TrainedNetwork
from classification.predictions import Predictions
from edge_runtime.decision_tree import VOTE_COLUMNS, constraint_violation
from edge_runtime.errors import ConfigError, GalaxyEdgeError
from edge_runtime.sighting import CLASS5 as CLASS5_NAMES

IDS = tuple(f"g{i}" for i in range(6))
ROUND = np.tile(np.float32([0.7, 0.1, 0.1, 0.05, 0.05]), (6, 1))
SPIRAL = np.tile(np.float32([0.1, 0.1, 0.1, 0.1, 0.6]), (6, 1))


@given(
    raw=st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda w: sum(w) > 0.01),
    seed=st.integers(0, 1000),
)
def test_averages_of_votes_that_obey_the_tree_obey_it(raw: list[float], seed: int):
    weights = tuple(weight / sum(raw) for weight in raw)
    members = [Predictions(IDS, some_votes(6, seed + i)) for i in range(3)]
    votes = average(members, {"votes": weights}).votes
    assert votes is not None
    assert votes.dtype == np.float32
    assert constraint_violation(votes).max() < 1e-6
    assert votes.min() >= 0
    assert votes.max() <= 1 + 1e-6


def test_the_published_weights_by_hand():
    first, second = (
        Predictions(IDS, None, {"class5": ROUND}),
        Predictions(IDS, None, {"class5": SPIRAL}),
    )
    mixed = average([first, second], {"class5": (0.6, 0.4)}).classes["class5"]
    np.testing.assert_allclose(mixed[0], [0.46, 0.1, 0.1, 0.07, 0.27], atol=1e-6)
    assert mixed.sum(axis=1) == pytest.approx(np.ones(6))


def test_a_network_without_weight_need_not_have_the_output():
    members = [Predictions(IDS, some_votes(6)), Predictions(IDS, None, {"class5": ROUND})]
    mixed = average(members, {"votes": (1.0, 0.0), "class5": (0.0, 1.0)})
    np.testing.assert_array_equal(mixed.votes, members[0].votes)
    np.testing.assert_array_equal(mixed.classes["class5"], ROUND)
    with pytest.raises(GalaxyEdgeError, match=r"network 2 has weight 0\.5 for votes"):
        average(members, {"votes": (0.5, 0.5)})


def test_predictions_of_other_galaxies_are_not_averaged():
    members = [Predictions(IDS, some_votes(6)), Predictions(IDS[::-1], some_votes(6))]
    with pytest.raises(GalaxyEdgeError, match="network 2 predicts other galaxies"):
        average(members, {"votes": (0.5, 0.5)})


@pytest.mark.parametrize("weights", [(1.0,), (0.5, 0.6), (1.5, -0.5)])
def test_weights_that_are_none_are_refused(weights: tuple[float, ...]):
    members = [Predictions(IDS, some_votes(6, i)) for i in range(2)]
    with pytest.raises(ValueError, match="weights"):
        average(members, {"votes": weights})


@pytest.fixture
def labelled_folder(tmp_path: Path) -> Path:
    """30 pictures of noise with votes and classes, ten of each split."""
    folder = tmp_path / "galaxies"
    folder.mkdir()
    votes = some_votes(30)
    header = ["file", "source", "frame_scale", "split", "class5", *VOTE_COLUMNS]
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        for i in range(30):
            noise = np.random.default_rng(i).integers(0, 255, (16, 16, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / f"{i}.png"), noise)
            split = ("train", "val", "test")[i % 3]
            writer.writerow([f"{i}.png", "gz2", 1.0, split, CLASS5_NAMES[i % 5], *votes[i]])
    return folder / "labels.csv"


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    for number in range(2):
        saved_network(tmp_path / "runs" / f"r{number}", seed=number)
    saved_network(tmp_path / "runs" / "r2", softmax(5), "class5", names=CLASS5_NAMES, seed=2)
    return [tmp_path / "runs" / f"r{number}" for number in range(3)]


def ensemble_of(runs: list[Path], weights: dict[str, tuple[float, ...]]) -> Ensemble:
    return Ensemble(
        tuple(Member(run, network_hash(run)) for run in runs),
        tuple(load_classifier(run) for run in runs),
        weights,
        turned_views=2,
        rule="fit",
        data_hash="abc",
    )


def test_an_ensemble_in_a_file_answers_like_its_networks(runs: list[Path], tmp_path: Path):
    weights = {"votes": (0.6, 0.4, 0.0), "class5": (0.25, 0.25, 0.5)}
    path = tmp_path / "made" / "ensemble.json"
    ensemble_of(runs, weights).save(path)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "runs").rename(moved / "runs")
    (tmp_path / "made").rename(moved / "made")  # runs are found beside the file
    loaded = load_classifier(moved / "made")
    assert isinstance(loaded, Ensemble)
    assert (loaded.turned_views, loaded.rule, loaded.data_hash) == (2, "fit", "abc")
    assert loaded.weights == weights

    few = galaxies(np.arange(5))
    seen: list[tuple[int, int]] = []
    together = loaded.predict(few, progress=lambda *at: seen.append(at))
    assert seen[-1] == (15, 15)
    alone = [
        TrainedNetwork.load(moved / "runs" / f"r{i}").predict(few, turned_views=2) for i in range(3)
    ]
    np.testing.assert_allclose(
        together.votes, 0.6 * alone[0].votes + 0.4 * alone[1].votes, atol=1e-6
    )
    expected = sum(w * p.classes["class5"] for w, p in zip((0.25, 0.25, 0.5), alone, strict=True))
    np.testing.assert_allclose(together.classes["class5"], expected, atol=1e-6)
    assert set(together.classes) == {"class5"}
    assert constraint_violation(together.votes).max() < 1e-5
    once = loaded.predict(few, turned_views=1)
    assert np.abs(once.votes - together.votes).max() > 1e-4


def test_an_ensemble_refuses_networks_that_were_trained_anew(runs: list[Path], tmp_path: Path):
    path = tmp_path / "ensemble.json"
    ensemble_of(runs[:2], {"votes": (0.5, 0.5)}).save(path)
    (runs[1] / "network.keras").write_bytes((runs[0] / "network.keras").read_bytes() + b"x")
    with pytest.raises(GalaxyEdgeError, match=r"r1: the network is not the one that"):
        Ensemble.load(path)
    (runs[1] / "network.keras").unlink()
    with pytest.raises(GalaxyEdgeError, match=r"r1: holds no trained network"):
        Ensemble.load(path)


def test_networks_must_mean_the_same_by_a_class(
    runs: list[Path], labelled_folder: Path, tmp_path: Path
):
    backwards = tmp_path / "runs" / "backwards"
    saved_network(backwards, softmax(5), "class5", names=CLASS5_NAMES[::-1])
    with pytest.raises(GalaxyEdgeError, match="one network knows class5 as smooth_round"):
        ensemble_of([runs[2], backwards], {"class5": (0.5, 0.5)})
    with pytest.raises(GalaxyEdgeError, match="but the networks know spiral, edge_on_disk"):
        ensemble_classifiers([backwards], data=labelled_folder, output=tmp_path / "e.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as an ensemble"),
        ("[]", "cannot be read as an ensemble"),
        ('{"schema": 9}', "schema 9 is not 1"),
        (
            json.dumps(
                {
                    "schema": 1,
                    "members": [{"run": "a", "sha256": "b"}],
                    "weights": {"votes": [0.5]},
                    "weights_rule": "",
                    "turned_views": 1,
                    "data_hash": "",
                }
            ),
            "weights must not be negative and add up to 1",
        ),
    ],
)
def test_files_that_are_no_ensemble_are_refused(tmp_path: Path, content: str, message: str):
    path = tmp_path / "ensemble.json"
    path.write_text(content)
    with pytest.raises(GalaxyEdgeError, match=message):
        Ensemble.load(path)


def test_the_command_fits_on_val_and_tells_test_only_when_asked(
    runs: list[Path], labelled_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    output, figures = tmp_path / "ensemble.json", tmp_path / "figures.json"
    arguments = {"data": labelled_folder, "output": output, "json": figures}
    ensemble_classifiers(runs, **arguments)
    content = json.loads(figures.read_text())
    assert set(content) == {"weights", "val"}
    assert [sum(w) for w in content["weights"].values()] == pytest.approx([1.0, 1.0])
    assert content["weights"]["votes"][2] == 0.0
    val = content["val"]
    assert val["ensemble"]["votes"]["n"] == 10
    best = min(m["votes"]["rmse"] for m in val["members"][:2])
    assert val["ensemble"]["votes"]["rmse"] <= best + 1e-6
    losses = [m["classes"]["class5"]["log_loss"] for m in val["members"]]
    assert val["ensemble"]["classes"]["class5"]["log_loss"] <= min(losses) + 1e-6
    assert "| ensemble |" in capsys.readouterr().out
    assert load_classifier(output).data_hash == read_galaxies(labelled_folder).data_hash

    ensemble_classifiers(runs[:2], weights="0.6,0.4", test=True, **arguments)
    content = json.loads(figures.read_text())
    assert content["weights"]["votes"] == pytest.approx([0.6, 0.4])
    assert content["test"]["ensemble"]["votes"]["n"] == 10
    assert load_classifier(output).rule == "0.6,0.4"


def test_the_command_names_what_is_wrong(runs: list[Path], labelled_folder: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="2 numbers for 3 networks"):
        ensemble_classifiers(runs, data=labelled_folder, output=tmp_path / "e.json", weights="1,0")
    with pytest.raises(ConfigError, match=r"an ensemble is a \.json file"):
        ensemble_classifiers(runs, data=labelled_folder, output=tmp_path / "e")
