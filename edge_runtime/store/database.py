"""Opening the database: settings that survive power cuts, and damaged files."""

from __future__ import annotations

import logging
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from edge_runtime.errors import StoreError

log = logging.getLogger(__name__)

BUSY_TIMEOUT_MS = 5_000
# Checking every page of a very large file would keep the telescope waiting.
LARGEST_FULL_CHECK_BYTES = 200_000_000


def parse_url(url_or_path: str | Path) -> URL:
    """Read an SQLAlchemy URL or the path of a SQLite file.

    Raises
    ------
    StoreError
        The URL cannot be read, or names SQLite in memory, which loses
        everything.
    """
    text = str(url_or_path)
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise StoreError(f"[store] url {text!r} is not a database URL: {error}") from error
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise StoreError(f"[store] url {text!r} names no file; use sqlite:////path/to/file.sqlite")
    return url


def shown(url: URL) -> str:
    """The database as messages name it: a path, or a URL without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def open_engine(url: URL) -> Engine:
    """Make an engine; SQLite connections write ahead and flush at every commit.

    Raises
    ------
    StoreError
        The driver of the URL is not installed.
    """
    try:
        engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
    except (ImportError, NoSuchModuleError) as error:
        raise StoreError(
            f"{shown(url)}: the database driver {url.drivername} is not installed: {error}"
        ) from error
    if url.get_backend_name() == "sqlite" and url.query.get("mode") != "ro":
        event.listen(engine, "connect", _set_pragmas)
    return engine


def read_only(url: URL) -> URL:
    """The database such that a connection cannot write it.

    Raises
    ------
    StoreError
        The SQLite file does not exist; opening it would make it.
    """
    if url.get_backend_name() != "sqlite" or url.database is None:
        return url
    file = Path(url.database).absolute()
    if not file.is_file():
        raise StoreError(f"{file} does not exist; name the database of the daemon")
    query = {"uri": "true", "mode": "ro", "timeout": str(BUSY_TIMEOUT_MS / 1000.0)}
    if not os.access(file.parent, os.W_OK) and not file.with_name(f"{file.name}-wal").exists():
        query["immutable"] = "1"  # SQLite would want to make its file of shared locks
    return url.set(database=file.as_uri(), query=query)


def _set_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()


def set_aside_if_corrupt(path: Path, now: datetime) -> Path | None:
    """Move a damaged SQLite file out of the way; nothing is deleted.

    Parameters
    ----------
    path : Path
        The database file; a missing one is not damaged.
    now : datetime
        UTC time for the new name.

    Returns
    -------
    Path or None
        Where the damaged file is now; None where it is sound.

    Raises
    ------
    StoreError
        The file cannot be read or moved.
    """
    if not path.exists() or path.stat().st_size == 0:
        return None
    damage = _damage(path)
    if damage is None:
        return None
    aside = path.with_name(f"{path.name}.corrupt-{now:%Y%m%dT%H%M%SZ}")
    number = 1
    while aside.exists():
        aside = path.with_name(f"{path.name}.corrupt-{now:%Y%m%dT%H%M%SZ}-{number}")
        number += 1
    try:
        for suffix in ("-wal", "-shm"):
            side_file = path.with_name(path.name + suffix)
            if side_file.exists():
                side_file.rename(aside.with_name(aside.name + suffix))
        path.rename(aside)
    except OSError as error:
        raise StoreError(
            f"{path} is damaged ({damage}) and cannot be moved aside: {error}"
        ) from error
    log.error(
        "The sighting database %s is damaged (%s). It was moved to %s and a new one is started; "
        "'sqlite3 %s .recover' may bring its rows back.",
        path,
        damage,
        aside,
        aside,
    )
    return aside


def _damage(path: Path) -> str | None:
    """What is wrong with a SQLite file, or None."""
    check = (
        "quick_check(1)" if path.stat().st_size <= LARGEST_FULL_CHECK_BYTES else "schema_version"
    )
    try:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000.0)
    except sqlite3.Error as error:
        raise StoreError(
            f"{path} cannot be opened: {error}; check its folder and rights"
        ) from error
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (answer,) = connection.execute(f"PRAGMA {check}").fetchone()
    except sqlite3.OperationalError as error:  # busy, no rights, disk: not damage
        raise StoreError(f"{path} cannot be read: {error}; check its folder and rights") from error
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        connection.close()
    return None if check == "schema_version" or answer == "ok" else str(answer)
