import io
import stat
import struct
import warnings
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_bundles import make_tiny_bundle

from edge_runtime.bundle import archive, load_bundle
from edge_runtime.bundle.archive import extract_archive, read_archive, write_archive
from edge_runtime.bundle.building import pack_bundle
from edge_runtime.errors import BundleError


def make_zip(path, entries, compression=zipfile.ZIP_DEFLATED):
    """Write (name or ZipInfo, content) pairs without any check."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # duplicate names, on purpose
        with zipfile.ZipFile(path, "w", compression) as zipped:
            for name, content in entries:
                zipped.writestr(name, content)
    return path


def snapshot(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    "name",
    [
        "../escape.txt",
        "/tmp/escape.txt",
        "selftest/../../escape.txt",
        "selftest/../escape.txt",
        "..\\escape.txt",
        "C:\\escape.txt",
        "a/b.txt",
        ".bashrc",
        "selftest/.x",
    ],
)
def test_names_that_lead_elsewhere_are_refused_and_nothing_is_written(tmp_path, name):
    path = make_zip(tmp_path / "evil.zip", [("bundle.json", b"{}"), (name, b"x")])
    before = snapshot(tmp_path)
    with pytest.raises(BundleError, match=r"evil\.zip: file name .* is not allowed"):
        extract_archive(path, tmp_path / "out")
    with pytest.raises(BundleError, match="is not allowed"):
        load_bundle(path)
    assert snapshot(tmp_path) == before


def test_links_are_refused(tmp_path):
    link = zipfile.ZipInfo("detector.tflite")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = make_zip(tmp_path / "x.zip", [(link, b"/etc/passwd")])
    with pytest.raises(BundleError, match=r"'detector\.tflite' is a link or special file"):
        read_archive(path)


@pytest.mark.parametrize("other", ["bundle.json", "BUNDLE.json"])
def test_duplicate_names_are_refused(tmp_path, other):
    path = make_zip(tmp_path / "x.zip", [("bundle.json", b"{}"), (other, b"[]")])
    with pytest.raises(BundleError, match="occurs twice"):
        read_archive(path)


def test_names_cut_at_a_nul_are_refused(tmp_path):
    path = make_zip(tmp_path / "x.zip", [("bundle.jsonX../../y", b"{}")])
    path.write_bytes(path.read_bytes().replace(b"bundle.jsonX", b"bundle.json\0"))
    with pytest.raises(BundleError, match="control characters"):
        read_archive(path)


def test_names_that_are_not_text_are_refused(tmp_path):
    path = make_zip(tmp_path / "x.zip", [("éé.json", b"{}")])
    path.write_bytes(path.read_bytes().replace("éé".encode(), b"\xff\xff\xff\xff"))
    with pytest.raises(BundleError, match=r"x\.zip: not a zip file, or damaged"):
        read_archive(path)


def test_folders_but_selftest_are_refused(tmp_path):
    path = make_zip(tmp_path / "x.zip", [("tiny/", b""), ("tiny/bundle.json", b"{}")])
    with pytest.raises(BundleError, match=r"folder 'tiny/' is not allowed; put the files at the"):
        read_archive(path)
    path = make_zip(tmp_path / "y.zip", [("selftest/", b""), ("selftest/x.png", b"1")])
    assert read_archive(path) == {"selftest/x.png": b"1"}


def test_declared_size_bombs_are_refused_before_unpacking(tmp_path):
    content = bytes(archive.MAX_FILE_BYTES + 1)
    path = make_zip(tmp_path / "bomb.zip", [("detector.tflite", content)])
    assert path.stat().st_size < 100_000
    with pytest.raises(BundleError, match=r"'detector\.tflite' would unpack to 67108865 bytes"):
        read_archive(path)


def test_many_large_files_are_refused_by_their_sum(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 5_000)
    path = make_zip(tmp_path / "x.zip", [(f"f{i}", bytes(1_000)) for i in range(6)])
    with pytest.raises(BundleError, match="6000 in all"):
        read_archive(path)


@pytest.mark.parametrize("declared", [10, 999_999, 1_000_001])
def test_files_that_are_not_of_the_declared_size_are_refused(tmp_path, declared):
    real = 1_000_000
    path = make_zip(tmp_path / "x.zip", [("detector.tflite", bytes(real))])
    data = path.read_bytes()
    assert data.count(struct.pack("<I", real)) == 2
    path.write_bytes(data.replace(struct.pack("<I", real), struct.pack("<I", declared)))
    with pytest.raises(BundleError, match=r"x\.zip: .*(declared|damaged)"):
        read_archive(path)


def test_too_many_entries_are_refused(tmp_path):
    path = make_zip(tmp_path / "x.zip", [(f"f{i}", b"") for i in range(archive.MAX_ENTRIES + 1)])
    with pytest.raises(BundleError, match="301 files; a bundle has at most 300"):
        read_archive(path)


def test_a_huge_table_of_contents_is_refused_before_it_is_parsed(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "x.zip", [(f"file-number-{i}", b"") for i in range(6000)])

    def never(*arguments, **keywords):
        raise AssertionError("the table of contents was parsed")

    monkeypatch.setattr(zipfile, "ZipFile", never)
    with pytest.raises(BundleError, match="too many files for a bundle"):
        read_archive(path)


def test_encrypted_entries_are_refused(tmp_path):
    path = make_zip(tmp_path / "x.zip", [("bundle.json", b"{}")])
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match=r"'bundle\.json' is encrypted"):
        read_archive(path)


def test_other_compressions_are_refused(tmp_path):
    path = make_zip(tmp_path / "x.zip", [("bundle.json", b"{}" * 99)], zipfile.ZIP_LZMA)
    with pytest.raises(BundleError, match="compression other than deflate"):
        read_archive(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all" * 10, b"PK\x05\x06"])
def test_what_is_no_zip_is_refused(tmp_path, content):
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"x\.zip: not a zip file"):
        load_bundle(path)


def test_extraction_gives_the_same_bundle(tiny_bundle_dir, tmp_path):
    zipped = pack_bundle(tiny_bundle_dir, tmp_path / "tiny.zip")
    out = extract_archive(zipped, tmp_path / "new" / "place")
    assert snapshot(out) == snapshot(tiny_bundle_dir)
    assert load_bundle(out).sha256 == load_bundle(tiny_bundle_dir).sha256
    assert [path.name for path in out.parent.iterdir()] == ["place"]
    with pytest.raises(BundleError, match="exists already"):
        extract_archive(zipped, out)


def test_the_same_bundle_packs_to_the_same_bytes(tmp_path):
    packed = []
    for name in ("a", "b"):
        folder = make_tiny_bundle(tmp_path / name)
        packed.append(pack_bundle(folder, tmp_path / f"{name}.zip").read_bytes())
    assert packed[0] == packed[1]


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    with pytest.raises(BundleError, match="not allowed"):
        write_archive({"../x": b""}, tmp_path / "x.zip")
    assert snapshot(tmp_path) == []


NAMES = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(["..", ".", "", "selftest", "a", "/", "\\", "C:", "bundle.json", "\0"]),
        max_size=6,
    ).map("/".join),
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=st.lists(NAMES, max_size=4))
def test_no_name_writes_outside_the_target(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("names")
    inner = folder / "deep" / "deeper"
    inner.mkdir(parents=True)
    entries = []
    for name in names:
        entry = zipfile.ZipInfo()
        entry.filename = name  # the constructor would tidy it up
        entries.append((entry, b"x"))
    try:
        path = make_zip(folder / "x.zip", entries)
    except (UnicodeEncodeError, ValueError):
        return  # cannot be written as a zip at all
    try:
        extract_archive(path, inner / "out")
    except BundleError:
        assert snapshot(folder) == ["deep", "deep/deeper", "x.zip"]
        return
    outside = [p for p in snapshot(folder) if not p.startswith("deep/deeper/out")]
    assert outside == ["deep", "deep/deeper", "x.zip"]
    for file in (inner / "out").rglob("*"):
        assert file.is_dir() or file.read_bytes() == b"x"


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_zips_are_bundle_errors_or_the_same_files(tmp_path_factory, fuzz_zip, data):
    original, files = fuzz_zip
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(original))) :]
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    path.write_bytes(damaged)
    try:
        found = load_bundle(path)
    except BundleError:
        return
    assert dict(found.contents) == files


@pytest.fixture(scope="module")
def fuzz_zip(tmp_path_factory):
    folder = make_tiny_bundle(tmp_path_factory.mktemp("zip") / "tiny")
    path = pack_bundle(folder, folder.parent / "tiny.zip")
    return path.read_bytes(), dict(load_bundle(path).contents)


def test_random_bytes_are_refused(tmp_path):
    buffer = io.BytesIO(b"PK\x03\x04" + bytes(range(256)) * 20)
    path = tmp_path / "x.zip"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(BundleError, match="not a zip file"):
        read_archive(path)
