"""From a search to a bundle, with the smallest network and data there are."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_searches import made_up_search
from small_labelled_frames import write_coco
from tiny_data_set import write_tiny_data
from typer.testing import CliRunner

from annotations.galaxies.registry import read_galaxies
from edge_runtime.bundle.loading import load_bundle
from edge_runtime.cli.app import app
from tuning.record import SearchRecord
from tuning.winner import retraining
from tuning.winner.bundle import BundleName
from tuning.winner.candidates import Training
from tuning.winner.summary import WinnerSummary
from tuning.winner.work import Request, train_winner

pytestmark = pytest.mark.slow

VALUES = {
    "input_size_px": 48,
    "start": "random",
    "blocks": 5,
    "width": 0.5,
    "separable": True,
    "squeeze_excite": False,
    "dropout": 0.2,
    "learning_rate": 3e-3,
    "augmentation": 0.5,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("winner")


@pytest.fixture(scope="module")
def record(folder: Path) -> SearchRecord:
    data = write_tiny_data(folder / "data")
    frames = data / "frames" / "telescope_galaxies"
    annotations = write_coco(frames / "images", 2)
    shutil.move(annotations, frames / "annotations.json")
    labels = data / "galaxies" / "labels.csv"
    found = made_up_search(folder / "search", 1, failing=(), values=[VALUES])
    config = replace(found.config, data=str(labels), data_hash=read_galaxies(labels).data_hash)
    return replace(found, config=config)


@pytest.fixture(scope="module")
def request_(folder: Path) -> Request:
    return Request(
        output=folder / "out",
        training=Training(folder / "data", 1),
        seeds=(4,),
        bundle=folder / "bundle",
        called=BundleName("tiny", "0.0.1"),
    )


@pytest.fixture(scope="module")
def summary(record: SearchRecord, request_: Request) -> WinnerSummary:
    return train_winner(record, request_)


def test_the_bundle_is_sound_and_says_where_it_comes_from(
    summary: WinnerSummary, folder: Path, record: SearchRecord
) -> None:
    bundle = load_bundle(folder / "bundle")
    manifest = bundle.manifest
    assert (bundle.name, bundle.version) == ("tiny", "0.0.1")
    assert manifest.classifier.input_size_px == 48
    assert manifest.provenance.seeds == (4,)
    assert manifest.provenance.data_sha256 == record.config.data_hash
    assert "trial 00 of a bayesian search of compact over 1 trials" in manifest.provenance.data
    assert "blocks 5" in manifest.provenance.data
    assert manifest.provenance.licence == "Apache-2.0 (weights)"
    assert "ImageNet" not in manifest.provenance.data.split("; detector:")[0]
    shipped = load_bundle()
    assert bundle.read("detector.tflite") == shipped.read(shipped.manifest.detector.file)
    assert set(manifest.metrics["int8"]) == {"detector_validation", "classifier_val"}
    assert [t.frame for t in manifest.selftest] == [t.frame for t in shipped.manifest.selftest]
    done = CliRunner().invoke(app, ["bundle", "verify", str(folder / "bundle")])
    assert done.exit_code == 0, done.output
    assert "trial 00" in (folder / "bundle" / "MODEL_CARD.md").read_text()
    assert summary.bundle is not None
    assert summary.bundle.warnings == ()


def test_the_summary_holds_figures_and_the_latency_of_both_files(
    summary: WinnerSummary, folder: Path
) -> None:
    paths = summary.write(folder / "out")
    content = json.loads(paths[0].read_text())
    figures = content["candidates"]["trial-00"]["figures"]
    result = json.loads((folder / "out" / "trial-00" / "seed-4" / "result.json").read_text())
    assert figures["accuracy"]["values"] == [result["metrics"]["accuracy"]]
    assert {"rmse", "float_rmse", "latency_ms", "size_kb"} <= set(figures)
    assert content["values"] == VALUES
    assert content["latency"]["again_ms"] is None  # the trial never ran
    assert content["latency"]["ratio"] == pytest.approx(
        content["latency"]["trial_ms"] / content["latency"]["bundle_ms"]
    )
    text = paths[1].read_text()
    assert "| accuracy |" in text
    assert "Bundle tiny 0.0.1" in text
    assert "One call of the classifier" in text


def test_what_is_finished_is_not_trained_again(
    record: SearchRecord,
    request_: Request,
    summary: WinnerSummary,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise AssertionError("a training was started")

    monkeypatch.setattr(retraining, "run_worker", fails)
    again = train_winner(record, replace(request_, bundle=None))
    assert again.retrained == summary.retrained
    assert again.bundle is None
