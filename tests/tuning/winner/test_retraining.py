from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_searches import made_up_search

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.record import RESULT_NAME, SearchRecord
from tuning.spaces import space
from tuning.trials.result import TrialResult
from tuning.trials.spec import TrialSpec
from tuning.winner import retraining
from tuning.winner.candidates import (
    EdgeCandidate,
    Training,
    TrialCandidate,
    default_candidate,
    winner_candidate,
)
from tuning.winner.edge_process import EdgeJob
from tuning.winner.retraining import retrain
from tuning.winner.work import Request, train_winner

RESULT = TrialResult({"accuracy": 0.8}, 1.0, 200.0, 30.0, 1000, 5.0)


@pytest.fixture
def record(tmp_path: Path) -> SearchRecord:
    return made_up_search(tmp_path / "search", trials=3, failing=())


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands of the processes, none of which is started."""
    commands: list[list[str]] = []

    def run(command: Sequence[str], folder: Path, at_step: Callable[[int], None], **_: object):
        commands.append(list(command))
        at_step(1)
        at_step(2)
        RESULT.write(folder / RESULT_NAME)

    monkeypatch.setattr(retraining, "run_worker", run)
    return commands


def test_each_candidate_is_trained_on_each_seed_and_only_once(
    record: SearchRecord, started: list[list[str]], tmp_path: Path
) -> None:
    winner = winner_candidate(record, record.trials[0].values, "trial-0")
    both = [winner, default_candidate(record, winner, "compact")]
    told: list[tuple[str, int, int]] = []
    training = Training(tmp_path, 2)
    found = retrain(record, both, training, (1, 7), tmp_path / "out", lambda *at: told.append(at))
    assert len(started) == 4
    assert [each.candidate.label for each in found] == ["trial-0", "compact-64px"]
    assert found[0].results == (RESULT, RESULT)
    job = EdgeJob.read(tmp_path / "out" / "compact-64px" / "seed-7" / "job.json")
    assert (job.candidate, job.seed, job.training.epochs) == (both[1], 7, 2)
    assert told[0] == ("trial-0, seed 1", 0, 8)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1] == ("done", 8, 8)
    retrain(record, both, training, (1, 7, 9), tmp_path / "out")
    assert len(started) == 6
    with pytest.raises(GalaxyEdgeError, match="with other settings"):
        retrain(record, both, replace(training, epochs=3), (1,), tmp_path / "out")


def test_a_broken_off_training_is_gone_on_with(
    record: SearchRecord, started: list[list[str]], tmp_path: Path
) -> None:
    winner = winner_candidate(record, record.trials[0].values, "trial-0")
    retrain(record, [winner], Training(tmp_path, 2), (1,), tmp_path / "out")
    (tmp_path / "out" / "trial-0" / "seed-1" / RESULT_NAME).unlink()
    retrain(record, [winner], Training(tmp_path, 2), (1,), tmp_path / "out")
    assert len(started) == 2
    assert started[0] == started[1]


def test_detectors_are_trained_as_trials_are(
    record: SearchRecord, started: list[list[str]], tmp_path: Path
) -> None:
    searched = space("detector")
    config = replace(record.config, space="detector", subject="detector", metric="recall_iou30")
    other = replace(record, space=searched, config=config)
    winner = winner_candidate(other, {**searched.defaults(), "fpn_width": 48}, "trial-0")
    default = default_candidate(other, winner, "detector")
    assert default == TrialCandidate("default-detector", searched.defaults())
    retrain(other, [winner], Training(tmp_path, 24), (3,), tmp_path / "out")
    assert started[0][1:3] == ["-m", "tuning.trials"]
    spec = TrialSpec.read(Path(started[0][3]))
    assert (spec.space, spec.seed, spec.epochs, spec.limit) == ("detector", 3, 24, None)
    assert spec.values["fpn_width"] == 48
    assert spec.data == tmp_path
    assert spec.output == tmp_path / "out" / "trial-0" / "seed-3"


def test_the_published_network_is_trained_with_the_bundles_outputs(record: SearchRecord) -> None:
    small = space("tuned_small")
    config = replace(record.config, space="tuned_small")
    other = replace(record, space=small, config=config)
    winner = winner_candidate(other, {**small.defaults(), "dense_units": 96}, "trial-0")
    assert isinstance(winner, EdgeCandidate)
    assert (winner.model, winner.input_size_px) == ("tuned_small", 69)
    assert winner.options["dense_units"] == 96
    default = default_candidate(other, winner, "tuned_small")
    assert default == replace(winner, label="default-tuned_small", options=small.defaults())


def test_a_bundle_that_cannot_be_is_refused_before_hours_of_training(
    record: SearchRecord, started: list[list[str]], tmp_path: Path
) -> None:
    request = Request(tmp_path / "out", Training(tmp_path, 2), (1,), bundle=tmp_path / "bundle")
    (tmp_path / "bundle").mkdir()
    with pytest.raises(ConfigError, match="is there already"):
        train_winner(record, request)
    with pytest.raises(ConfigError, match="no completed trial"):
        train_winner(record, replace(request, bundle=None, trial_id="99"))
    assert not started
    assert isinstance(winner_candidate(record, record.trials[0].values, "x"), EdgeCandidate)
