import hashlib
import json
import os
import shutil

import pytest
import tiny_models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_bundles import make_tiny_bundle

from edge_runtime.bundle import load_bundle
from edge_runtime.bundle.building import pack_bundle
from edge_runtime.errors import BundleError

FILES = ("bundle.json", "detector.tflite", "classifier.tflite", "selftest/square.png")


def edit_manifest(folder, change):
    path = folder / "bundle.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.fixture(params=["folder", "zip"])
def bundle_path(request, tiny_bundle_dir):
    if request.param == "folder":
        return tiny_bundle_dir
    return pack_bundle(tiny_bundle_dir, tiny_bundle_dir.parent / "tiny.zip")


def test_a_bundle_loads_from_folder_and_zip(bundle_path, tiny_bundle_dir):
    bundle = load_bundle(bundle_path)
    raw = (tiny_bundle_dir / "bundle.json").read_bytes()
    assert (bundle.name, bundle.version) == ("tiny", "1.2.3")
    assert bundle.sha256 == hashlib.sha256(raw).hexdigest()
    assert sorted(bundle.contents) == sorted(FILES[1:])
    assert bundle.read("detector.tflite") == tiny_models.retinanet_detector()
    with pytest.raises(BundleError, match=r"no file 'bundle\.json'"):
        bundle.read("bundle.json")


def test_the_models_open_with_the_normalisation_of_the_manifest(tiny_bundle_dir):
    import numpy as np

    bundle = load_bundle(tiny_bundle_dir)
    detector = bundle.open_detector(threads=2)
    assert detector.threads == 2
    black, white = (
        detector.run(np.full((64, 64, 3), level, np.uint8))[detector.output_index("scores")].mean()
        for level in (0, 255)
    )
    assert (black, white) == (pytest.approx(-12.5, abs=0.3), pytest.approx(27.5, abs=0.3))
    assert bundle.open_classifier().input.shape == (1, 32, 32, 3)


def test_what_was_hashed_is_what_runs_even_if_the_folder_changes(tiny_bundle_dir):
    bundle = load_bundle(tiny_bundle_dir)
    shutil.rmtree(tiny_bundle_dir)
    assert bundle.open_detector().input.shape == (1, 64, 64, 3)


@pytest.mark.parametrize("name", FILES[1:])
def test_a_flipped_byte_is_found(tiny_bundle_dir, name):
    content = bytearray((tiny_bundle_dir / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tiny_bundle_dir / name).write_bytes(content)
    with pytest.raises(BundleError, match=rf"{name} is damaged or was changed \(SHA-256"):
        load_bundle(tiny_bundle_dir)
    assert load_bundle(tiny_bundle_dir, verify=False).read(name) == bytes(content)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tiny_bundle_dir, name):
    (tiny_bundle_dir / name).unlink()
    with pytest.raises(BundleError, match=f"tiny: {name} is missing"):
        load_bundle(tiny_bundle_dir)


def test_a_missing_bundle_is_named(tmp_path):
    with pytest.raises(BundleError, match="nothing-here: there is no bundle here"):
        load_bundle(tmp_path / "nothing-here")


def test_a_newer_schema_asks_for_an_upgrade(tiny_bundle_dir):
    edit_manifest(tiny_bundle_dir, lambda document: document.update(schema_version=2, extra=1))
    with pytest.raises(BundleError, match="upgrade galaxy-edge"):
        load_bundle(tiny_bundle_dir)


@pytest.mark.parametrize("name", ["extra.bin", "selftest/extra.png", "payload.sh"])
def test_files_that_nobody_listed_are_refused(tiny_bundle_dir, name):
    (tiny_bundle_dir / name).write_bytes(b"x")
    with pytest.raises(BundleError, match=f"{name} is not listed in bundle.json"):
        load_bundle(tiny_bundle_dir)


def test_prose_may_accompany_a_bundle(tiny_bundle_dir):
    before = load_bundle(tiny_bundle_dir).sha256
    (tiny_bundle_dir / "README.md").write_text("read me")
    (tiny_bundle_dir / "MODEL_CARD.md").write_text("changed")
    assert load_bundle(tiny_bundle_dir).sha256 == before


def test_links_are_refused(tiny_bundle_dir, tmp_path):
    secret = tmp_path / "secret"
    shutil.copy(tiny_bundle_dir / "detector.tflite", secret)
    (tiny_bundle_dir / "detector.tflite").unlink()
    (tiny_bundle_dir / "detector.tflite").symlink_to(secret)
    with pytest.raises(BundleError, match=r"detector\.tflite: is a link"):
        load_bundle(tiny_bundle_dir)


def test_a_linked_selftest_folder_is_refused(tiny_bundle_dir, tmp_path):
    (tiny_bundle_dir / "selftest").rename(tmp_path / "elsewhere")
    (tiny_bundle_dir / "selftest").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="selftest: is a link"):
        load_bundle(tiny_bundle_dir)


def test_a_named_pipe_does_not_block_loading(tiny_bundle_dir):
    (tiny_bundle_dir / "detector.tflite").unlink()
    os.mkfifo(tiny_bundle_dir / "detector.tflite")
    with pytest.raises(BundleError, match=r"detector\.tflite: not a plain file"):
        load_bundle(tiny_bundle_dir)


def test_a_huge_manifest_is_not_read(tiny_bundle_dir):
    with (tiny_bundle_dir / "bundle.json").open("ab") as stream:
        stream.truncate(5 * 1024**3)
    with pytest.raises(BundleError, match=r"bundle\.json: more than 1048576 bytes"):
        load_bundle(tiny_bundle_dir)


def test_a_folder_inside_is_refused(tiny_bundle_dir):
    (tiny_bundle_dir / "weights").mkdir()
    with pytest.raises(BundleError, match=r"weights: (not a plain file|cannot be read)"):
        load_bundle(tiny_bundle_dir)


def test_a_model_that_does_not_fit_the_manifest_is_told(tiny_bundle_dir):
    edit_manifest(tiny_bundle_dir, lambda document: document["detector"].update(input_size_px=320))
    with pytest.raises(BundleError, match=r"\(64, 64, 3\), the manifest says \(320, 320, 3\)"):
        load_bundle(tiny_bundle_dir).open_detector()
    edit_manifest(
        tiny_bundle_dir, lambda document: document["classifier"]["outputs"].update(galaxy="g")
    )
    with pytest.raises(BundleError, match="no output 'g'; outputs are"):
        load_bundle(tiny_bundle_dir).open_classifier()


@pytest.fixture(scope="module")
def fuzz_folder(tmp_path_factory):
    return make_tiny_bundle(tmp_path_factory.mktemp("fuzz") / "tiny")


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_is_a_bundle_error_or_changes_nothing_that_counts(fuzz_folder, data):
    name = data.draw(st.sampled_from(FILES))
    path = fuzz_folder / name
    original = path.read_bytes()
    expected = load_bundle(fuzz_folder)
    damaged = bytearray(original)
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(original) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 5))):
            damaged[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged)
    try:
        bundle = load_bundle(fuzz_folder)
    except BundleError:
        return
    finally:
        path.write_bytes(original)
    # Only a change within a text or number of the manifest can still be a
    # valid bundle: another one, with another identity, of the same files.
    assert dict(bundle.contents) == dict(expected.contents)
    assert (bundle.sha256 == expected.sha256) == (bytes(damaged) == original)
