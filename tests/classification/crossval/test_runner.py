"""Folds run once each, in processes of their own, and presets are compared."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="workstation extra not installed")

from annotations.galaxies.dataset import GalaxySet
from annotations.galaxies.registry import read_galaxies
from classification.commands.fold_bar import progress_line
from classification.crossval.comparison import collect
from classification.crossval.report import write_report
from classification.crossval.runner import FoldProgress, make_plan, run_crossval
from classification.crossval.settings import CrossvalSettings
from edge_runtime.errors import ConfigError, GalaxyEdgeError

STAND_IN = (sys.executable, str(Path(__file__).with_name("fold_stand_in.py")))
PRESETS = ("parallel-cnn-2024", "parallel-cnn-2024-constrained")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def galaxies(labels_csv: Path) -> GalaxySet:
    return read_galaxies(labels_csv)


@pytest.fixture
def settings(labels_csv: Path, galaxies: GalaxySet) -> CrossvalSettings:
    return CrossvalSettings(PRESETS, str(labels_csv), folds=2, seed=3, data_hash=galaxies.data_hash)


def calls(here: Path) -> list[str]:
    return (here / "calls.txt").read_text().splitlines()


def test_presets_run_on_every_fold_and_are_compared(here, galaxies, settings):
    plan = make_plan(galaxies, settings, here / "out")
    seen: list[FoldProgress] = []
    run_crossval(plan, settings, here / "out", seen.append, worker=STAND_IN)
    assert calls(here) == [f"{preset} {fold} {fold + 2}" for fold in (1, 2) for preset in PRESETS]
    assert [at.done for at in seen] == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
    assert seen[-1].seconds_left == 0.0
    assert seen[3].seconds_left > 0.0

    result = collect(plan, settings, here / "out")
    assert (result.galaxies, result.copies) == (42, 2)
    assert {p: sum(c[p] for c in result.class_counts["class5"]) for p in ("spiral",)} == {
        "spiral": 9
    }
    first, second = result.presets
    assert first.spread["rmse"].mean == pytest.approx(0.10, abs=1e-6)
    assert first.spread["rmse"].sd == pytest.approx(0.0, abs=1e-6)
    assert second.spread["rmse"].mean == pytest.approx(0.05, abs=1e-6)
    assert first.spread["class5 accuracy"].mean == 1.0
    assert first.spread["class5 macro F1"].mean == 1.0
    assert second.spread["class5 log-loss"].mean == pytest.approx(0.2231, abs=1e-4)
    assert sum(fold.held_out_galaxies for fold in first.folds) == 42
    assert (first.parameters, first.folds[0].epochs) == (1234, 7)

    (comparison,) = result.comparisons
    over_votes = comparison.over_galaxies["squared error of the votes"]
    assert over_votes.pairs == 42
    assert over_votes.difference == pytest.approx(0.05**2 - 0.10**2, abs=1e-6)
    assert over_votes.p_value < 1e-6
    assert comparison.over_galaxies["class5 log-loss"].p_value < 1e-6
    assert comparison.over_folds["rmse"].t_test.difference == pytest.approx(-0.05, abs=1e-6)
    assert comparison.over_folds["rmse"].wilcoxon.p_value == pytest.approx(0.5)

    files = write_report(result, here / "out")
    content = json.loads(files[0].read_text())
    assert content["presets"][0]["spread"]["rmse"]["mean"] == first.spread["rmse"].mean
    assert f"| {PRESETS[0]} | 0.1000 ± 0.0000 | 1.0000 ± 0.0000 |" in files[1].read_text()
    page = files[2].read_text()
    assert f"{PRESETS[1]} against {PRESETS[0]}" in page
    assert "42 galaxies of galaxies/labels.csv; without those of test; 2 of them copies" in page
    assert "0.5000" in page


def test_finished_folds_are_not_repeated(here, galaxies, settings):
    plan = make_plan(galaxies, settings, here / "out")
    (here / "die").touch()
    with pytest.raises(GalaxyEdgeError, match=r"parallel-cnn-2024/fold-1: the card is on fire"):
        run_crossval(plan, settings, here / "out", worker=STAND_IN)
    (here / "die").unlink()
    run_crossval(plan, settings, here / "out", worker=STAND_IN)
    (here / "out" / PRESETS[1] / "fold-2" / "result.json").unlink()
    seen: list[FoldProgress] = []
    again = make_plan(galaxies, settings, here / "out")
    run_crossval(again, settings, here / "out", seen.append, worker=STAND_IN)
    assert len(calls(here)) == 1 + 4 + 1
    assert [at.done for at in seen] == [1.0, 2.0, 3.0, 3.5, 4.0]
    assert seen[2].seconds_left is None


def test_a_folder_of_other_settings_is_refused(here, galaxies, settings):
    make_plan(galaxies, settings, here / "out")
    with pytest.raises(ConfigError, match="with folds 2, not 3"):
        make_plan(galaxies, replace(settings, folds=3), here / "out")


def test_a_missing_result_is_named(here, galaxies, settings):
    plan = make_plan(galaxies, replace(settings, presets=PRESETS[:1]), here / "out")
    one = replace(settings, presets=PRESETS[:1])
    run_crossval(plan, one, here / "out", worker=STAND_IN)
    (here / "out" / PRESETS[0] / "fold-2" / "predictions.npz").unlink()
    with pytest.raises(GalaxyEdgeError, match=r"fold-2/predictions\.npz: cannot be read"):
        collect(plan, one, here / "out")


def test_wrong_settings_are_named(labels_csv):
    with pytest.raises(ConfigError, match="twice"):
        CrossvalSettings((PRESETS[0], PRESETS[0]), str(labels_csv))
    with pytest.raises(ConfigError, match="at least 2"):
        CrossvalSettings(PRESETS, str(labels_csv), folds=1)
    with pytest.raises(ConfigError, match="unknown preset 'resnet-9000'"):
        _ = CrossvalSettings(("resnet-9000",), str(labels_csv)).targets


@pytest.mark.slow
def test_a_real_training_is_judged_on_its_held_out_fold(here, galaxies, settings):
    one = replace(settings, presets=PRESETS[:1], epochs=1, batch=8, limit=8, input_size_px=32)
    plan = make_plan(galaxies, one, here / "out")
    run_crossval(plan, one, here / "out", worker=STAND_IN)
    folder = here / "out" / PRESETS[0] / "fold-2"
    shutil.rmtree(folder)  # one real training is enough
    seen: list[FoldProgress] = []
    run_crossval(plan, one, here / "out", seen.append)
    assert seen[-1].done == 2.0
    (preset,) = collect(plan, one, here / "out").presets
    assert preset.parameters > 100_000
    assert preset.folds[1].training_galaxies == 8
    assert preset.folds[1].held_out_galaxies == len(plan.folds[1].held_out)
    assert 0.1 < preset.folds[1].figures["rmse"] < 1.0
    assert (folder / "run" / "network.keras").is_file()
    assert (folder / "training.log").stat().st_size > 0


def test_progress_is_told_in_words():
    progress = FoldProgress("compact", 2, 5, 1.25, 5, 4000.0)
    assert progress_line(progress) == (
        "compact, fold 2 of 5, 1.2 of 5 trainings done, about 1 h 07 min left"
    )
    assert "less than a minute" in progress_line(replace(progress, seconds_left=12.0))
    assert "left" not in progress_line(replace(progress, seconds_left=None))
