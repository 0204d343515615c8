"""What was recorded: the questions that a store answers, open for writing or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_runtime.errors import StoreError
from edge_runtime.sighting import BoxXyxy, Detection, Sighting
from edge_runtime.store.records import StoreCounts, StoredDetection, StoredSighting
from edge_runtime.tracked_sighting import DetectionRecord, KnownSighting

if TYPE_CHECKING:
    from types import ModuleType

    from sqlalchemy import Engine, Row


class SightingQueries:
    """Reading from an open database; see ``Store`` and ``StoreReader``.

    Attributes
    ----------
    media_dir : Path
        Folder of the pictures.
    where : str
        The database as messages name it.
    """

    media_dir: Path
    where: str
    _engine: Engine
    _schema: ModuleType

    def sightings(
        self, limit: int = 100, since: datetime | None = None, offset: int = 0
    ) -> tuple[StoredSighting, ...]:
        """Sightings, the latest first.

        Parameters
        ----------
        limit : int
            At most this many.
        since : datetime, optional
            Only those last seen at or after this time.
        offset : int
            Leave out this many of the latest.

        Raises
        ------
        StoreError
            The database cannot be read.
        """
        from sqlalchemy import select

        table = self._schema.sightings
        query = select(table).order_by(table.c.last_seen.desc(), table.c.id)
        if since is not None:
            query = query.where(table.c.last_seen >= since)
        with self._errors("read"), self._engine.connect() as connection:
            rows = connection.execute(query.limit(limit).offset(offset)).all()
        return tuple(_stored_sighting(row) for row in rows)

    def sighting(self, sighting_id: str) -> StoredSighting | None:
        """The sighting with an identifier, or None.

        Raises
        ------
        StoreError
            The database cannot be read.
        """
        from sqlalchemy import select

        table = self._schema.sightings
        with self._errors("read"), self._engine.connect() as connection:
            row = connection.execute(select(table).where(table.c.id == sighting_id)).first()
        return None if row is None else _stored_sighting(row)

    def detections(self, sighting_id: str, limit: int = 10_000) -> tuple[StoredDetection, ...]:
        """Detections of a sighting in the order of their times; empty for an unknown one.

        Raises
        ------
        StoreError
            The database cannot be read.
        """
        from sqlalchemy import select

        table = self._schema.detections
        query = (
            select(table)
            .where(table.c.sighting_id == sighting_id)
            .order_by(table.c.time, table.c.id)
            .limit(limit)
        )
        with self._errors("read"), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return tuple(_stored_detection(row) for row in rows)

    def known_sightings(self, bundle_sha256: str, limit: int = 10_000) -> tuple[KnownSighting, ...]:
        """Sightings that a tracker may continue: with a position, made by this bundle.

        Parameters
        ----------
        bundle_sha256 : str
        limit : int
            The latest this many.

        Raises
        ------
        StoreError
            The database cannot be read.
        """
        from sqlalchemy import select

        table = self._schema.sightings
        query = (
            select(table)
            .where(table.c.bundle_sha256 == bundle_sha256, table.c.ra_deg.is_not(None))
            .order_by(table.c.last_seen.desc())
            .limit(limit)
        )
        with self._errors("read"), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        stored = (_stored_sighting(row) for row in rows)
        return tuple(
            KnownSighting(item.sighting, item.score_sum, item.size_arcsec) for item in stored
        )

    def counts(self) -> StoreCounts:
        """Number of bundles, sightings and detections.

        Raises
        ------
        StoreError
            The database cannot be read.
        """
        from sqlalchemy import func, select

        tables = (self._schema.bundles, self._schema.sightings, self._schema.detections)
        with self._errors("read"), self._engine.connect() as connection:
            numbers = [
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in tables
            ]
        return StoreCounts(*numbers)

    def last_ids(self, limit: int = 10_000) -> tuple[str, ...]:
        """Identifiers of sightings, the latest first.

        Raises
        ------
        StoreError
            The database cannot be read.
        """
        from sqlalchemy import select

        table = self._schema.sightings
        query = select(table.c.id).order_by(table.c.last_seen.desc(), table.c.id).limit(limit)
        with self._errors("read"), self._engine.connect() as connection:
            return tuple(connection.execute(query).scalars())

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        """Turn errors of the disk and the database into StoreError."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except OSError as error:
            place = error.filename or self.media_dir
            raise StoreError(
                f"{place} cannot be {what}: {error.strerror or error}; check free space and rights"
            ) from error
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise StoreError(
                f"{self.where} cannot be {what}: {cause}; check free space and rights"
            ) from error


def _box(row: Row[Any]) -> BoxXyxy:
    return row.left_px, row.top_px, row.right_px, row.bottom_px


def _stored_sighting(row: Row[Any]) -> StoredSighting:
    sighting = Sighting(
        id=row.id,
        camera=row.camera,
        target=row.target,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        frames=row.frames,
        box_xyxy_px=_box(row),
        score=row.score,
        galaxy_probability=row.galaxy_probability,
        votes=np.asarray(row.votes),
        class_probabilities=np.asarray(row.class_probabilities),
        ra_deg=row.ra_deg,
        dec_deg=row.dec_deg,
        bundle_name=row.bundle_name,
        bundle_version=row.bundle_version,
        bundle_sha256=row.bundle_sha256,
    )
    return StoredSighting(
        sighting, row.score_sum, row.size_arcsec, row.crop_file, row.annotated_file
    )


def _stored_detection(row: Row[Any]) -> StoredDetection:
    detection = Detection(
        box_xyxy_px=_box(row),
        score=row.score,
        detector_score=row.detector_score,
        galaxy_probability=row.galaxy_probability,
        votes=np.asarray(row.votes),
        class_probabilities=np.asarray(row.class_probabilities),
    )
    record = DetectionRecord(
        time=row.time,
        camera=row.camera,
        frame_name=row.frame_name,
        frame_sequence=row.frame_sequence,
        detection=detection,
        ra_deg=row.ra_deg,
        dec_deg=row.dec_deg,
    )
    return StoredDetection(row.sighting_id, record, row.bundle_version, row.bundle_sha256)
