import json
from datetime import UTC, datetime

import pytest
from tiny_bundles import make_tiny_bundle

from edge_runtime.bundle.schema import check_file_name, parse_manifest
from edge_runtime.errors import BundleError


@pytest.fixture
def document(tiny_bundle_dir):
    return json.loads((tiny_bundle_dir / "bundle.json").read_text())


def parse(document):
    return parse_manifest(json.dumps(document).encode(), "x/bundle.json")


def test_a_manifest_survives_writing_and_reading(document):
    manifest = parse(document)
    assert manifest.created == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert manifest.conditioning.sky_level == 0.08
    assert manifest.metrics["int8"]["per_class"] == {"spiral": 0.9}
    assert parse_manifest(manifest.to_json(), "again") == manifest


def test_integers_stand_for_floats(document):
    document["detector"]["input_mean"] = [127, 127, 127]
    assert parse(document).detector.input_mean == (127.0, 127.0, 127.0)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("colour",), 1, "colour: Extra inputs are not permitted"),
        (("detector", "nms_iou"), "0.5", "detector.nms_iou: Input should be a valid number"),
        (("detector", "nms_iou"), 1.5, "detector.nms_iou: .*less than or equal to 1"),
        (("detector", "input_std", 1), 0, "detector.input_std.1: .*greater than 0"),
        (("detector", "format"), "onnx", "detector.format: .*'retinanet_raw'"),
        (("detector", "anchors"), None, "detector: anchors are required"),
        (("detector", "anchors", "max_level"), 2, "max_level 2 is below min_level 3"),
        (("detector", "tiling", "overlap"), 0.95, "detector.tiling.overlap"),
        (("detector", "tiling", "scales"), [], "detector.tiling.scales"),
        (("detector", "file"), "../detector.tflite", "detector.file: .*not allowed"),
        (("detector", "file"), "other.tflite", "detector.file names other.tflite"),
        (("classifier", "classes"), ["a", "b"], "classifier.classes"),
        (("classifier", "score_fusion", "kind"), "mean", "classifier.score_fusion.kind"),
        (("version",), "1.2", "version: String should match"),
        (("version",), 1, "version: Input should be a valid string"),
        (("created",), "2025-01-02T03:04:05", "created: .*timezone"),
        (("created",), "2025-01-02T03:04:05+02:00", "created: must be in UTC"),
        (("files", "detector.tflite"), "abc", "files.detector.tflite: String should match"),
        (("files", "a/b"), "0" * 64, "files.a/b.*: file name 'a/b' is not allowed"),
        (("files", "DETECTOR.tflite"), "0" * 64, "differ only in upper and lower case"),
        (("files", "bundle.json"), "0" * 64, "must not list bundle.json itself"),
        (("selftest",), [{"frame": "selftest/no.png", "detections": []}], "selftest.0.frame names"),
        (("metrics", "int8", "recall_iou30"), "high", "metrics.int8"),
        (("provenance", "seeds"), [1.5], "provenance.seeds.0"),
        (("schema_version",), 0, "schema_version is missing or no positive whole number"),
        (("schema_version",), "1", "schema_version is missing or no positive whole number"),
        (("schema_version",), True, "schema_version is missing or no positive whole number"),
        (("schema_version",), 2, "has schema_version 2, this galaxy-edge reads up to 1; upgrade"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(document, path, value, message):
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(BundleError, match=rf"^x/bundle\.json: .*{message}"):
        parse(document)


@pytest.mark.parametrize("key", ["name", "files", "detector", "classifier", "provenance"])
def test_a_missing_key_is_named(document, key):
    del document[key]
    with pytest.raises(BundleError, match=f"x/bundle.json: {key}: Field required"):
        parse(document)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe{}", "not valid JSON"),
        (b"[1]", "expected a JSON object, got list"),
        (b"null", "expected a JSON object, got NoneType"),
        (b'{"schema_version": NaN}', "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a":' * 50_000, "not valid JSON"),
        (b" " * (1024 * 1024 + 1), "1048577 bytes are too large"),
        (b'{"schema_version": ' + b"9" * 5000 + b"}", "upgrade galaxy-edge|not valid JSON"),
    ],
)
def test_what_is_no_manifest_is_refused(content, message):
    with pytest.raises(BundleError, match=message):
        parse_manifest(content, "x/bundle.json")


def test_infinite_numbers_are_refused(document):
    text = json.dumps(document).replace("0.08", "1e999", 1)
    with pytest.raises(BundleError, match=r"sky_level|not valid JSON"):
        parse_manifest(text.encode(), "x/bundle.json")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "/x",
        "a/b",
        "selftest/../x",
        "selftest/a/b",
        "selftest/",
        "selftest\\x",
        "C:x",
        "x\0",
        "x\n",
        ".hidden",
        "selftest/.hidden",
        "é.png",
        "x" * 101,
        "~/x",
    ],
)
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(ValueError, match="not allowed"):
        check_file_name(name)


def test_postprocessed_detectors_need_no_anchors(tmp_path):
    with pytest.raises(BundleError, match="anchors have no meaning"):
        make_tiny_bundle(
            tmp_path / "x",
            detector={
                "format": "tflite_detection_postprocess",
                "input_size_px": 64,
                "score_threshold": 0.5,
                "nms_iou": 0.5,
                "max_detections": 5,
                "anchors": {
                    "min_level": 3,
                    "max_level": 4,
                    "num_scales": 1,
                    "aspect_ratios": [1],
                    "anchor_size": 4,
                },
            },
        )
