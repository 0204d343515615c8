import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from drawn_galaxies import drawn_galaxies, tiny_network

from classification.augmentation import TELESCOPE, Augmentation, Motion
from classification.balancing import Balance
from classification.callbacks import TrainingProgress
from classification.heads import BINARY, SIGMOID_37, softmax
from classification.network import TrainedNetwork
from classification.preparation import Preparation
from classification.recipe import EarlyStopping, LossChoice, OptimizerChoice, Plateau, Preset
from classification.training import train
from edge_runtime.errors import GalaxyEdgeError

RECIPE = Preset(
    name="tiny",
    summary="",
    reference="",
    architecture="tiny",
    head=SIGMOID_37,
    target="votes",
    preparation=Preparation(None, 16, "area"),
    augmentation=Augmentation(Motion(0.1, 25, 0.05, True)),
    loss=LossChoice("mse"),
    batch=16,
    epochs=3,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedNetwork, list[TrainingProgress]]:
    told: list[TrainingProgress] = []
    folder = tmp_path_factory.mktemp("run")
    network = train(RECIPE, drawn_galaxies(), folder, model=tiny_network(), report=told.append)
    return network, told


def test_a_run_leaves_a_network_a_card_and_a_log(
    run: tuple[TrainedNetwork, list[TrainingProgress]],
) -> None:
    network, told = run
    card = network.card
    assert (card.preset, card.target, card.head) == ("tiny", "votes", SIGMOID_37)
    assert (card.training_pictures, card.validation_pictures) == (32, 8)
    assert (card.epochs, card.precision, card.backend) == (3, "float32", keras.backend.backend())
    assert card.data_hash == "drawn"
    assert card.code_version
    assert card.parameters == tiny_network().count_params()
    assert card.training_s > 0
    rows = list(csv.DictReader((network.folder / "log.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    losses = [float(row["val_loss"]) for row in rows]
    assert card.validation_loss == pytest.approx(min(losses), rel=1e-4)
    assert card.best_epoch == int(np.argmin(losses))
    assert losses[-1] < losses[0]
    assert {(one.epoch, one.batch, one.batches) for one in told} >= {(0, 2, 2), (2, 2, 2)}
    assert told[-1].images_per_s > 0


def test_the_network_saved_has_no_augmentation_and_validates_as_logged(
    run: tuple[TrainedNetwork, list[TrainingProgress]],
) -> None:
    network, _ = run
    names = {type(layer).__name__ for layer in network.model.layers}
    assert not names & {"RandomMotion", "RandomDegradation"}
    galaxies = drawn_galaxies().where("val")
    votes = network.predict(galaxies).votes
    assert votes is not None
    mse = np.square(votes - galaxies.votes).mean()
    assert mse == pytest.approx(network.card.validation_loss, rel=1e-3)


def test_a_finished_run_is_not_trained_again(
    run: tuple[TrainedNetwork, list[TrainingProgress]],
) -> None:
    before = (run[0].folder / "network.keras").stat().st_mtime_ns
    told: list[TrainingProgress] = []
    train(RECIPE, drawn_galaxies(), run[0].folder, model=tiny_network(), report=told.append)
    assert told == []
    assert (run[0].folder / "network.keras").stat().st_mtime_ns == before


def test_another_run_in_the_same_folder_is_refused(
    run: tuple[TrainedNetwork, list[TrainingProgress]],
) -> None:
    with pytest.raises(GalaxyEdgeError, match="holds a run with another batch, seed; use another"):
        train(replace(RECIPE, batch=8), drawn_galaxies(), run[0].folder, seed=1)


def test_a_run_that_goes_on_equals_one_that_was_not_broken_off(
    run: tuple[TrainedNetwork, list[TrainingProgress]], tmp_path: Path
) -> None:
    train(replace(RECIPE, epochs=1), drawn_galaxies(), tmp_path, model=tiny_network())
    # what a kill between two files of an epoch leaves behind
    (tmp_path / "checkpoints" / "partial.weights.h5").write_bytes(b"torn")
    (tmp_path / "network.keras").write_bytes(b"of the next epoch")
    again = train(RECIPE, drawn_galaxies(), tmp_path, model=tiny_network(), workers=2)
    for weight, expected in zip(again.model.get_weights(), run[0].model.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-6)


def test_training_stops_once_the_loss_stays_and_learns_slower_before(tmp_path: Path) -> None:
    still = replace(
        RECIPE,
        optimizer=OptimizerChoice("sgd", 1e-12),
        early_stopping=EarlyStopping(patience=3, min_delta=1e-3),
        plateau=Plateau(factor=0.1, patience=1, lowest=1e-14),
        epochs=50,
    )
    frozen = tiny_network()
    for layer in frozen.layers:
        if layer.name != "head":
            layer.trainable = False
    network = train(still, drawn_galaxies(), tmp_path, model=frozen)
    assert network.card.epochs == 4
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert float(rows[-1]["learning_rate"]) < float(rows[0]["learning_rate"])
    state = json.loads((tmp_path / "state.json").read_text())
    assert state["finished"]
    assert state["stopped"]


def test_a_loss_that_is_no_number_ends_the_training_with_advice(tmp_path: Path) -> None:
    wild = replace(RECIPE, optimizer=OptimizerChoice("sgd", float("inf")))
    with pytest.raises(GalaxyEdgeError, match=r"loss is nan in epoch 0.*lower learning rate"):
        train(wild, drawn_galaxies(), tmp_path, model=tiny_network())


def test_classes_train_with_weights_and_predict_probabilities(tmp_path: Path) -> None:
    binary = replace(
        RECIPE,
        head=BINARY,
        target="elliptical",
        loss=LossChoice("cross_entropy"),
        balance=Balance("weights"),
        augmentation=Augmentation(degradation=TELESCOPE),
        epochs=1,
    )
    network = train(binary, drawn_galaxies(), tmp_path, model=tiny_network(1))
    found = network.predict(drawn_galaxies(10)).classes["elliptical"]
    assert found.shape == (10, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert network.card.class_names == ("other", "elliptical")


def test_counts_train_concentrations_that_predict_consistent_votes(tmp_path: Path) -> None:
    from edge_runtime.decision_tree import constraint_violation

    counted = replace(RECIPE, target="counts", loss=LossChoice("dirichlet_multinomial"), epochs=1)
    network = train(counted, drawn_galaxies(), tmp_path, model=tiny_network())
    found = network.predict(drawn_galaxies(10))
    assert found.votes is not None
    assert constraint_violation(found.votes).max() < 1e-5
    assert found.classes["class5"].shape == (10, 5)


def test_a_head_of_the_wrong_width_is_named(tmp_path: Path) -> None:
    wrong = replace(RECIPE, head=softmax(10), target="class5", loss=LossChoice("cross_entropy"))
    with pytest.raises(
        GalaxyEdgeError, match="class5 has 5 columns, but the network's head has 10"
    ):
        train(wrong, drawn_galaxies(), tmp_path, model=tiny_network(10))


def test_sets_without_splits_validate_with_a_tenth_told_by_the_ids(tmp_path: Path) -> None:
    galaxies = replace(drawn_galaxies(200), split=("",) * 200)
    network = train(replace(RECIPE, epochs=1), galaxies, tmp_path, model=tiny_network())
    assert network.card.training_pictures + network.card.validation_pictures == 200
    assert 10 <= network.card.validation_pictures <= 32


_LONG_RUN = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {repository!r}]
from dataclasses import replace
from drawn_galaxies import drawn_galaxies, tiny_network
from classification.training import train
from classification.presets import preset
from classification.preparation import Preparation
recipe = replace(preset("parallel-cnn-2024"), preparation=Preparation(None, 16, "area"), batch=16)
train(recipe, drawn_galaxies(), Path(sys.argv[1]), model=tiny_network(), epochs=int(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on(tmp_path: Path) -> None:
    repository = Path(__file__).parents[2]
    script = _LONG_RUN.format(tests=str(repository / "tests"), repository=str(repository))
    command = [sys.executable, "-c", script, str(tmp_path / "run")]
    process = subprocess.Popen([*command, "100000"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    state = tmp_path / "run" / "state.json"
    while not state.exists() or json.loads(state.read_text())["epochs_done"] < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = json.loads(state.read_text())["epochs_done"]
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "run", copy)
    subprocess.run([*command, str(done + 2)], check=True, stderr=subprocess.DEVNULL)
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").read_text().splitlines()))
    assert [int(row["epoch"]) for row in rows] == list(range(done + 2))
    assert TrainedNetwork.load(copy).card.epochs in (done, done - 1)
