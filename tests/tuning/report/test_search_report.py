from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from made_up_galaxies import probabilities
from made_up_searches import made_up_search, settings

from classification.scoring import class_report
from edge_runtime.sighting import CLASS5
from tuning.record import SearchRecord
from tuning.report import charts
from tuning.report.search_report import (
    pareto_ids,
    ranked,
    retraining_command,
    time_used,
    write_search_report,
)
from tuning.spaces import space


def self_contained(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    assert "http" not in text
    assert "<script" not in text
    assert all(s.startswith("data:image/") for s in re.findall(r'(?:src|href)="([^"]*)"', text))
    return text


def test_the_page_of_a_search_tells_all_of_it(tmp_path: Path) -> None:
    record = made_up_search(tmp_path / "a search", trials=20)
    true = np.arange(30) % 5
    confusion = class_report(true, probabilities(true, 5, right=2.0), CLASS5)
    page = tmp_path / "search.html"
    importance = write_search_report(page, record, confusion=confusion, rounds=3)
    text = self_contained(page)
    assert text.count("data:image/svg+xml") == 5
    assert importance is not None
    assert importance.rounds == 3
    assert "20 trials are few" not in text  # of 20 two failed
    assert "18 trials are few for 9 parameters" in text
    assert text.count("&lt;the limit&gt;") == 4  # two failures, in the table and below
    assert "on 30 validation galaxies" in text
    assert f"--trial {record.best.id}" in text if record.best else False
    for trial in record.trials:
        assert f">{trial.id}" in text
    for title in ("Importance", "Progress", "What it costs", "Time used"):
        assert title in text


def test_a_search_that_has_just_begun_has_a_page(tmp_path: Path) -> None:
    page = tmp_path / "search.html"
    nothing = SearchRecord(settings(), space("compact"), (), tmp_path)
    assert write_search_report(page, nothing) is None
    assert "No trial has completed" in self_contained(page)
    only_failed = made_up_search(tmp_path, trials=2, failing=(0, 1))
    write_search_report(page, only_failed)
    assert "failed: out of memory" in self_contained(page)
    running = made_up_search(tmp_path, trials=3, failing=(), running=True)
    write_search_report(page, running, confusion_missing="the labels are gone")
    text = self_contained(page)
    assert "running" in text
    assert "not finished" in text
    assert "No confusion matrix: the labels are gone" in text
    assert "at least 8 completed trials" in text


def test_trials_are_ranked_and_the_front_is_what_nothing_beats(tmp_path: Path) -> None:
    record = made_up_search(tmp_path, trials=12, failing=(2,), running=True)
    order = ranked(record)
    objectives = [t.objective for t in order if t.objective is not None]
    assert objectives == sorted(objectives, reverse=True)
    assert [t.state for t in order[-2:]] == ["running", "failed"]
    kept = set(pareto_ids(record))
    results = {t.id: t.result for t in record.completed if t.result is not None}
    for name, one in results.items():
        beaten = any(
            other.metrics["accuracy"] >= one.metrics["accuracy"]
            and other.latency_ms <= one.latency_ms
            and other.size_kb <= one.size_kb
            and (other.metrics["accuracy"], -other.latency_ms, -other.size_kb)
            != (one.metrics["accuracy"], -one.latency_ms, -one.size_kb)
            for other in results.values()
        )
        assert (name in kept) == (not beaten)


def test_the_command_trains_the_trial_and_builds_a_bundle(tmp_path: Path) -> None:
    record = made_up_search(tmp_path / "my search", trials=3, failing=())
    command = retraining_command(record, record.trials[1])
    assert command == (
        f"galaxy-edge train winner '{tmp_path}/my search' --trial 01 --seeds 1,2,3 "
        "--beside compact --bundle 'my search-winner-bundle' --output 'my search-winner'"
    )


def test_time_is_added_up(tmp_path: Path) -> None:
    used = time_used(made_up_search(tmp_path, trials=10, failing=(3,)))
    assert (used.span_s, used.trials_s, used.failed_s) == (9 * 75 + 70, 700, 70)
    assert used.training_s == 9 * 60


def test_one_trial_far_below_the_others_does_not_squeeze_a_chart() -> None:
    low, high = charts.objective_range(np.array([0.8, 0.82, 0.84, 0.85, -3.0]))
    assert (low, high) == (0.8, 0.85)
    assert charts.objective_range(np.array([0.7])) == pytest.approx((0.2, 1.2))
    assert charts.objective_range(np.empty(0)) == (0.0, 1.0)


def test_an_error_is_drawn_so_that_better_is_higher(tmp_path: Path) -> None:
    record = made_up_search(tmp_path, trials=10, failing=(), metric="rmse", max_latency_ms=None)
    figure = charts.pareto_chart(record)
    bottom, top = figure.axes[0].get_ylim()
    best = min(t.result.metrics["rmse"] for t in record.completed if t.result)
    assert top < best < bottom
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"beaten", "Pareto front", "winner", "limit"} <= labels
    assert not [line for line in figure.axes[0].lines if line.get_label() == "limit"]


def test_charts_draw_every_trial_and_the_winner(tmp_path: Path) -> None:
    record = made_up_search(tmp_path, trials=15, failing=(4,))
    axes = charts.parallel_chart(record).axes[0]
    widths = [line.get_linewidth() for line in axes.lines]
    assert widths.count(1.3) == 13
    assert widths.count(2.2) == 1
    assert sum(line.get_linestyle() == ":" for line in axes.lines) == 1
    steps = next(
        line
        for line in charts.progress_chart(record).axes[0].lines
        if line.get_label() == "best so far"
    )
    assert steps.get_ydata()[-1] == record.best.objective if record.best else False
