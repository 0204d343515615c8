from __future__ import annotations

import json

from classification.reproduction.plans import Budget, row_plan
from classification.reproduction.results import Figures, RowResult, TrainedPart
from classification.reproduction.runner import Outcome
from classification.reproduction.table import as_dict, markdown

COMMAND = "scripts/reproduce-classifiers --budget quick"


def outcome(row: str, seed: int, rmse: float | None, **values) -> Outcome:
    figures = Figures(rmse=rmse, class5_accuracy=0.875)
    part = TrainedPart(
        target="votes",
        recipe="a-preset",
        parameters=1_220_165,
        epochs=12,
        training_s=61.4,
        figures=figures,
        int8_figures=figures,
        precision="int8",
        size_bytes=1_250_000,
        multiply_adds=40_000_000,
        latency_ms=1.234,
        latency_p95_ms=1.5,
        same_answer=0.99,
        **values,
    )
    environment = {"processor": "2 cores of a processor", "keras": "3.15.1"}
    return Outcome(row, seed, RowResult(row, seed, (part,), {"votes": 697}, environment))


def cells(text: str, title: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {title}")][:1]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_holds_scores_size_and_the_published_number() -> None:
    rows = [row_plan("parallel_cnn")]
    text = markdown(rows, [outcome("parallel_cnn", 1, 0.1177)], Budget.QUICK, (1,), COMMAND)
    found = cells(text, "parallel_cnn")
    assert found[1:3] == ["0.1177", "0.875"]
    assert found[4] == "—"
    assert found[7:13] == ["1,220,165", "61 s", "12", "1,250 kB", "1.23 ms", "0.0985"]
    assert "49 k training images" in text
    assert "2 cores of a processor with keras 3.15.1" in text
    assert "697 galaxies with votes" in text


def test_several_seeds_give_mean_and_spread() -> None:
    outcomes = [outcome("zoo_cnn", 1, 0.110), outcome("zoo_cnn", 2, 0.114)]
    text = markdown([row_plan("zoo_cnn")], outcomes, Budget.QUICK, (1, 2), COMMAND)
    assert cells(text, "zoo_cnn")[1] == "0.1120 ± 0.0028"
    assert "seeds 1, 2" in text


def test_a_network_of_classes_has_no_rmse() -> None:
    text = markdown(
        [row_plan("scratch_cnn")], [outcome("scratch_cnn", 1, None)], Budget.QUICK, (1,), COMMAND
    )
    assert cells(text, "scratch_cnn")[1] == "—"


def test_shortened_rows_are_marked_and_say_what_is_shortened() -> None:
    short = outcome("vgg16", 1, 0.15, shortened=("3 of at most 100 epochs",))
    text = markdown([row_plan("vgg16")], [short], Budget.QUICK, (1,), COMMAND)
    assert cells(text, "vgg16")[0] == "vgg16 ⏱"
    assert "- vgg16, votes: 3 of at most 100 epochs" in text


def test_failures_stand_in_the_table() -> None:
    failed = Outcome("resnet50", 1, None, "out of memory")
    text = markdown([row_plan("resnet50")], [failed], Budget.QUICK, (1,), COMMAND)
    assert cells(text, "resnet50")[1] == "failed"
    assert "- resnet50, seed 1: out of memory" in text


def test_everything_can_be_written_as_json() -> None:
    outcomes = [outcome("vgg16", 1, 0.15), Outcome("resnet50", 1, None, "out of memory")]
    content = json.loads(json.dumps(as_dict(outcomes, Budget.QUICK, (1,), COMMAND)))
    assert content["rows"][0]["figures"]["rmse"] == 0.15
    assert content["rows"][0]["published"][0]["value"] == 0.1152
    assert content["rows"][1]["error"] == "out of memory"
