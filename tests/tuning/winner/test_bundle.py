"""Bundles around a classifier that exists already, so that nothing has to be trained."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_labelled_frames import write_coco
from tiny_data_set import write_tiny_data

from edge_runtime.bundle.loading import load_bundle
from edge_runtime.bundle.verifying import VerifyReport
from edge_runtime.errors import BundleError
from tuning.winner.bundle import BundleName, Origin, build_classifier_bundle

ORIGIN = Origin(
    description="trial 7 of a search with blocks 5",
    data_sha256="ab" * 32,
    seeds=(4,),
    code_version="abc123",
    command="galaxy-edge train winner search --bundle bundle",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_tiny_data(tmp_path_factory.mktemp("winner") / "data")
    frames = folder / "frames" / "telescope_galaxies"
    shutil.move(write_coco(frames / "images", 2), frames / "annotations.json")
    return folder


@pytest.fixture(scope="module")
def built(data: Path) -> VerifyReport:
    shipped = load_bundle()
    classifier = data / "classifier.tflite"
    classifier.write_bytes(shipped.read(shipped.manifest.classifier.file))
    return build_classifier_bundle(
        data / "bundle", classifier, shipped, data, ORIGIN, BundleName("tiny", "0.0.1")
    )


def test_a_bundle_keeps_the_detector_and_says_where_the_classifier_is_from(
    built: VerifyReport, data: Path
) -> None:
    assert (built.name, built.version, built.warnings) == ("tiny", "0.0.1", ())
    bundle, shipped = load_bundle(data / "bundle"), load_bundle()
    manifest, old = bundle.manifest, shipped.manifest
    assert bundle.read("detector.tflite") == shipped.read(old.detector.file)
    assert manifest.detector == old.detector
    assert manifest.classifier.crop_multiple == old.classifier.crop_multiple
    assert manifest.classifier.input_size_px == old.classifier.input_size_px
    assert manifest.provenance.data.startswith("classifier: trial 7 of a search with blocks 5; ")
    assert f"as in bundle default {shipped.version} ({shipped.sha256[:12]})" in (
        manifest.provenance.data
    )
    assert manifest.provenance.seeds == (4,)
    assert manifest.provenance.data_sha256 == "ab" * 32
    assert manifest.provenance.licence == "Apache-2.0 (weights)"
    assert "keras-tuner" in manifest.provenance.created_with
    assert [t.frame for t in manifest.selftest] == [t.frame for t in old.selftest]
    assert manifest.reference_latency is not None


def test_its_figures_are_those_of_validation_and_on_its_card(
    built: VerifyReport, data: Path
) -> None:
    figures = load_bundle(built.path).manifest.metrics["int8"]
    assert isinstance(figures, dict)
    assert set(figures) == {"detector_validation", "classifier_val"}
    on_val = figures["classifier_val"]
    assert isinstance(on_val, dict)
    assert on_val["n"] == 8  # of 12 validation galaxies every third has no class
    card = (data / "bundle" / "MODEL_CARD.md").read_text()
    assert f"| classifier val | accuracy | {on_val['accuracy']:.4g} |" in card
    assert "galaxy-edge train winner search --bundle bundle" in card


def test_a_bundle_that_is_there_is_not_overwritten(built: VerifyReport, data: Path) -> None:
    with pytest.raises(BundleError, match="exists"):
        build_classifier_bundle(
            data / "bundle",
            data / "classifier.tflite",
            load_bundle(),
            data,
            ORIGIN,
            BundleName(),
        )
