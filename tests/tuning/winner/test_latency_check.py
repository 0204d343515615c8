from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_up_searches import made_up_search

from edge_runtime.bundle.loading import load_bundle
from tuning.trials.exported import CLASSIFIER_FILE
from tuning.winner.latency_check import LatencyCheck, bundle_call_ms, check_latency

CHECK = LatencyCheck(1.1, 1.05, 1.0, None, threads=1, elsewhere=False)


def test_a_ratio_within_a_fifth_agrees() -> None:
    assert CHECK.ratio == pytest.approx(1.1)
    assert CHECK.ratio_again == pytest.approx(1.05)
    assert CHECK.agrees
    assert "1.100 ms in the trial (1.050 ms measured again now)" in CHECK.describe()
    assert CHECK.describe().endswith("ratio 1.10 (1.05), within 20 %")
    slow = replace(CHECK, trial_ms=1.3)
    assert not slow.agrees
    assert slow.describe().endswith("NOT within 20 %")


def test_a_whole_benchmark_counts_where_there_is_one() -> None:
    benched = replace(CHECK, bench_ms=2.2)
    assert benched.ratio == pytest.approx(0.5)
    assert "2.200 ms in the bundle (galaxy-edge bench)" in benched.describe()
    assert benched.as_dict()["agrees"] is False


def test_other_conditions_are_told() -> None:
    assert "another device" in replace(CHECK, elsewhere=True).describe()
    assert "2 threads" in replace(CHECK, threads=2).describe()


def test_the_shipped_classifier_takes_as_long_in_a_trial_as_in_its_bundle(tmp_path: Path) -> None:
    """The trial measured its own file in the trial's way; the bundle holds the same file."""
    from classification.latency import measure

    bundle = load_bundle()
    record = made_up_search(tmp_path, trials=1, failing=())
    (trial,) = record.trials
    assert trial.folder is not None
    trial.folder.mkdir(parents=True)
    file = trial.folder / CLASSIFIER_FILE
    file.write_bytes(bundle.read(bundle.manifest.classifier.file))
    assert trial.result is not None
    measured = replace(trial.result, latency_ms=measure(file, rounds=2, round_s=0.1).median_ms)
    found = check_latency(record, replace(trial, result=measured), bundle.path)
    assert found.again_ms is not None
    assert 0.3 < found.ratio < 3.0  # machines of tests are busy
    assert bundle_call_ms(bundle, rounds=1) > 0.0
