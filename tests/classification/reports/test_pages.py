from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from made_up_galaxies import galaxies, probabilities, some_votes
from typer.testing import CliRunner

from annotations.galaxies.dataset import CLASS5
from classification.metrics import RocCurve
from classification.predictions import Predictions
from classification.reports.compare_report import mean_roc, write_compare_report
from classification.reports.gallery import worst_classes, worst_votes
from classification.reports.run_record import History, Run
from classification.reports.run_report import metric_names, write_run_report
from classification.reports.subjects import Subject
from edge_runtime.cli.app import app
from edge_runtime.errors import ConfigError, GalaxyEdgeError

TRUE = np.random.default_rng(0).integers(0, 4, 40)  # no spiral: a class without a galaxy
HISTORY = History(
    np.arange(1, 4),
    {
        "loss": np.array([3.0, 2, 1]),
        "val_loss": np.array([3.0, np.nan, 2]),
        "learning_rate": np.full(3, 1e-3),
    },
)


def subject(name: str, *, seed: int = 0, votes: bool = True, history: bool = True) -> Subject:
    held = galaxies(TRUE, votes=some_votes(40))
    said = Predictions(
        held.ids,
        some_votes(40, seed=seed + 1) if votes else None,
        {CLASS5: probabilities(TRUE, 5, right=1.0, seed=seed)},
    )
    return Subject(Run(name, {"seed": "1"}, HISTORY if history else None), said, held)


def assert_self_contained(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    assert "http" not in text
    assert "<script" not in text
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert page.stat().st_size < 5_000_000
    return text


def test_the_page_of_a_run_holds_all_it_needs(tmp_path: Path) -> None:
    page = tmp_path / "run.html"
    figures = write_run_report(page, subject("<b>one</b>"), "val", exhibits=5, resamples=100)
    text = assert_self_contained(page)
    assert "&lt;b&gt;one&lt;/b&gt;" in text
    for title in ("loss", "learning rate", "Confusion matrix", "ROC", "Reliability"):
        assert title in text
    assert text.count("data:image/jpeg") == 10
    assert f"{figures.scores.classes[CLASS5].accuracy:.3f} (" in text
    content = json.loads(json.dumps(figures.as_dict(), allow_nan=False))
    assert content["intervals"]["classes"][CLASS5]["accuracy"]["value"] == pytest.approx(
        content["scores"]["classes"][CLASS5]["accuracy"]
    )
    constant = np.sqrt(np.mean(np.var(some_votes(40), axis=0)))
    assert content["constant_rmse"] == pytest.approx(constant, rel=1e-4)


def test_a_run_without_votes_log_or_errors_has_a_page(tmp_path: Path) -> None:
    held = galaxies([2])
    right = np.full((1, 5), 0.01, np.float32)
    right[0, 2] = 0.96
    alone = Subject(Run("alone", {}), Predictions(held.ids, classes={CLASS5: right}), held)
    figures = write_run_report(tmp_path / "alone.html", alone, "val", resamples=100)
    text = assert_self_contained(tmp_path / "alone.html")
    assert "No class is wrong" in text
    assert "RMSE" not in text
    assert figures.class_intervals[CLASS5]["macro_auc"].value is None


def test_worst_errors_come_first() -> None:
    one = subject("one")
    labels, said = one.galaxies.classes[CLASS5], one.predictions.classes[CLASS5]
    said[7] = np.eye(5, dtype=np.float32)[(labels.index[7] + 1) % 5]
    first = worst_classes(one.predictions, one.galaxies, CLASS5, 3)[0]
    assert first.name == "g7"
    assert first.lines[0] == f"true {labels.names[labels.index[7]]} (0.000)"
    assert first.lines[2] == "log-loss 16.12"
    one.predictions.votes[9, 0] = one.galaxies.votes[9, 0] + 5.0
    votes = worst_votes(one.predictions, one.galaxies, 1)[0]
    assert votes.name == "g9"
    assert votes.lines[1].startswith("smooth: ")


def test_the_page_of_several_marks_the_best_and_tests_the_others(tmp_path: Path) -> None:
    page = tmp_path / "several.html"
    subjects = [
        subject("first"),
        subject("second", seed=5),
        subject("third", seed=9, votes=False, history=False),
    ]
    found = write_compare_report(page, subjects, "val", exhibits=4, resamples=100)
    text = assert_self_contained(page)
    assert text.count("★") == 1 + 1 + 4  # the legend, the RMSE, and four scores of the classes
    assert text.count("McNemar, exact") == 2
    assert "validation loss" in text
    json.dumps(found, allow_nan=False)
    votes, classes = found["comparisons"]
    assert (votes["kind"], len(votes["classifiers"])) == ("votes", 2)
    assert (classes["against"], classes["n"]) == ("first", 40)
    assert classes["classifiers"][1]["class_f1"]["spiral"]["value"] in (None, 0.0)
    with pytest.raises(GalaxyEdgeError, match="at least two"):
        write_compare_report(page, subjects[:1], "val")


def test_equal_classifiers_leave_nothing_to_show(tmp_path: Path) -> None:
    page = tmp_path / "equal.html"
    write_compare_report(page, [subject("a"), subject("b")], "val", resamples=100)
    assert "they do not differ" in assert_self_contained(page)


def test_metrics_are_named_once_with_the_loss_first() -> None:
    columns = ["learning_rate", "rmse", "val_rmse", "loss", "val_loss"]
    assert metric_names(columns) == ["loss", "rmse", "learning_rate"]


def test_the_mean_of_two_curves_lies_between_them() -> None:
    diagonal = RocCurve(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    perfect = RocCurve(np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0]))
    mean = mean_roc([diagonal, perfect])
    assert np.interp(0.5, mean.false_rate, mean.true_rate) == pytest.approx(0.75)
    assert (mean.false_rate[0], mean.true_rate[0]) == (0.0, 0.0)
    assert mean.true_rate[1] == pytest.approx(0.5)


@pytest.mark.slow
def test_commands_write_pages_and_json(tiny_data: Path, tmp_path: Path) -> None:
    labels = str(tiny_data / "galaxies" / "labels.csv")
    runner = CliRunner()
    saved, page, figures = tmp_path / "p.npz", tmp_path / "b.html", tmp_path / "b.json"
    options = ["--data", labels, "--resamples", "100", "--gallery", "2"]
    outputs = ["--output", str(page), "--json", str(figures), "--predictions", str(saved)]
    done = runner.invoke(app, ["report", "classifier", *options, *outputs])
    assert done.exit_code == 0, done.output
    assert "Galaxy classifier: default" in page.read_text(encoding="utf-8")
    assert json.loads(figures.read_text())["data"]["split"] == "val"
    several = tmp_path / "several.html"
    done = runner.invoke(
        app,
        ["report", "classifiers", str(saved), "--shipped", *options, "--output", str(several)],
    )
    assert done.exit_code == 0, done.output
    assert "they do not differ" in assert_self_contained(several)
    done = runner.invoke(app, ["report", "classifier", *options])
    assert isinstance(done.exception, ConfigError)
    assert "--output is needed" in str(done.exception)
