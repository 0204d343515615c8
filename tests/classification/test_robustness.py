from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from annotations.galaxies.dataset import GalaxySet
from annotations.galaxies.registry import read_galaxies
from classification.edge_classifiers import BundleClassifier
from classification.predictions import Predictions
from classification.robustness import measure_robustness
from classification.telescope_faults import FAULTS
from edge_runtime.cli.app import app
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.evaluation.classifier import evaluate_classifier


class OfBrightness:
    """Says the truth where a picture is as the survey's, and one class where it is not."""

    def __init__(self, galaxies: GalaxySet) -> None:
        self.right = {
            identity: (galaxies.votes[i], galaxies.classes["class5"].index[i])
            for i, identity in enumerate(galaxies.ids)
        }

    def predict(self, galaxies: GalaxySet) -> Predictions:
        faulty = "noise" in galaxies.pictures.name(0)
        votes = np.stack([np.nan_to_num(self.right[i][0]) for i in galaxies.ids])
        index = np.array([0 if faulty else max(self.right[i][1], 0) for i in galaxies.ids])
        if faulty:
            votes = votes + 0.1
        classes = {"class5": np.eye(5, dtype=np.float32)[index]}
        return Predictions(galaxies.ids, votes.astype(np.float32), classes)


@pytest.fixture(scope="module")
def galaxies(tiny_data: Path) -> GalaxySet:
    return read_galaxies(tiny_data / "galaxies" / "labels.csv").where("val")


def test_losses_are_told_against_no_fault(galaxies: GalaxySet) -> None:
    result = measure_robustness(
        OfBrightness(galaxies), galaxies, name="told", faults=("noise", "mono")
    )
    assert [row.fault for row in result.rows] == ["none", "noise", "mono"]
    clean, noise, mono = result.rows
    assert (clean.accuracy, clean.rmse) == (1.0, 0.0)
    assert clean.accuracy_loss is None
    first = np.mean(galaxies.labels("class5").index[galaxies.labels("class5").known] == 0)
    assert noise.accuracy_loss == pytest.approx(1 - first)
    assert noise.rmse_rise == pytest.approx(0.1, abs=1e-6)
    assert mono.accuracy_loss == 0.0
    assert result.worst_accuracy_loss == noise.accuracy_loss
    assert "| noise |" in result.markdown()
    assert json.loads(json.dumps(result.as_dict()))["rows"][1]["fault"] == "noise"


def test_a_set_without_labels_is_refused(galaxies: GalaxySet) -> None:
    bare = galaxies.rows(~(galaxies.has_votes | galaxies.labels("class5").known))
    with pytest.raises(GalaxyEdgeError, match="no galaxy has"):
        measure_robustness(OfBrightness(galaxies), bare, name="none")


def test_the_bundle_scores_here_as_evaluate_classifier_says(
    galaxies: GalaxySet, tiny_data: Path
) -> None:
    there = evaluate_classifier(tiny_data / "galaxies" / "labels.csv", split="val")
    here = measure_robustness(BundleClassifier(), galaxies, name="bundle", faults=()).rows[0]
    assert here.accuracy == pytest.approx(there["accuracy"])
    assert here.rmse == pytest.approx(there["rmse"], abs=1e-6)


def test_the_command_writes_a_table_and_figures(tiny_data: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app,
        [
            "report", "robustness", "--labels", str(tiny_data / "galaxies" / "labels.csv"),
            "--split", "val", "--fault", "blur", "--limit", "6",
            "--markdown", str(tmp_path / "table.md"), "--json", str(tmp_path / "figures.json"),
        ],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [row["fault"] for row in figures["rows"]] == ["none", "blur"]
    assert "| blur |" in (tmp_path / "table.md").read_text()


def test_the_command_names_the_faults_it_knows(tiny_data: Path) -> None:
    done = CliRunner().invoke(
        app,
        ["report", "robustness", "--labels", str(tiny_data), "--fault", "rain"],
    )
    assert done.exit_code != 0
    assert "half scale" in str(done.exception) + done.output


@pytest.mark.slow
def test_the_shipped_bundle_on_real_galaxies(data_dir: Path) -> None:
    galaxies = read_galaxies(data_dir / "galaxies" / "labels.csv").where("val", ("kaggle",))
    few = galaxies.rows(galaxies.labels("class5").known)
    few = few.rows(np.arange(0, len(few), 4))
    result = measure_robustness(BundleClassifier(), few, name="bundle")
    assert [row.fault for row in result.rows] == list(FAULTS)
    assert result.rows[0].accuracy > 0.85
    for row in result.rows[1:]:
        assert row.accuracy > 0.6, row.fault
