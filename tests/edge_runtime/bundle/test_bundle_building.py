import json

import pytest
import tiny_models
from tiny_bundles import make_tiny_bundle, tiny_manifest

from edge_runtime.bundle import load_bundle
from edge_runtime.bundle.building import build_bundle
from edge_runtime.errors import BundleError


@pytest.fixture
def models(tmp_path):
    paths = {"detector_path": tmp_path / "d.tflite", "classifier_path": tmp_path / "c.tflite"}
    paths["detector_path"].write_bytes(tiny_models.retinanet_detector())
    paths["classifier_path"].write_bytes(tiny_models.classifier())
    return paths


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    a, b = (make_tiny_bundle(tmp_path / name) for name in "ab")
    files = sorted(path.relative_to(a) for path in a.rglob("*") if path.is_file())
    assert [str(file) for file in files] == [
        "MODEL_CARD.md",
        "bundle.json",
        "classifier.tflite",
        "detector.tflite",
        "selftest/square.png",
    ]
    for file in files:
        assert (a / file).read_bytes() == (b / file).read_bytes()


def test_an_existing_folder_is_kept_unless_told(tmp_path, models):
    target = make_tiny_bundle(tmp_path / "tiny")
    before = load_bundle(target).sha256
    with pytest.raises(BundleError, match="exists already"):
        build_bundle(target, manifest=tiny_manifest(), **models)
    assert load_bundle(target).sha256 == before
    build_bundle(target, manifest=tiny_manifest(version="2.0.0"), overwrite=True, **models)
    assert load_bundle(target).version == "2.0.0"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": "one"}, r"out/bundle\.json: version: String should match"),
        ({"detector": 3}, r"bundle\.json: detector: "),
        ({"selftest": [{"frame": "selftest/x.png", "detections": []}]}, "not in files"),
    ],
)
def test_a_wrong_manifest_is_refused_and_leaves_nothing(tmp_path, models, changes, message):
    with pytest.raises(BundleError, match=message):
        build_bundle(tmp_path / "out", manifest=tiny_manifest(**changes), **models)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.tflite", "d.tflite"]


def test_models_that_do_not_fit_are_refused(tmp_path, models):
    models["detector_path"], models["classifier_path"] = models.values()
    swapped = dict(zip(models, reversed(list(models.values())), strict=True))
    with pytest.raises(BundleError, match="input_size_px"):
        build_bundle(tmp_path / "out", manifest=tiny_manifest(), **swapped)
    models["detector_path"].write_bytes(b"nonsense")
    with pytest.raises(BundleError, match="not a TensorFlow Lite model"):
        build_bundle(tmp_path / "out", manifest=tiny_manifest(), **models)
    with pytest.raises(BundleError, match="cannot read the model"):
        build_bundle(
            tmp_path / "out",
            manifest=tiny_manifest(),
            detector_path=tmp_path / "gone",
            classifier_path=models["classifier_path"],
        )
    assert not (tmp_path / "out").exists()


def test_frames_with_names_that_lead_elsewhere_are_refused(tmp_path, models):
    with pytest.raises(BundleError, match="not allowed"):
        build_bundle(
            tmp_path / "out",
            manifest=tiny_manifest(),
            selftest_frames={"../x.png": b""},
            **models,
        )


def test_the_model_card_is_not_part_of_the_identity(tmp_path):
    target = make_tiny_bundle(tmp_path / "tiny")
    assert (target / "MODEL_CARD.md").read_text() == "# Tiny\n"
    assert "MODEL_CARD.md" not in json.loads((target / "bundle.json").read_text())["files"]
