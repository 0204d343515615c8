"""Tables of the sighting database, and how older ones are brought up to date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.types import TypeDecorator

from edge_runtime.errors import StoreError

SCHEMA_VERSION = 1


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC to the microsecond, in databases with and without time zones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        """Strip the time zone after converting to UTC."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(
        self,
        value: Any | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        """Say that the moment is in UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class Float32Vector(TypeDecorator[NDArray[np.float32]]):
    """A vector of float32, little-endian, bit for bit."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(
        self,
        value: NDArray[np.float32] | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> bytes | None:
        """Give the bytes."""
        return None if value is None else np.asarray(value, dtype="<f4").tobytes()

    def process_result_value(
        self,
        value: Any | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> NDArray[np.float32] | None:
        """Read the bytes."""
        return None if value is None else np.frombuffer(value, dtype="<f4").astype(np.float32)


metadata = MetaData()

schema_info = Table("schema_info", metadata, Column("version", Integer, nullable=False))

bundles = Table(
    "bundles",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("first_used", UtcTime, nullable=False),
    Column("last_used", UtcTime, nullable=False),
)


def _observation_columns() -> list[Column[Any]]:
    """Columns that sightings and detections have in common."""
    return [
        Column("left_px", Double, nullable=False),
        Column("top_px", Double, nullable=False),
        Column("right_px", Double, nullable=False),
        Column("bottom_px", Double, nullable=False),
        Column("score", Double, nullable=False),
        Column("galaxy_probability", Double, nullable=False),
        Column("label", String(32), nullable=False),
        Column("votes", Float32Vector, nullable=False),
        Column("class_probabilities", Float32Vector, nullable=False),
        Column("ra_deg", Double),
        Column("dec_deg", Double),
        Column("bundle_version", Text, nullable=False),
        Column("bundle_sha256", ForeignKey("bundles.sha256"), nullable=False),
    ]


sightings = Table(
    "sightings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("camera", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False, index=True),
    Column("frames", Integer, nullable=False),
    *_observation_columns(),
    Column("bundle_name", Text, nullable=False),
    Column("score_sum", Double, nullable=False),
    Column("size_arcsec", Double),
    Column("crop_file", Text),
    Column("annotated_file", Text),
)

detections = Table(
    "detections",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("sighting_id", ForeignKey("sightings.id"), nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("camera", Text, nullable=False),
    Column("frame_name", Text, nullable=False),
    Column("frame_sequence", Integer, nullable=False),
    Column("detector_score", Double, nullable=False),
    *_observation_columns(),
    Index("detections_by_sighting", "sighting_id", "time"),
)

Migration = Callable[[Connection], None]

MIGRATIONS: dict[int, Migration] = {}
"""From version N to N + 1, by N; each runs in the transaction that raises the version."""


def prepare(
    connection: Connection,
    where: str,
    newest: int = SCHEMA_VERSION,
    migrations: dict[int, Migration] = MIGRATIONS,
) -> None:
    """Create the tables, or bring older ones up to date.

    Parameters
    ----------
    connection : Connection
        In a transaction that the caller commits.
    where : str
        Name of the database for messages.
    newest : int
        Version to arrive at.
    migrations : dict
        Steps from each older version.

    Raises
    ------
    StoreError
        The database belongs to another program or to a newer galaxy-edge.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        metadata.create_all(connection)
        connection.execute(insert(schema_info).values(version=newest))
        return
    version = _version(connection, where, newest)
    while version < newest:
        if version not in migrations:
            raise StoreError(f"{where}: there is no way from schema version {version} to {newest}")
        migrations[version](connection)
        version += 1
        connection.execute(update(schema_info).values(version=version))


def check_version(connection: Connection, where: str) -> None:
    """Refuse a database that cannot be read as it is.

    Raises
    ------
    StoreError
        It belongs to another program or to another version of galaxy-edge.
    """
    version = _version(connection, where, SCHEMA_VERSION)
    if version < SCHEMA_VERSION:
        raise StoreError(
            f"{where} has schema version {version}, this galaxy-edge reads {SCHEMA_VERSION}; "
            "'galaxy-edge run' brings it up to date"
        )


def _version(connection: Connection, where: str, newest: int) -> int:
    """Schema version of a database with tables."""
    tables = inspect(connection).get_table_names()
    if "schema_info" not in tables:
        raise StoreError(
            f"{where} is a database of another program (tables {', '.join(sorted(tables)[:5])}); "
            "name another file in [store] url"
        )
    version = connection.execute(select(func.max(schema_info.c.version))).scalar_one()
    if version is None or version > newest:
        raise StoreError(
            f"{where} has schema version {version}, this galaxy-edge knows up to {newest}; "
            "update galaxy-edge or name another database in [store] url"
        )
    return int(version)
