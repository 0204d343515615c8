from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from classification.reports.run_record import read_history, read_run
from edge_runtime.errors import GalaxyEdgeError


def test_a_card_becomes_facts_and_the_recipe_stays_apart(tmp_path: Path) -> None:
    card = {
        "architecture": "zoo_cnn",
        "target": "class5",
        "class_names": ["a", "b"],
        "parameters": 593125,
        "head": {"kind": "tree", "width": 37},
        "training_s": 12.5,
        "images_per_s": 300.0,
        "device": None,
        "recipe": {"crop_frame_px": 207},
    }
    (tmp_path / "network.json").write_text(json.dumps(card))
    run = read_run(tmp_path)
    assert run.name == tmp_path.name
    assert run.facts["parameters"] == "593,125"
    assert run.facts["head"] == "kind: tree, width: 37"
    assert run.facts["training, s"] == "12.5"
    assert run.facts["images per s"] == "300"
    assert run.facts["device"] == "–"
    assert run.recipe == {"crop frame, px": "207"}
    assert run.classes == {"class5": ("a", "b")}
    assert run.history is None


def test_a_folder_without_a_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GalaxyEdgeError, match=r"no network\.json"):
        read_run(tmp_path)
    (tmp_path / "network.json").write_text("[1]")
    with pytest.raises(GalaxyEdgeError, match="no card"):
        read_run(tmp_path)
    (tmp_path / "network.json").write_text("{")
    with pytest.raises(GalaxyEdgeError, match="cannot be read"):
        read_run(tmp_path)


def test_of_a_repeated_epoch_the_last_row_counts(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("epoch,loss,val_loss\n0,3,\n1,2,2.5\n1,1.5,2.25\n2,1,\n")
    history = read_history(log)
    assert history.epochs.tolist() == [1, 2, 3]
    assert history.columns["loss"].tolist() == [3, 1.5, 1]
    assert np.isnan(history.columns["val_loss"][0])
    assert history.columns["val_loss"][1] == 2.25


def test_a_log_without_an_epoch_yet_is_empty(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("epoch,loss\n")
    assert len(read_history(log).epochs) == 0
    log.write_text("epoch,loss\nfirst,2\n")
    with pytest.raises(GalaxyEdgeError, match="log of epochs"):
        read_history(log)
