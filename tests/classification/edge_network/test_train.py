import csv
import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from annotations.galaxy_zoo import read_labels
from classification.edge_network.averaging import WeightAverage
from classification.edge_network.data import BatchPlan, cache_galaxies
from classification.edge_network.distillation import (
    TeacherTargets,
    mix_teacher,
    teacher_targets,
    teachers_opinion,
)
from classification.edge_network.evaluation import keras_predictor
from classification.edge_network.networks import NETWORKS, create_network
from classification.edge_network.train import TrainConfig, arguments, train_classifier
from edge_runtime.decision_tree import constraint_violation
from edge_runtime.errors import GalaxyEdgeError


@pytest.fixture(scope="module")
def config(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    return TrainConfig(
        data=tiny_data,
        output=tmp_path_factory.mktemp("run"),
        model="residual_fast",
        input_size_px=64,
        epochs=2,
        evaluate_every=1,
        plan=BatchPlan(galaxies=8, negatives=4),
    )


@pytest.fixture(scope="module")
def trained(config: TrainConfig) -> TrainConfig:
    result = train_classifier(config)
    assert result.model_path.exists()
    assert 0 <= result.scores.accuracy <= 1
    assert result.scores.constraint_violation < 1e-5
    assert len(result.data_hash) == 64
    return config


def test_training_leaves_a_model_a_log_and_its_provenance(trained: TrainConfig) -> None:
    model = keras.models.load_model(trained.output / "best.keras", compile=False)
    logits = keras_predictor(model)(np.zeros((3, 64, 64, 3), np.float32))
    assert {k: v.shape for k, v in logits.items()} == {
        "votes": (3, 37),
        "class5": (3, 5),
        "galaxy": (3, 1),
    }
    rows = list(csv.DictReader((trained.output / "log.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert all(float(row["rmse"]) > 0 for row in rows)
    state = json.loads((trained.output / "training.json").read_text())
    assert state["config"]["seed"] == 0
    assert state["epochs_done"] == 2
    assert state["code_version"]
    assert state["data_hash"] == read_labels(trained.data / "galaxies/labels.csv").data_hash


def test_a_finished_run_is_not_trained_again(trained: TrainConfig) -> None:
    before = (trained.output / "log.csv").read_text()
    result = train_classifier(trained)
    assert result.epoch in (0, 1)
    assert (trained.output / "log.csv").read_text() == before


def test_a_broken_off_run_goes_on_where_it_stopped(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = dataclasses.replace(config, output=tmp_path)
    fit = keras.Model.fit
    calls: list[int] = []

    def fit_once(model: keras.Model, *args: object, **options: object) -> object:
        calls.append(int(model.optimizer.iterations.numpy()))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit(model, *args, **options)

    monkeypatch.setattr(keras.Model, "fit", fit_once)
    with pytest.raises(KeyboardInterrupt):
        train_classifier(broken)
    assert json.loads((tmp_path / "training.json").read_text())["epochs_done"] == 1
    train_classifier(broken)
    assert calls == [0, 3, 3]  # three batches an epoch; the optimiser goes on at the third
    assert json.loads((tmp_path / "training.json").read_text())["epochs_done"] == 2


def test_another_configuration_is_refused_in_the_same_folder(trained: TrainConfig) -> None:
    with pytest.raises(GalaxyEdgeError, match="another config"):
        train_classifier(dataclasses.replace(trained, seed=9))


def test_a_run_of_before_a_setting_was_known_goes_on_with_its_usual_value(
    trained: TrainConfig,
) -> None:
    record = trained.output / "training.json"
    state = json.loads(record.read_text())
    del state["config"]["options"]
    del state["config"]["plan"]["strength"]
    record.write_text(json.dumps(state))
    assert train_classifier(trained).epoch in (0, 1)
    with pytest.raises(GalaxyEdgeError, match="another config"):
        train_classifier(dataclasses.replace(trained, options={"dropout": 0.1}))


def test_teachers_fill_in_what_is_not_known(trained: TrainConfig) -> None:
    table = read_labels(trained.data / "galaxies/labels.csv").where("train")
    model = keras.models.load_model(trained.output / "best.keras", compile=False)
    targets = teacher_targets(model, table)
    assert constraint_violation(targets.votes).max() < 1e-5
    cache = cache_galaxies(table, (1,) * 5, 0.3)
    mixed = mix_teacher(cache, targets, 0.25)
    unknown = ~table.has_votes
    assert not np.isnan(mixed.votes).any()
    np.testing.assert_array_equal(mixed.votes[unknown], targets.votes[unknown])
    known = table.has_votes
    expected = 0.75 * cache.votes[known] + 0.25 * targets.votes[known]
    np.testing.assert_allclose(mixed.votes[known], expected, atol=1e-6)


def test_teachers_leave_a_class_unknown_that_the_votes_do_not_settle(tiny_data: Path) -> None:
    table = read_labels(tiny_data / "galaxies/labels.csv").where("train")
    cache = cache_galaxies(table, (1,) * 5, 0.3)
    n = len(table)
    teacher = TeacherTargets(np.zeros((n, 37), np.float32), np.full((n, 5), 0.2, np.float32))
    mixed = mix_teacher(cache, teacher, 0.5)
    only_votes = table.has_votes & ~table.has_class
    assert only_votes.any()
    assert np.isnan(mixed.class5[only_votes]).all()


def test_the_average_forgets_its_start_and_skips_no_statistics() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    average = WeightAverage(momentum=0.9, every=1)
    average.set_model(model)
    model.set_weights([np.full((2, 1), 100.0, np.float32)])
    average.on_train_batch_end(0)
    model.set_weights([np.ones((2, 1), np.float32)])
    for batch in range(80):
        average.on_train_batch_end(batch)
    np.testing.assert_allclose(average.weights()[0], 1.0, atol=0.1)


@pytest.mark.parametrize(
    "name", [n for n in NETWORKS if n not in ("efficientnet_lite0", "tuned_small")]
)
def test_networks_of_the_edge_are_small_and_have_the_three_heads(name: str) -> None:
    model = create_network(name, 64)
    assert 40_000 <= model.count_params() <= 400_000
    assert {k: v.shape[1] for k, v in model.output.items()} == {
        "votes": 37,
        "class5": 5,
        "galaxy": 1,
    }


def test_an_unknown_model_is_refused_with_the_known_names() -> None:
    with pytest.raises(GalaxyEdgeError, match="compact"):
        create_network("enormous", 64)


def test_a_network_is_built_with_options() -> None:
    model = create_network("residual", 64, {"stage_filters": [16, 24], "dropout": 0.1})
    assert model.get_layer("pool").output.shape == (None, 24)
    assert model.get_layer("dropout").rate == 0.1
    with pytest.raises(GalaxyEdgeError, match=r"residual cannot be built with .*wings"):
        create_network("residual", 64, {"wings": 2})


def test_the_published_small_network_can_have_the_edges_outputs() -> None:
    model = create_network("tuned_small", 69, {"conv1_filters": 32, "dense_units": 32})
    assert {k: v.shape[1] for k, v in model.output.items()} == {
        "votes": 37,
        "class5": 5,
        "galaxy": 1,
    }
    assert model.get_layer("conv1").filters == 32
    with pytest.raises(GalaxyEdgeError, match="dense_units = 33"):
        create_network("tuned_small", 69, {"dense_units": 33})


def test_options_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "options.json"
    path.write_text('{"blocks": 7}')
    required = ["--data", "data", "--output", "run"]
    config = arguments([*required, "--options", str(path), "--augmentation", "0.5"])
    assert config.options == {"blocks": 7}
    assert config.plan.strength == 0.5
    assert arguments(required).options == {}
    path.write_text("[7]")
    with pytest.raises(GalaxyEdgeError, match=r"options\.json: expected an object"):
        arguments([*required, "--options", str(path)])


def test_training_can_start_from_a_trained_model(trained: TrainConfig, tmp_path: Path) -> None:
    first = keras.models.load_model(trained.output / "best.keras", compile=False)
    going_on = dataclasses.replace(
        trained,
        output=tmp_path,
        initial=trained.output / "best.keras",
        epochs=1,
        learning_rate=1e-9,
        weight_decay=0.0,
    )
    second = keras.models.load_model(train_classifier(going_on).model_path, compile=False)
    for before, after in zip(first.trainable_weights, second.trainable_weights, strict=True):
        np.testing.assert_allclose(before.numpy(), after.numpy(), atol=1e-6)


def test_a_network_trained_in_16_bits_is_kept_in_32(trained: TrainConfig, tmp_path: Path) -> None:
    short = dataclasses.replace(trained, output=tmp_path, epochs=1, precision="mixed_bfloat16")
    model = keras.models.load_model(train_classifier(short).model_path, compile=False)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_teachers_may_see_more_pixels_than_the_student(tiny_data: Path) -> None:
    table = read_labels(tiny_data / "galaxies/labels.csv").where("train")
    targets = teacher_targets(create_network("residual_fast", 80), table)
    assert targets.votes.shape == (24, 37)
    np.testing.assert_allclose(targets.class5.sum(axis=1), 1.0, atol=1e-5)


def test_teachers_are_asked_once(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = read_labels(tiny_data / "galaxies/labels.csv").where("train")
    paths = [tmp_path / "a.keras", tmp_path / "b.keras"]
    for path in paths:
        create_network("residual_fast", 64).save(path)
    first = teachers_opinion(paths, table)
    alone = [teachers_opinion([path], table).votes for path in paths]
    np.testing.assert_allclose(first.votes, np.mean(alone, axis=0), atol=1e-6)

    def asked(*_: object) -> None:
        raise AssertionError("the teacher was asked again")

    monkeypatch.setattr("classification.edge_network.distillation.teacher_targets", asked)
    np.testing.assert_array_equal(teachers_opinion(paths, table).votes, first.votes)
    with pytest.raises(AssertionError, match="asked again"):  # about other pictures
        teachers_opinion(paths, table.rows(np.arange(len(table)) > 3))
    paths[0].with_suffix(".opinion.npz").write_bytes(b"damaged")
    with pytest.raises(AssertionError, match="asked again"):
        teachers_opinion(paths, table)


def test_the_compact_network_keeps_its_earliest_blocks_as_imagenet_left_them() -> None:
    model = create_network("compact", 64)
    assert model.count_params() == 375_483
    fixed = {layer.name.partition("_")[0] for layer in model.layers if layer.weights} - {
        layer.name.partition("_")[0] for layer in model.layers if layer.trainable_weights
    }
    assert fixed == {"stem", "block0", "block1"}
