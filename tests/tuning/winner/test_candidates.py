from __future__ import annotations

from pathlib import Path

import pytest
from made_up_searches import made_up_search

from edge_runtime.errors import ConfigError, GalaxyEdgeError
from tuning.chosen_trials import chosen_trial, pareto_ids
from tuning.commands.winner import parse_seeds
from tuning.record import SearchRecord
from tuning.trials.json_record import write_record
from tuning.winner.candidates import (
    EdgeCandidate,
    Training,
    data_folder,
    default_candidate,
    usual_epochs,
    winner_candidate,
)
from tuning.winner.edge_process import JOB_NAME, EdgeJob


@pytest.fixture
def record(tmp_path: Path) -> SearchRecord:
    return made_up_search(tmp_path, trials=8, failing=(3,))


def test_the_winner_is_the_largest_objective_unless_one_is_named(record: SearchRecord) -> None:
    best = chosen_trial(record)
    assert best.objective == max(t.objective for t in record.completed if t.objective is not None)
    other = pareto_ids(record)[0]
    assert chosen_trial(record, other).id == other
    with pytest.raises(ConfigError, match=f"no completed trial is called '03'.*{other}"):
        chosen_trial(record, "03")


def test_a_search_without_a_completed_trial_has_no_winner(tmp_path: Path) -> None:
    with pytest.raises(GalaxyEdgeError, match="no trial has completed"):
        chosen_trial(made_up_search(tmp_path, trials=2, failing=(0, 1)))


def test_values_become_options_of_the_edges_network(record: SearchRecord) -> None:
    values = {
        "input_size_px": 48, "start": "random", "blocks": 6, "width": 0.75, "separable": True,
        "squeeze_excite": False, "dropout": 0.2, "learning_rate": 3e-3, "augmentation": 0.5,
    }  # fmt: skip
    found = winner_candidate(record, values, "trial-07")
    assert found == EdgeCandidate(
        "trial-07",
        "searched",
        {"start": "random", "blocks": 6, "width": 0.75, "separable": True,
         "squeeze_excite": False, "dropout": 0.2},
        48,
        3e-3,
        0.5,
    )  # fmt: skip


def test_the_hand_made_default_has_the_winners_input_or_its_own(record: SearchRecord) -> None:
    winner = winner_candidate(record, {**record.space.defaults(), "input_size_px": 80}, "trial-1")
    same = default_candidate(record, winner, "compact")
    assert same == EdgeCandidate("compact-80px", "compact", {}, 80, 1e-3, 1.0)
    own = default_candidate(record, winner, "compact:96")
    assert (own.label, own.input_size_px) == ("compact-96px", 96)  # type: ignore[union-attr]
    for wrong, message in (("zoo_cnn", "is of compact"), ("compact:big", "32 to 256 px")):
        with pytest.raises(ConfigError, match=message):
            default_candidate(record, winner, wrong)


def test_data_are_found_from_the_labels_of_a_search(tmp_path: Path) -> None:
    assert data_folder("/data/galaxies/labels.csv", "classifier") == Path("/data")
    (tmp_path / "frames").mkdir()
    assert data_folder(tmp_path, "detector") == tmp_path
    with pytest.raises(ConfigError, match="--data"):
        data_folder("/data/galaxy10.h5", "classifier")


def test_a_retraining_is_as_long_as_that_of_the_bundle(record: SearchRecord) -> None:
    assert usual_epochs(record) == 24


def test_a_job_survives_its_file(record: SearchRecord, tmp_path: Path) -> None:
    candidate = winner_candidate(record, record.trials[0].values, "trial-00")
    assert isinstance(candidate, EdgeCandidate)
    training = Training(tmp_path, 3, labelled_only=True, teachers=(tmp_path / "a.keras",))
    job = EdgeJob(candidate, training, 5, threads=2)
    write_record(tmp_path / JOB_NAME, job.as_dict())
    assert EdgeJob.read(tmp_path / JOB_NAME) == job
    write_record(tmp_path / JOB_NAME, {"seed": 1})
    with pytest.raises(GalaxyEdgeError, match="is no training"):
        EdgeJob.read(tmp_path / JOB_NAME)


def test_seeds_are_numbers_with_commas() -> None:
    assert parse_seeds("1, 2,30") == (1, 2, 30)
    for wrong in ("", "1,,2", "one", "1,1", "-1"):
        with pytest.raises(ConfigError, match="--seeds"):
            parse_seeds(wrong)
