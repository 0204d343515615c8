"""Sightings on disk: recorded means that a power cut does not lose them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.preview import encode_picture
from edge_runtime.sighting import Detection, Sighting
from edge_runtime.store.media import media_name, remove_parts, write_durably
from edge_runtime.store.queries import SightingQueries
from edge_runtime.tracked_sighting import BundleIdentity, TrackedSighting

if TYPE_CHECKING:
    from sqlalchemy import Connection


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Store(SightingQueries):
    """Database of sightings and the folder of their pictures.

    Thread-safe: one thread may record while others read.

    Parameters
    ----------
    url_or_path : str or Path
        A path of a SQLite file, or any SQLAlchemy URL.
    media_dir : Path
        Folder of crops and annotated frames; made where missing.
    now : callable
        Clock, UTC.

    Attributes
    ----------
    media_dir : Path
    where : str
        The database as messages name it.
    corrupt_file : Path or None
        Where a damaged SQLite file was moved on opening.

    Raises
    ------
    StoreError
        The database or folder cannot be opened or written, belongs to another
        program or to a newer galaxy-edge. A damaged SQLite file is moved aside
        and a new one is started.
    """

    def __init__(
        self,
        url_or_path: str | Path,
        media_dir: Path,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        from edge_runtime.store import database, schema

        self._schema = schema
        self._now = now
        self._writing = threading.Lock()
        self.media_dir = Path(media_dir)
        self.corrupt_file: Path | None = None
        url = database.parse_url(url_or_path)
        self.where = database.shown(url)
        with self._errors("opened"):
            self.media_dir.mkdir(parents=True, exist_ok=True)
            remove_parts(self.media_dir, now() - timedelta(hours=1))
            if url.get_backend_name() == "sqlite" and url.database is not None:
                file = Path(url.database)
                file.parent.mkdir(parents=True, exist_ok=True)
                self.corrupt_file = database.set_aside_if_corrupt(file, now())
            self._engine = database.open_engine(url)
            try:
                with self._engine.begin() as connection:
                    schema.prepare(connection, self.where)
            except BaseException:
                self._engine.dispose()
                raise

    def record(self, changed: TrackedSighting | Iterable[TrackedSighting]) -> None:
        """Write sightings with their new detections and pictures.

        Returns only after everything is on the disk: first the pictures, then,
        in one transaction, the rows that name them. A sighting recorded before
        is updated; pictures that are None leave the earlier ones in place.

        Parameters
        ----------
        changed : TrackedSighting or iterable of TrackedSighting
            As from ``TrackerUpdate.changed``.

        Raises
        ------
        StoreError
            Nothing was recorded (disk full, read-only, database gone); the same
            call may be repeated later.
        """
        items = [changed] if isinstance(changed, TrackedSighting) else list(changed)
        if not items:
            return
        with self._writing, self._errors("written"):
            files = [self._write_pictures(item) for item in items]
            with self._engine.begin() as connection:
                for item, names in zip(items, files, strict=True):
                    self._write_rows(connection, item, names)

    def _write_pictures(self, item: TrackedSighting) -> dict[str, str]:
        """Write the pictures of one sighting; return their names by column."""
        names: dict[str, str] = {}
        pictures = (
            ("crop_file", "crop.png", item.crop),
            ("annotated_file", "annotated.jpg", item.annotated),
        )
        for column, kind, picture in pictures:
            if picture is not None:
                name = media_name(item.sighting.id, kind)
                data = encode_picture(picture, Path(kind).suffix)
                write_durably(self.media_dir / name, data)
                names[column] = name
        return names

    def _write_rows(
        self, connection: Connection, item: TrackedSighting, files: dict[str, str]
    ) -> None:
        from sqlalchemy import insert, update

        tables = self._schema
        sighting = item.sighting
        media_name(sighting.id, "crop.png")  # refuses an identifier that is not one
        self._write_bundle(
            connection,
            BundleIdentity(sighting.bundle_name, sighting.bundle_version, sighting.bundle_sha256),
        )
        bundle = {
            "bundle_version": sighting.bundle_version,
            "bundle_sha256": sighting.bundle_sha256,
        }
        row = {
            "camera": sighting.camera,
            "target": sighting.target,
            "first_seen": sighting.first_seen,
            "last_seen": sighting.last_seen,
            "frames": sighting.frames,
            **_observation(sighting),
            "ra_deg": sighting.ra_deg,
            "dec_deg": sighting.dec_deg,
            **bundle,
            "bundle_name": sighting.bundle_name,
            "score_sum": item.score_sum,
            "size_arcsec": item.size_arcsec,
            **files,
        }
        table = tables.sightings
        done = connection.execute(update(table).where(table.c.id == sighting.id).values(**row))
        if done.rowcount == 0:
            connection.execute(insert(table).values(id=sighting.id, **row))
        if item.detections:
            connection.execute(
                insert(tables.detections),
                [
                    {
                        "sighting_id": sighting.id,
                        "time": record.time,
                        "camera": record.camera,
                        "frame_name": record.frame_name,
                        "frame_sequence": record.frame_sequence,
                        "detector_score": float(record.detection.detector_score),
                        **_observation(record.detection),
                        "ra_deg": record.ra_deg,
                        "dec_deg": record.dec_deg,
                        **bundle,
                    }
                    for record in item.detections
                ],
            )

    def _write_bundle(self, connection: Connection, bundle: BundleIdentity) -> None:
        from sqlalchemy import insert, update

        table, now = self._schema.bundles, self._now()
        done = connection.execute(
            update(table).where(table.c.sha256 == bundle.sha256).values(last_used=now)
        )
        if done.rowcount == 0:
            connection.execute(
                insert(table).values(
                    sha256=bundle.sha256,
                    name=bundle.name,
                    version=bundle.version,
                    first_used=now,
                    last_used=now,
                )
            )

    def close(self) -> None:
        """Close the database; may be called twice."""
        with self._writing:
            self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _observation(item: Sighting | Detection) -> dict[str, Any]:
    """Columns that sightings and detections have in common, as Python numbers."""
    left, top, right, bottom = (float(edge) for edge in item.box_xyxy_px)
    return {
        "left_px": left,
        "top_px": top,
        "right_px": right,
        "bottom_px": bottom,
        "score": float(item.score),
        "galaxy_probability": float(item.galaxy_probability),
        "label": item.label,
        "votes": item.votes,
        "class_probabilities": item.class_probabilities,
    }
