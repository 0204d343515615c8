"""What a file costs: latency, size, and memory of a process of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import classifier

from edge_runtime.errors import GalaxyEdgeError
from tuning.trials.costs import measure_costs
from tuning.trials.peak_memory import peak_memory_mb


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "classifier.tflite"
    path.write_bytes(classifier())
    return path


def test_memory_is_that_of_the_call_alone(model: Path) -> None:
    here = np.ones(300 << 20, np.uint8)  # of the process that asks
    peak_mb = peak_memory_mb(model)
    assert 20 < peak_mb < 150
    assert here[-1] == 1


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "classifier.tflite"
    path.write_bytes(b"nothing")
    with pytest.raises(GalaxyEdgeError, match=r"classifier\.tflite: its memory cannot be measured"):
        peak_memory_mb(path)


def test_a_command_tells_the_latency_in_place_of_this_machine(model: Path) -> None:
    costs = measure_costs(model, threads=1, latency_command="echo 12.5; :")
    assert costs.latency_ms == 12.5
    assert costs.size_kb == model.stat().st_size / 1024


def test_without_a_command_the_file_is_timed_here(model: Path) -> None:
    assert 0 < measure_costs(model, threads=1, latency_command=None).latency_ms < 50
