"""A detector's training, from the command line to the files it leaves."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_labelled_frames import write_coco

from edge_runtime.errors import ConfigError, GalaxyEdgeError

pytest.importorskip("official", reason="workstation extra not installed")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"batch": 2, "input_size": 64, "checkpoint_steps": 2}


def record_of(folder: Path) -> dict:
    return json.loads((folder / "training.json").read_text())


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_coco(tmp_path_factory.mktemp("frames"))


@pytest.fixture(scope="module")
def finished(frames, tmp_path_factory: pytest.TempPathFactory):
    """A training of four steps, and what it reported."""
    from detection.train import train_detector
    from detection.training_data import annotated_data

    folder = tmp_path_factory.mktemp("finished") / "run"
    reports = []
    train_detector(
        annotated_data(frames, folder, 64), folder, steps=4, seed=3, report=reports.append, **SMALL
    )
    return folder, reports


def test_a_finished_training_is_recorded_as_such(finished):
    folder, _ = finished
    record = record_of(folder)
    assert record["status"] == "finished"
    assert record["step"] == record["steps"] == 4
    assert record["family"] == "ssd_mobilenet"
    assert record["seed"] == 3
    assert len(record["data_sha256"]) == 64
    assert re.fullmatch(r"[0-9a-f]{7,40}(-dirty)?|unknown", record["code_version"])
    assert record["started"] <= record["finished"]
    assert sorted(path.name for path in folder.glob("ckpt-*.index")) == [
        "ckpt-2.index",
        "ckpt-4.index",
    ]


def test_progress_is_reported_with_speed_and_time_left(finished):
    _, reports = finished
    assert [report.step for report in reports] == [2, 4]
    assert all(report.steps == 4 and report.loss > 0.0 for report in reports)
    assert reports[-1].steps_per_s > 0.0
    assert reports[-1].seconds_left == 0.0


def test_tensorboard_finds_loss_and_learning_rate(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, _ = finished
    events = EventAccumulator(str(folder / "train"))
    events.Reload()
    assert {"training_loss", "learning_rate", "steps_per_second"} <= set(events.Tags()["tensors"])
    assert [event.step for event in events.Tensors("training_loss")] == [2, 4]


def test_the_same_command_does_nothing_again(finished, frames, monkeypatch):
    from detection import train
    from detection.training_data import annotated_data

    folder, _ = finished
    monkeypatch.setattr(train, "_Runner", None)  # a second training would fail on it
    before = (folder / "training.json").stat().st_mtime_ns
    train.train_detector(annotated_data(frames, folder, 64), folder, steps=4, seed=3, **SMALL)
    assert (folder / "training.json").stat().st_mtime_ns == before


def test_another_family_does_not_train_in_the_same_folder(finished, frames):
    from detection.train import train_detector
    from detection.training_data import annotated_data

    folder, _ = finished
    with pytest.raises(GalaxyEdgeError, match="holds a training of detectors of another family"):
        train_detector(
            annotated_data(frames, folder, 64), folder, name="mobiledet", steps=9, **SMALL
        )
    assert record_of(folder)["family"] == "ssd_mobilenet"


def test_mixed_precision_trains_and_leaves_float32_weights(frames, finished, tmp_path):
    import tensorflow as tf
    import tf_keras

    from detection.train import train_detector
    from detection.training_data import annotated_data

    start, _ = finished
    folder = train_detector(
        annotated_data(frames, tmp_path / "run", 64),
        tmp_path / "run",
        steps=2,
        mixed_precision="bfloat16",
        init_checkpoint=str(start),
        **SMALL,
    )
    record = record_of(folder)
    assert record["mixed_precision"] == "bfloat16"
    assert record["init_checkpoint"].endswith("ckpt-4")
    reader = tf.train.load_checkpoint(str(folder))
    weights = [
        dtype for name, dtype in reader.get_variable_to_dtype_map().items() if "kernel" in name
    ]
    assert set(weights) == {tf.float32}
    assert tf_keras.mixed_precision.global_policy().name == "float32"


def test_running_out_of_memory_names_the_batch(frames, tmp_path, monkeypatch):
    import tensorflow as tf

    from detection import task
    from detection.train import train_detector
    from detection.training_data import annotated_data

    def allocate(self, inputs, model, optimizer, metrics=None):
        del self, model, optimizer, metrics
        return {"loss": tf.reduce_sum(tf.tile(tf.reshape(inputs[0], [1, -1]), [10**9, 1]))}

    monkeypatch.setattr(task.GalaxyDetection, "train_step", allocate)
    folder = tmp_path / "run"
    said = "^out of memory with a batch of 2 pictures of 64 px; lower --batch, for example to 1$"
    with pytest.raises(GalaxyEdgeError, match=said):
        train_detector(annotated_data(frames, folder, 64), folder, steps=2, **SMALL)
    assert record_of(folder)["status"] == "unfinished"
    assert list(folder.glob("ckpt-*")) == []


def test_a_batch_larger_than_the_machine_is_refused_before_anything_is_written(frames, tmp_path):
    from detection.annotated_views import read_galaxies, write_views
    from detection.train import train_detector
    from detection.training_data import record_data

    records = write_views(read_galaxies(frames), tmp_path / "views", 64)
    with pytest.raises(GalaxyEdgeError, match="a batch of 100000000 pictures of 64 px needs"):
        train_detector(
            record_data(records), tmp_path / "run", steps=2, batch=100_000_000, input_size=64
        )
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_another_architecture_leaves_nothing(frames, finished, tmp_path):
    from detection.annotated_views import read_galaxies, write_views
    from detection.train import train_detector
    from detection.training_data import record_data

    start, _ = finished
    records = write_views(read_galaxies(frames), tmp_path / "views", 64)
    with pytest.raises(GalaxyEdgeError, match="of another architecture, nothing was loaded"):
        train_detector(
            record_data(records),
            tmp_path / "run",
            name="mobiledet",
            steps=2,
            init_checkpoint=str(start),
            **SMALL,
        )
    assert not (tmp_path / "run").exists()


def test_records_damaged_behind_the_first_stop_the_training(frames, tmp_path):
    from detection.annotated_views import read_galaxies, write_views
    from detection.train import train_detector
    from detection.training_data import record_data

    records = Path(
        write_views(read_galaxies(frames), tmp_path / "views", 64).replace("*", "00000-of-00001")
    )
    content = bytearray(records.read_bytes())
    content[-2000] ^= 0xFF
    records.write_bytes(content)
    folder = tmp_path / "run"
    with pytest.raises(GalaxyEdgeError, match=r"damaged TFRecord \(.*\); write it again"):
        train_detector(record_data(str(records)), folder, steps=50, **SMALL)
    assert record_of(folder)["status"] == "unfinished"


def test_records_of_something_else_are_named(tmp_path):
    import tensorflow as tf

    from detection.record_input import record_dataset
    from detection.registry import experiment_of
    from detection.train import _errors_explained

    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrecord")) as writer:
        writer.write(b"no example")
    params = experiment_of("ssd_mobilenet").task
    params.train_data.input_path = str(tmp_path / "x.tfrecord")

    def read() -> None:
        with _errors_explained(8, 320, params.train_data.input_path):
            next(iter(record_dataset(params.model, params.train_data, 1)))

    with pytest.raises(GalaxyEdgeError, match=r"x\.tfrecord: damaged TFRecord"):
        read()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"input_size": 100}, "--input-size 100: must be a multiple of 64 px"),
        ({"input_size": 64}, "composites need at least 128 px"),
        ({"steps": 0}, "--steps 0: must be at least 1"),
        ({"mixed_precision": "half"}, "--mixed-precision half"),
        ({"name": "yolo"}, "no family of detectors is called 'yolo'"),
        ({"init_checkpoint": "x", "init_modules": "neck"}, "'neck' is no part of a detector"),
    ],
)
def test_wrong_settings_are_named(tmp_path, settings, said):
    from detection.train import train_detector

    with pytest.raises(ConfigError, match=said):
        train_detector(None, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def start(arguments: list[str], log: Path) -> subprocess.Popen:
    code = "from edge_runtime.cli import main; main()"
    with log.open("w") as file:
        return subprocess.Popen(
            [sys.executable, "-c", code, "train", "detector", *arguments],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            start_new_session=True,
        )


def test_killed_in_the_middle_the_same_command_goes_on_to_the_same_step(frames, tmp_path):
    folder, log = tmp_path / "run", tmp_path / "log"
    arguments = ["--annotations", str(frames), "--output", str(folder), "--steps", "60"]
    arguments += ["--batch", "2", "--input-size", "64", "--checkpoint-steps", "5"]
    first = start(arguments, log)
    try:
        deadline = time.monotonic() + 500
        while not (folder / "checkpoint").exists():  # written after the first of them
            assert first.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    reached = max(int(path.stem.split("-")[1]) for path in folder.glob("ckpt-*.index"))
    assert reached < 60
    interrupted = record_of(folder)
    assert interrupted["status"] == "unfinished"
    second = start(arguments, log)
    assert second.wait(timeout=600) == 0, log.read_text()
    text = log.read_text()
    assert "going on from step" in text
    assert "step 60 of 60" in text
    record = record_of(folder)
    assert record["status"] == "finished"
    assert record["step"] == 60
    assert record["started"] == interrupted["started"]
    assert (folder / "ckpt-60.index").is_file()
