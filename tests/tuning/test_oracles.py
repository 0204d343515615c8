from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from keras_tuner.engine.trial import Trial, TrialStatus
from tuning_trials import made_up_settings

from tuning.oracles import make_oracle
from tuning.search_oracle import OBJECTIVE, SearchOracle
from tuning.spaces import SearchSpace, space

SPACE = space("tuned_small")

TWO_PARAMETERS = """
name = "two"
network = "tuned_small"
[[parameters]]
name = "conv1_filters"
kind = "int"
low = 32
high = 128
step = 16
default = 64
[[parameters]]
name = "dropout"
kind = "float"
low = 0.3
high = 0.7
step = 0.1
default = 0.5
"""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def oracle(folder: Path, clock: Clock | None = None, **changes: Any) -> SearchOracle:
    return make_oracle(
        made_up_settings(**changes),
        SPACE,
        folder,
        lease_s=None if clock is None else 60.0,
        clock=clock or Clock(),
    )


def score(values: dict[str, Any]) -> float:
    return -abs(values["conv1_filters"] - 96) / 96 - abs(values["dropout"] - 0.4)


def finish(of: SearchOracle, trial: Trial) -> None:
    of.update_trial(trial.trial_id, {OBJECTIVE: score(trial.hyperparameters.values)})
    trial.status = TrialStatus.COMPLETED
    of.end_trial(trial)


def run(of: SearchOracle, trials: int) -> list[dict[str, Any]]:
    tried = []
    for _ in range(trials):
        trial = of.create_trial("a")
        tried.append(dict(trial.hyperparameters.values))
        finish(of, trial)
    return tried


@pytest.fixture
def small(tmp_path: Path) -> SearchSpace:
    path = tmp_path / "two.toml"
    path.write_text(TWO_PARAMETERS)
    return space(path)


def bayesian(folder: Path, of: SearchSpace) -> SearchOracle:
    return make_oracle(made_up_settings(tuner="bayesian", trials=20), of, folder)


def test_a_bayesian_search_proposes_the_same_after_it_was_broken_off(
    tmp_path: Path, small: SearchSpace
) -> None:
    tried = run(bayesian(tmp_path / "a", small), 5)
    run(bayesian(tmp_path / "b", small), 4)
    (last,) = run(bayesian(tmp_path / "b", small), 1)
    assert last == tried[4]
    assert len({str(values) for values in tried}) == 5
    small.check(last)


def test_a_bayesian_search_proposes_beside_trials_that_run(
    tmp_path: Path, small: SearchSpace
) -> None:
    shared = bayesian(tmp_path, small)
    run(shared, 4)
    first, second = shared.create_trial("a"), shared.create_trial("b")
    assert first.hyperparameters.values != second.hyperparameters.values


def test_a_bayesian_search_never_tries_the_same_twice(tmp_path: Path, small: SearchSpace) -> None:
    tried = run(bayesian(tmp_path, small), 10)
    assert len({str(values) for values in tried}) == 10
    assert max(score(values) for values in tried[3:7]) > max(score(v) for v in tried[:3])


def test_hyperband_goes_on_with_the_best_of_the_first_round(tmp_path: Path) -> None:
    found = oracle(tmp_path, tuner="hyperband", epochs=9, trials=14)
    tried = run(found, 14)
    later = [values for values in tried if values["tuner/initial_epoch"]]
    assert later
    first = [values for values in tried if values["tuner/bracket"] == 2][:9]
    best = max(range(len(first)), key=lambda i: score(first[i]))
    assert later[0]["tuner/trial_id"] == f"{best:02d}"
    assert (later[0]["tuner/initial_epoch"], later[0]["tuner/epochs"]) == (1, 3)


def test_a_trial_of_which_nothing_is_heard_is_handed_out_again(tmp_path: Path) -> None:
    clock = Clock()
    chief = oracle(tmp_path, clock)
    lost, alive = chief.create_trial("a"), chief.create_trial("b")
    for _ in range(4):
        clock.now += 20
        chief.get_trial(alive.trial_id)
        chief.take_back_lost()
    assert [trial.trial_id for trial in chief.ongoing_trials.values()] == [alive.trial_id]
    again = chief.create_trial("b2")
    assert again.trial_id == lost.trial_id
    finish(chief, again)
    finish(chief, lost)  # the one that was lost comes back, too late
    assert chief.end_order == [lost.trial_id]


def test_a_trial_that_takes_every_worker_with_it_fails(tmp_path: Path) -> None:
    clock = Clock()
    chief = oracle(tmp_path, clock)
    for worker in "abc":
        assert chief.create_trial(worker).trial_id == "0"
        clock.now += 61
        chief.take_back_lost()
    assert chief.trials["0"].status == TrialStatus.FAILED
    assert chief.last_failure() == "it was begun 3 times and never ended"
    assert chief.create_trial("d").trial_id == "1"


def test_a_worker_that_is_started_again_gets_its_trial(tmp_path: Path) -> None:
    chief = oracle(tmp_path, Clock())
    first = chief.create_trial("a")
    assert chief.create_trial("a").trial_id == first.trial_id
    assert len(chief.trials) == 1


def test_a_chief_that_is_started_again_leaves_trials_with_their_workers(tmp_path: Path) -> None:
    clock = Clock()
    running = oracle(tmp_path, clock).create_trial("a")
    chief = oracle(tmp_path, clock)
    assert chief.create_trial("b").trial_id != running.trial_id
    finish(chief, running)
    assert chief.trials[running.trial_id].status == TrialStatus.COMPLETED


def test_a_worker_waits_while_the_last_trial_of_another_runs(tmp_path: Path) -> None:
    clock = Clock()
    chief = oracle(tmp_path, clock, trials=2)
    last = chief.create_trial("a")
    finish(chief, chief.create_trial("b"))
    assert chief.create_trial("b").status == TrialStatus.IDLE
    assert not chief.is_finished
    clock.now += 61
    chief.take_back_lost()
    again = chief.create_trial("b")
    assert again.trial_id == last.trial_id
    finish(chief, again)
    assert chief.is_finished
    assert chief.create_trial("b").status == TrialStatus.STOPPED
    assert chief.tuner_ids == set()


@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband"])
def test_digits_that_values_lose_on_the_way_do_not_count(tmp_path: Path, tuner: str) -> None:
    chief = oracle(tmp_path, Clock(), tuner=tuner)
    trial = chief.create_trial("a")
    values = dict(trial.hyperparameters.values)
    travelled = Trial.from_proto(trial.to_proto())
    travelled.hyperparameters.values["dropout"] += 1e-8
    finish(chief, travelled)
    assert chief.trials[trial.trial_id].hyperparameters.values == values
