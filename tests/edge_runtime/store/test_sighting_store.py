import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import cv2
import numpy as np
import pytest
from synthetic_results import START, make_detection, make_result, tracked

from edge_runtime.errors import StoreError
from edge_runtime.sighting import Detection, Sighting
from edge_runtime.store import Store, StoreCounts
from edge_runtime.store import media as media_module
from edge_runtime.store.media import media_path
from edge_runtime.tracking import BundleIdentity, Tracker, TrackingParams


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "sightings.sqlite", tmp_path / "media") as opened:
        yield opened


def assert_same(a, b):
    """Equal dataclasses, arrays to the last bit."""
    assert type(a) is type(b)
    for name in type(a).__dataclass_fields__:
        left, right = getattr(a, name), getattr(b, name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype
            assert left.tobytes() == right.tobytes(), name
        elif isinstance(left, Detection | Sighting):
            assert_same(left, right)
        else:
            assert left == right, name


def test_a_sighting_comes_back_to_the_last_bit(store):
    item = tracked(7, ra_deg=202.4695750000001, dec_deg=47.19525833333333)
    store.record(item)
    stored = store.sighting(item.sighting.id)
    assert_same(stored.sighting, item.sighting)
    assert stored.score_sum == item.score_sum
    assert stored.size_arcsec == item.size_arcsec
    assert stored.sighting.first_seen.tzinfo is UTC
    (found,) = store.detections(item.sighting.id)
    assert_same(found.record, item.detections[0])
    assert found.bundle_sha256 == item.sighting.bundle_sha256


def test_a_time_in_another_zone_is_the_same_moment(store):
    time = datetime(2024, 6, 1, 23, 30, tzinfo=timezone(timedelta(hours=-7)))
    item = tracked(1, time=time)
    store.record(item)
    assert store.sighting(item.sighting.id).sighting.first_seen == time


def test_an_update_replaces_the_sighting_and_adds_detections(store):
    store.record(tracked(1, score=0.5))
    store.record([tracked(1, score=0.9, seconds=5), tracked(2)])
    assert store.counts() == StoreCounts(bundles=1, sightings=2, detections=3)
    stored = store.sighting(tracked(1).sighting.id)
    assert stored.sighting.score == 0.9
    assert len(store.detections(stored.sighting.id)) == 2


def test_pictures_are_files_and_stay_when_an_update_brings_none(store):
    item = tracked(1, pictures=True)
    store.record(item)
    store.record(tracked(1, pictures=False, seconds=3))
    stored = store.sighting(item.sighting.id)
    crop = cv2.imread(str(store.media_dir / stored.crop_file))
    np.testing.assert_array_equal(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB), item.crop)
    annotated = cv2.imread(str(store.media_dir / stored.annotated_file))
    assert annotated.shape == item.annotated.shape
    assert np.abs(annotated[:, :, ::-1].astype(int) - item.annotated).mean() < 3.0
    assert not list(store.media_dir.glob("*/.*"))


def test_the_latest_sightings_come_first_and_since_and_limit_hold(store):
    store.record([tracked(i, seconds=10 * i) for i in range(1, 7)])
    targets = [item.sighting.target for item in store.sightings(limit=3)]
    assert targets == ["target 6", "target 5", "target 4"]
    assert len(store.sightings(since=START + timedelta(seconds=50))) == 2
    assert [i.sighting.target for i in store.sightings(limit=2, offset=4)] == [
        "target 2",
        "target 1",
    ]
    assert store.sighting("f" * 32) is None
    assert store.detections("f" * 32) == ()


def test_known_sightings_are_those_with_a_position_and_of_this_bundle(store):
    other = BundleIdentity("other", "2", "cd" * 32)
    store.record([tracked(1), tracked(2, ra_deg=1.0, dec_deg=2.0)])
    store.record(tracked(3, ra_deg=1.0, dec_deg=2.0, bundle=other))
    known = store.known_sightings("ab" * 32)
    assert [item.sighting.target for item in known] == ["target 2"]
    assert known[0].score_sum == tracked(2).score_sum
    assert store.counts().bundles == 2


def test_a_tracker_of_the_next_session_continues_what_is_stored(tmp_path):
    bundle = BundleIdentity("test", "1.0.0", "ab" * 32)
    field = {"ra_deg": 202.47, "dec_deg": 47.2, "header": {"PIXSCALE": 2.0}}
    with Store(tmp_path / "s.sqlite", tmp_path / "media") as store:
        tracker = Tracker(TrackingParams(), bundle)
        for i in range(4):
            update = tracker.update(make_result([make_detection(100, 90)], sequence=i, **field))
            store.record(update.changed)
    with Store(tmp_path / "s.sqlite", tmp_path / "media") as store:
        tracker = Tracker(TrackingParams(), bundle, store.known_sightings(bundle.sha256))
        update = tracker.update(make_result([make_detection(101, 90)], sequence=50, **field))
        store.record(update.changed)
        assert store.counts() == StoreCounts(1, 1, 5)
        (only,) = store.sightings()
        assert only.sighting.frames == 5


def test_the_database_flushes_every_commit_and_checks_references(store, tmp_path):
    with store._engine.connect() as connection:
        values = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert values == ["wal", 2, 1, 5000]


