from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, metadata

from tuning.hparams import write_experiment, write_trial
from tuning.spaces import space
from tuning.trials.result import TrialResult

SPACE = space("compact")
RESULT = TrialResult(
    metrics={"accuracy": 0.9},
    latency_ms=1.5,
    size_kb=300.0,
    peak_memory_mb=40.0,
    parameters=1000,
    training_s=60.0,
    curve=({"loss": 1.0}, {"loss": 0.5}),
)


def read(folder: Path, run: str) -> EventAccumulator:
    found = EventAccumulator(str(folder / "tensorboard" / run))
    found.Reload()
    return found


def content(run: EventAccumulator, tag: str) -> bytes:
    return run.SummaryMetadata(tag).plugin_data.content


def numbers(run: EventAccumulator, tag: str) -> list[float]:
    return [float(event.value) for event in run.Scalars(tag)]


def test_a_finished_trial_has_its_values_scores_costs_and_curve(tmp_path: Path) -> None:
    values = SPACE.defaults()
    for _ in range(2):  # written again, it is there once
        write_trial(tmp_path, "07", values, RESULT, 0.85)
    run = read(tmp_path, "07")
    start = metadata.parse_session_start_info_plugin_data(
        content(run, metadata.SESSION_START_INFO_TAG)
    )
    assert start.group_name == "07"
    assert start.hparams["blocks"].number_value == 9
    assert start.hparams["start"].string_value == "imagenet"
    assert set(start.hparams) == set(values)
    assert numbers(run, "objective") == [pytest.approx(0.85)]
    assert numbers(run, "accuracy") == [pytest.approx(0.9)]
    assert numbers(run, "latency_ms") == [1.5]
    assert numbers(run, "curve/loss") == [1.0, 0.5]
    end = metadata.parse_session_end_info_plugin_data(content(run, metadata.SESSION_END_INFO_TAG))
    assert end.status == api_pb2.STATUS_SUCCESS


def test_a_failed_trial_is_marked_so(tmp_path: Path) -> None:
    write_trial(tmp_path, "07", SPACE.defaults(), None, None)
    end = metadata.parse_session_end_info_plugin_data(
        content(read(tmp_path, "07"), metadata.SESSION_END_INFO_TAG)
    )
    assert end.status == api_pb2.STATUS_FAILURE


def test_the_experiment_lists_parameters_and_metrics(tmp_path: Path) -> None:
    write_experiment(tmp_path, SPACE, ("accuracy", "rmse"))
    found = metadata.parse_experiment_plugin_data(
        content(read(tmp_path, ""), metadata.EXPERIMENT_TAG)
    )
    assert [info.name for info in found.hparam_infos] == list(SPACE.names)
    assert list(found.hparam_infos[0].domain_discrete) == [48, 64, 80]
    tags = [info.name.tag for info in found.metric_infos]
    assert tags[:4] == ["objective", "accuracy", "rmse", "latency_ms"]
