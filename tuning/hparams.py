"""Trials in TensorBoard: a run for each, with its values and what came of them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuning.spaces import SearchSpace
from tuning.trials.result import TrialResult
from tuning.trials.spec import Value

TENSORBOARD_NAME = "tensorboard"
_COSTS = ("latency_ms", "size_kb", "peak_memory_mb", "parameters", "training_s")


def write_experiment(folder: Path, space: SearchSpace, metrics: tuple[str, ...]) -> None:
    """Tell TensorBoard which values and metrics there are; once for a search.

    Parameters
    ----------
    folder : Path
        Of the search; gets ``tensorboard/``.
    space : SearchSpace
    metrics : tuple of str
        Of the results.
    """
    from tensorboard.plugins.hparams import summary_v2

    where = folder / TENSORBOARD_NAME
    if where.exists():
        return
    hparams = [summary_v2.HParam(one.name, _domain(one.all_values())) for one in space.parameters]
    tags = [summary_v2.Metric(name) for name in ("objective", *metrics, *_COSTS)]
    _write(where, [(0, summary_v2.hparams_config_pb(hparams, tags))])


def write_trial(
    folder: Path,
    trial_id: str,
    values: Mapping[str, Value],
    result: TrialResult | None,
    objective: float | None,
) -> None:
    """Write the run of a trial that has ended; what was there of it is replaced.

    Parameters
    ----------
    folder : Path
        Of the search.
    trial_id : str
    values : mapping of str to value
    result : TrialResult or None
        None where it failed.
    objective : float or None
    """
    from tensorboard.plugins.hparams import api_pb2, summary, summary_v2

    where = folder / TENSORBOARD_NAME / trial_id
    shutil.rmtree(where, ignore_errors=True)
    summaries: list[tuple[int, Any]] = [(0, summary_v2.hparams_pb(dict(values), trial_id))]
    if result is None or objective is None:
        summaries.append((0, summary.session_end_pb(api_pb2.STATUS_FAILURE)))
        _write(where, summaries)
        return
    for step, row in enumerate(result.curve):
        summaries += [(step, _scalar(f"curve/{name}", value)) for name, value in row.items()]
    last = max(0, len(result.curve) - 1)
    scores = {"objective": objective, **result.metrics, **{n: getattr(result, n) for n in _COSTS}}
    summaries += [(last, _scalar(name, value)) for name, value in scores.items()]
    summaries.append((last, summary.session_end_pb(api_pb2.STATUS_SUCCESS)))
    _write(where, summaries)


def _domain(values: tuple[Value, ...] | None) -> Any:
    from tensorboard.plugins.hparams.summary_v2 import Discrete

    return None if values is None else Discrete(list(values))


def _scalar(name: str, value: float) -> Any:
    """A summary of one number."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=name, simple_value=float(value))])


def _write(where: Path, summaries: list[tuple[int, Any]]) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(where))
    for step, summary in summaries:
        event = Event(wall_time=time.time(), step=step)
        # some come in TensorFlow's class of the same message where that is installed
        event.summary.ParseFromString(summary.SerializeToString())
        writer.add_event(event)
    writer.close()