@pytest.mark.parametrize("damage", ["garbage", "middle", "truncated"])
def test_a_damaged_database_is_moved_aside_and_a_new_one_started(tmp_path, damage, caplog):
    path = tmp_path / "sightings.sqlite"
    with Store(path, tmp_path / "media") as store:
        for number in range(1, 60):
            store.record(tracked(number))
    data = bytearray(path.read_bytes())
    if damage == "garbage":
        data[:] = b"not a database" * 1000
    elif damage == "middle":
        data[4096:40960] = bytes(range(256)) * 144
    else:
        del data[len(data) // 2 :]
    path.write_bytes(bytes(data))
    now = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    with Store(path, tmp_path / "media", now=lambda: now) as store:
        assert store.counts() == StoreCounts(0, 0, 0)
        store.record(tracked(1))
        assert store.corrupt_file == tmp_path / "sightings.sqlite.corrupt-20240506T070809Z"
        assert store.corrupt_file.read_bytes() == bytes(data)
    assert "is damaged" in caplog.text
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_an_empty_file_becomes_a_database(tmp_path):
    (tmp_path / "s.sqlite").touch()
    with Store(tmp_path / "s.sqlite", tmp_path / "media") as store:
        assert store.counts().sightings == 0
        assert store.corrupt_file is None


def test_a_newer_schema_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "s.sqlite"
    Store(path, tmp_path / "media").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_info SET version = 99")
    connection.close()
    with pytest.raises(StoreError, match=r"schema version 99, this galaxy-edge knows up to 1"):
        Store(path, tmp_path / "media")
    assert path.exists()


def test_a_database_of_another_program_is_refused(tmp_path):
    path = tmp_path / "s.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(StoreError, match=r"another program.*recipes"):
        Store(path, tmp_path / "media")


def test_an_older_schema_is_brought_up_to_date_step_by_step(tmp_path):
    import sqlalchemy

    from edge_runtime.store import schema

    Store(tmp_path / "s.sqlite", tmp_path / "media").close()
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/s.sqlite")

    def add_column(connection):
        connection.exec_driver_sql("ALTER TABLE sightings ADD COLUMN note TEXT")

    with engine.begin() as connection:
        schema.prepare(connection, "s", newest=2, migrations={1: add_column})
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.select(schema.schema_info)).scalar_one() == 2
        assert connection.exec_driver_sql("SELECT note FROM sightings").all() == []
    with engine.begin() as connection, pytest.raises(StoreError, match="no way"):
        schema.prepare(connection, "s", newest=4, migrations={})
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "names no file"),
        ("nonsense://host/db", "not installed"),
        ("postgresql+nodriver://host/db", "not installed"),
        ("://", "not a database URL"),
    ],
)
def test_a_wrong_url_is_named(tmp_path, url, message):
    with pytest.raises(StoreError, match=message):
        Store(url, tmp_path / "media")


def test_an_sqlalchemy_url_works_like_a_path(tmp_path):
    with Store(f"sqlite:///{tmp_path}/s.sqlite", tmp_path / "media") as store:
        store.record(tracked(1))
    assert (tmp_path / "s.sqlite").exists()


def test_a_media_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "media").write_text("in the way")
    with pytest.raises(StoreError, match="media"):
        Store(tmp_path / "s.sqlite", tmp_path / "media")


def test_a_full_disk_records_nothing_and_the_next_attempt_works(store, monkeypatch):
    item = tracked(1, pictures=True)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(media_module.os, "fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            store.record(item)
    assert store.counts() == StoreCounts(0, 0, 0)
    assert [p for p in store.media_dir.rglob("*") if p.is_file()] == []
    store.record(item)
    assert store.sighting(item.sighting.id).crop_file is not None


def test_a_full_database_records_nothing_and_the_next_attempt_works(store):
    with store._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    many = [tracked(number) for number in range(1, 200)]
    with pytest.raises(StoreError, match="full"):
        store.record(many)
    store._engine.dispose()
    assert store.counts().sightings == 0
    store.record(many)
    assert store.counts() == StoreCounts(1, 199, 199)


def test_an_identifier_that_could_leave_the_folder_is_refused(store):
    from dataclasses import replace

    item = tracked(1)
    evil = replace(item, sighting=replace(item.sighting, id="../../../../etc/passwd"))
    with pytest.raises(StoreError, match="not a sighting identifier"):
        store.record(evil)


def test_only_pictures_of_the_store_have_a_path(store, tmp_path):
    item = tracked(1, pictures=True)
    store.record(item)
    name = store.sighting(item.sighting.id).crop_file
    assert media_path(store.media_dir, name).read_bytes()[:4] == b"\x89PNG"
    (tmp_path / "secret").write_text("x")
    link = store.media_dir / name[:2] / ("0" * 32 + "-crop.png")
    link.symlink_to(tmp_path / "secret")
    for other in (
        "../secret",
        name + "/..",
        "/etc/passwd",
        link.relative_to(store.media_dir).as_posix(),
    ):
        assert media_path(store.media_dir, other) is None, other


def test_leftovers_of_a_power_cut_go_and_files_being_written_stay(tmp_path):
    folder = tmp_path / "media" / "ab"
    folder.mkdir(parents=True)
    old, young = folder / ".x.1.part", folder / ".y.2.part"
    old.touch()
    young.touch()
    os.utime(old, (1_000_000_000, 1_000_000_000))
    Store(tmp_path / "s.sqlite", tmp_path / "media").close()
    assert not old.exists()
    assert young.exists()


def test_importing_the_package_loads_no_database_library():
    code = "import edge_runtime.store, sys; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
