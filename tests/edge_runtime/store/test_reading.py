"""Reading a store while a daemon writes it, or without one."""

from __future__ import annotations

import os
import sqlite3

import pytest
from synthetic_results import tracked

from edge_runtime.errors import StoreError
from edge_runtime.store import Store, StoreReader


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "s.sqlite", tmp_path / "media") as opened:
        opened.record([tracked(1, pictures=True), tracked(2, seconds=60)])
        yield opened


def files(folder):
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and "sqlite-" not in p.name)


def test_a_reader_sees_what_was_recorded(store, tmp_path):
    with StoreReader(tmp_path / "s.sqlite", tmp_path / "media") as reader:
        ids = reader.last_ids()
        assert ids == tuple(item.sighting.id for item in store.sightings())
        assert reader.sighting(ids[0]).sighting.target == "target 2"
        assert reader.sighting("0" * 32) is None
        assert reader.last_ids(limit=1) == ids[:1]


def test_a_reader_keeps_no_writer_waiting_and_no_writer_a_reader(store, tmp_path):
    with StoreReader(tmp_path / "s.sqlite", tmp_path / "media") as reader:
        with reader._engine.connect() as reading:
            reading.exec_driver_sql("SELECT count(*) FROM sightings").scalar_one()
            store.record(tracked(3, seconds=120))  # while the reader's transaction is open
        writer = sqlite3.connect(tmp_path / "s.sqlite", timeout=0.1)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE sightings SET frames = 99")
        assert {reader.sighting(key).sighting.frames for key in reader.last_ids()} == {3}
        writer.rollback()
        writer.close()


def test_a_reader_cannot_write(store, tmp_path):
    from sqlalchemy.exc import OperationalError

    with (
        StoreReader(tmp_path / "s.sqlite", tmp_path / "media") as reader,
        reader._engine.connect() as connection,
        pytest.raises(OperationalError, match="readonly"),
    ):
        connection.exec_driver_sql("DELETE FROM sightings")


def test_nothing_is_made_where_there_is_no_store(tmp_path):
    with pytest.raises(StoreError, match=r"none\.sqlite does not exist"):
        StoreReader(tmp_path / "none.sqlite", tmp_path / "media")
    assert files(tmp_path) == []
    assert not (tmp_path / "media").exists()


def test_databases_of_others_are_refused(tmp_path):
    sqlite3.connect(tmp_path / "other.sqlite").execute(
        "CREATE TABLE notes (text)"
    ).connection.close()
    with pytest.raises(StoreError, match="another program"):
        StoreReader(tmp_path / "other.sqlite", tmp_path / "media")
    (tmp_path / "text.sqlite").write_text("no database at all, but long enough to be looked at")
    with pytest.raises(StoreError, match=r"text\.sqlite cannot be read"):
        StoreReader(tmp_path / "text.sqlite", tmp_path / "media")
    assert files(tmp_path) == ["other.sqlite", "text.sqlite"]


def test_an_older_database_is_left_as_it_is(store, tmp_path):
    with sqlite3.connect(tmp_path / "s.sqlite") as connection:
        connection.execute("UPDATE schema_info SET version = 0")
    connection.close()
    with pytest.raises(StoreError, match=r"schema version 0.*run.*up to date"):
        StoreReader(tmp_path / "s.sqlite", tmp_path / "media")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_store_in_a_folder_that_cannot_be_written_is_read(tmp_path):
    with Store(tmp_path / "s.sqlite", tmp_path / "media") as opened:
        opened.record(tracked(1))
    tmp_path.chmod(0o500)
    try:
        with StoreReader(tmp_path / "s.sqlite", tmp_path / "media") as reader:
            assert len(reader.last_ids()) == 1
    finally:
        tmp_path.chmod(0o700)
