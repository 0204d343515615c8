from __future__ import annotations

from pathlib import Path

import pytest

from classification.reproduction.plans import ROWS, Budget, RowKind, row_plan
from classification.reproduction.results import Figures, RowResult, TrainedPart
from classification.reproduction.runner import (
    QUICK_MINUTES,
    Plan,
    Task,
    chosen_rows,
    run,
    tasks_of,
    training_seconds,
)
from edge_runtime.errors import ConfigError, GalaxyEdgeError


def plan_of(tmp_path: Path, names: list[str], seeds: tuple[int, ...] = (1,)) -> Plan:
    return Plan(
        data=tmp_path / "data",
        work=tmp_path / "work",
        budget=Budget.QUICK,
        rows=chosen_rows(names),
        seeds=seeds,
        minutes=1.0,
        data_hash="0" * 64,
    )


def a_result(row: str, seed: int = 1) -> RowResult:
    part = TrainedPart(
        "votes", "a-preset", parameters=10, figures=Figures(rmse=0.12), shortened=("1 epoch",)
    )
    return RowResult(row, seed, (part,), {"votes": 5}, {"processor": "one"})


@pytest.mark.slow
def test_every_architecture_of_the_workbench_has_a_row() -> None:
    from classification.models import model_names
    from classification.presets import preset

    trained = {preset(t.preset).architecture for row in ROWS for t in row.trainings}
    ours = {"compact", "residual", "residual_fast", "searched", "efficientnet_lite0"}
    published = set(model_names()) - ours
    assert trained == published


def test_a_quick_table_is_planned_to_end_in_its_time() -> None:
    rows = chosen_rows(None, Budget.QUICK)
    assert "scratch_cnn_l1l2" not in {row.name for row in rows}
    planned = sum(row.training_s + row.overhead_s for row in rows)
    assert planned <= 60 * QUICK_MINUTES * 1.1


def test_rows_are_chosen_by_name_and_kept_in_the_order_of_the_table() -> None:
    assert [row.name for row in chosen_rows(["zoo_cnn", "bundle"])] == ["bundle", "zoo_cnn"]
    assert chosen_rows(None) == ROWS
    with pytest.raises(ConfigError, match="nothing"):
        chosen_rows(["nothing"])


def test_the_shipped_bundle_is_scored_once_and_networks_for_each_seed(tmp_path: Path) -> None:
    tasks = tasks_of(plan_of(tmp_path, ["bundle", "zoo_cnn"], seeds=(1, 2)))
    assert [(task.plan.name, task.seed) for task in tasks] == [
        ("bundle", 1),
        ("zoo_cnn", 1),
        ("zoo_cnn", 2),
    ]


def test_open_rows_share_the_time_that_is_left(tmp_path: Path) -> None:
    tasks = [Task(row, 1, tmp_path) for row in ROWS if row.kind is RowKind.NETWORK]
    left_s = 1000.0
    seconds = [training_seconds(task, tasks, left_s) for task in tasks]
    overhead = sum(task.plan.overhead_s for task in tasks)
    assert sum(seconds) == pytest.approx(left_s - overhead)
    planned = [task.plan.training_s for task in tasks]
    assert seconds[0] / seconds[1] == pytest.approx(planned[0] / planned[1])
    assert training_seconds(tasks[0], tasks, 1e6) == planned[0]
    # even when all time is used up, a row gets enough for some network
    assert training_seconds(tasks[0], tasks, -50.0) == pytest.approx(0.1 * planned[0])


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = a_result("zoo_cnn")
    written.save(tmp_path)
    assert RowResult.load(tmp_path) == written
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(GalaxyEdgeError, match=r"result\.json"):
        RowResult.load(tmp_path)


def test_rows_that_are_done_are_not_run_again(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, ["zoo_cnn"])
    a_result("zoo_cnn").save(plan.work / "zoo_cnn" / "seed-1")
    told: list[str] = []
    outcomes = run(plan, report=told.append)
    assert told == []
    assert [outcome.result for outcome in outcomes] == [a_result("zoo_cnn")]


def test_a_folder_of_another_budget_is_refused(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, [])
    run(plan)
    full = Plan(**{**_values(plan), "budget": Budget.FULL})
    with pytest.raises(ConfigError, match="budget"):
        run(full)


def _values(plan: Plan) -> dict:
    return {name: getattr(plan, name) for name in Plan.__slots__}


@pytest.mark.slow
def test_a_row_that_fails_says_why_and_the_others_go_on(tmp_path: Path, split_data: Path) -> None:
    plan = Plan(**{**_values(plan_of(tmp_path, ["decision_tree"])), "data": tmp_path / "nowhere"})
    (outcome,) = run(plan)
    assert outcome.result is None
    assert "labels.csv" in outcome.error
    again = Plan(**{**_values(plan), "data": split_data})
    (outcome,) = run(again)
    assert outcome.error == ""
    assert outcome.result is not None
    assert outcome.result.figures.class5_accuracy is not None


def test_rows_are_found_by_name() -> None:
    assert row_plan("compact").kind is RowKind.EDGE_NETWORK
