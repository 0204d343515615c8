from __future__ import annotations

import os
from pathlib import Path

import grpc
import pytest
from tuning_trials import made_up_settings

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.address import Address, known_to_keras_tuner
from tuning.settings import claim_search
from tuning.worker import SignsOfLife, await_search, worker_name


class Chief:
    """Answers until it is silent; a call takes a second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.silent = False
        self.asked: list[tuple[str, float]] = []

    def __call__(self) -> float:
        return self.now

    def ask(self, trial_id: str, timeout_s: float) -> None:
        self.asked.append((trial_id, self.now))
        self.now += 1
        if self.silent:
            raise grpc.RpcError("no answer")


def test_signs_of_life_are_given_four_times_a_lease() -> None:
    chief = Chief()
    signs = SignsOfLife(chief.ask, 100.0, chief)
    signs.begin("7")
    while chief.now < 110:
        chief.now += 1
        signs.give()
    assert [trial for trial, _ in chief.asked] == ["7"] * 4
    assert [at for _, at in chief.asked] == [25, 50, 75, 100]


def test_a_trial_is_given_up_before_its_lease_is_over() -> None:
    chief = Chief()
    signs = SignsOfLife(chief.ask, 100.0, chief)
    signs.begin("7")
    chief.silent = True
    with pytest.raises(GalaxyEdgeError, match="trial 7 is given up"):
        tick_until_it_raises(chief, signs)
    assert 80 < chief.now < 90


def tick_until_it_raises(chief: Chief, signs: SignsOfLife) -> None:
    while True:
        chief.now += 1
        signs.give()


def test_a_worker_that_slept_past_its_lease_gives_up_though_the_chief_answers() -> None:
    chief = Chief()
    signs = SignsOfLife(chief.ask, 100.0, chief)
    signs.begin("7")
    chief.now += 500
    with pytest.raises(GalaxyEdgeError, match="nothing was heard of the chief for 500 s"):
        signs.give()


def test_no_worker_is_taken_for_the_chief() -> None:
    assert "chief" not in worker_name("chief-of-rack-3")
    assert worker_name("rack-3") == "worker-rack-3"


@pytest.mark.parametrize("text", ["node01", "node01:", ":5050", "node01:http", "node01:70000"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected HOST:PORT"):
        Address.parse(text)


def test_the_variables_of_keras_tuner_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "mine")
    monkeypatch.delenv("KERASTUNER_ORACLE_IP", raising=False)
    with known_to_keras_tuner(Address.parse("node01:5050"), "worker-a"):
        assert os.environ["KERASTUNER_TUNER_ID"] == "worker-a"
        assert os.environ["KERASTUNER_ORACLE_IP"] == "node01"
        assert os.environ["KERASTUNER_ORACLE_PORT"] == "5050"
    assert os.environ["KERASTUNER_TUNER_ID"] == "mine"
    assert "KERASTUNER_ORACLE_IP" not in os.environ


def test_a_worker_needs_the_chiefs_folder_and_configuration(tmp_path: Path) -> None:
    with pytest.raises(GalaxyEdgeError, match="no chief has begun a search here"):
        await_search(tmp_path, made_up_settings(), wait_s=0.0)
    claim_search(tmp_path, made_up_settings(), "tuned_small")
    await_search(tmp_path, made_up_settings(), wait_s=0.0)
    with pytest.raises(ConfigError, match="seed 5, not 9"):
        await_search(tmp_path, made_up_settings(seed=9), wait_s=0.0)
