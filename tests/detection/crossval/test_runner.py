"""Folds run once each, in processes of their own, and a broken run is resumed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="workstation extra not installed")
pytest.importorskip("pycocotools", reason="workstation extra not installed")

from drawn_frames import drawn_frames

from detection.crossval.comparison import best_overlaps, collect, held_out_detections
from detection.crossval.report import write_report
from detection.crossval.runner import large_galaxies, run_crossval
from detection.crossval.settings import CrossvalSettings
from edge_runtime.errors import ConfigError, GalaxyEdgeError

STAND_IN = (sys.executable, str(Path(__file__).with_name("fold_stand_in.py")))
SETTINGS = CrossvalSettings(("ssd_mobilenet", "efficientdet_d0"), folds=2, steps=10, seed=3)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def calls(here: Path) -> list[str]:
    return (here / "calls.txt").read_text().splitlines()


def test_every_family_runs_on_every_fold_and_families_are_compared(here):
    labelled = drawn_frames(here / "frames", 24)
    seen: list[tuple[int, int]] = []
    run_crossval(labelled, SETTINGS, here / "out", lambda *at: seen.append(at), worker=STAND_IN)
    assert calls(here) == [
        "ssd_mobilenet 1 3",
        "efficientdet_d0 1 3",
        "ssd_mobilenet 2 4",
        "efficientdet_d0 2 4",
    ]
    assert seen[0] == (0, 40)
    assert (5, 40) in seen
    assert seen[-1] == (40, 40)
    assert [at for at, _ in seen] == sorted(at for at, _ in seen)
    assert not (here / "out" / "records").exists()

    result = collect(labelled, SETTINGS, here / "out")
    ssd, efficientdet = result.families
    assert sum(fold.held_out_pictures for fold in ssd.folds) == 24
    assert all(fold.training_pictures + fold.held_out_pictures == 24 for fold in ssd.folds)
    assert ssd.spread["ap50"].mean == pytest.approx(1.0)
    assert ssd.spread["ar1"].mean > efficientdet.spread["ar1"].mean
    (comparison,) = result.comparisons
    assert comparison.over_frames.pairs == 24
    assert comparison.over_frames.difference < 0
    assert comparison.over_frames.p_value < 1e-4
    scored = held_out_detections(labelled, SETTINGS, here / "out", "ssd_mobilenet")
    assert 0.6 < best_overlaps(scored).min() < 0.9

    files = write_report(labelled, result, here / "out")
    content = json.loads(files[0].read_text())
    assert content["families"][0]["spread"]["ar1"]["mean"] == ssd.spread["ar1"].mean
    assert f"| ssd_mobilenet | {ssd.spread['ap'].mean:.3f} ± " in files[1].read_text()
    page = files[2].read_text()
    assert page.count("<figure>") == 12
    assert "efficientdet_d0 against ssd_mobilenet" in page


def test_finished_folds_are_not_repeated(here):
    labelled = drawn_frames(here / "frames", 12)
    (here / "die").touch()
    with pytest.raises(GalaxyEdgeError, match=r"ssd_mobilenet/fold-1: the card is on fire"):
        run_crossval(labelled, SETTINGS, here / "out", worker=STAND_IN)
    (here / "die").unlink()
    run_crossval(labelled, SETTINGS, here / "out", worker=STAND_IN)
    run_crossval(labelled, SETTINGS, here / "out", worker=STAND_IN)
    assert len(calls(here)) == 1 + 4


def test_missing_result_is_named(here):
    labelled = drawn_frames(here / "frames", 12)
    run_crossval(labelled, SETTINGS, here / "out", worker=STAND_IN)
    (here / "out" / "ssd_mobilenet" / "fold-2" / "result.json").unlink()
    with pytest.raises(GalaxyEdgeError, match=r"fold-2/result\.json: cannot be read"):
        collect(labelled, SETTINGS, here / "out")


def test_a_fold_ends_when_its_parent_is_killed(here):
    drawn_frames(here / "frames", 12)
    (here / "hang").touch()
    script = (
        "from pathlib import Path\n"
        "from drawn_frames import drawn_frames\n"
        "from detection.crossval.runner import run_crossval\n"
        "from detection.crossval.settings import CrossvalSettings\n"
        f"settings = CrossvalSettings(('ssd_mobilenet',), folds=2, steps=10)\n"
        f"run_crossval(drawn_frames(Path('frames'), 12), settings, Path('out'),\n"
        f"             lambda *at: print(*at, flush=True), worker={STAND_IN!r})\n"
    )
    repository = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{repository}:{repository / 'tests'}"}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        while parent.stdout.readline().split() != ["5", "20"]:
            assert parent.poll() is None
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        child = int(children.read_text().split()[0])
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 30
    while running(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not (here / "out" / "ssd_mobilenet" / "fold-1" / "result.json").exists()


def running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_small_galaxies_need_an_input_that_fits_fine_anchors(here):
    labelled = drawn_frames(here / "frames", 12, side_px=512)
    assert not large_galaxies(labelled.pictures, 96)
    settings = CrossvalSettings(("ssd_mobilenet",), folds=2, input_size_px=96)
    with pytest.raises(ConfigError, match="--input-size 96: these galaxies are small"):
        run_crossval(labelled, settings, here / "out", worker=STAND_IN)
    assert not (here / "out").exists()


@pytest.mark.slow
def test_real_training_is_evaluated_on_its_held_out_fold(here):
    labelled = drawn_frames(here / "frames", 10)
    settings = CrossvalSettings(("ssd_mobilenet",), folds=2, steps=3, batch=2, input_size_px=64)
    run_crossval(labelled, settings, here / "out", worker=STAND_IN)
    folder = here / "out" / "ssd_mobilenet" / "fold-2"
    shutil.rmtree(folder)  # one real training is enough
    seen: list[int] = []
    run_crossval(labelled, settings, here / "out", lambda done, _: seen.append(done))
    assert seen == [0, 3, 6, 6]
    (family,) = collect(labelled, settings, here / "out").families
    assert 100_000 < family.parameters < 2_000_000
    assert 0.0 <= family.folds[1].metrics["ar1"] < 1.0
    training = json.loads((folder / "training" / "training.json").read_text())
    assert (training["steps"], training["family"]) == (3, "ssd_mobilenet")
    assert (folder / "training.log").stat().st_size > 0
