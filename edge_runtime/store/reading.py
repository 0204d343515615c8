"""The store for those who only look, while a daemon may be writing."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from edge_runtime.store.queries import SightingQueries


class StoreReader(SightingQueries):
    """Database of sightings and the folder of their pictures, opened to be read.

    Nothing is written: no table, no folder. In a SQLite file that a daemon
    writes ahead, a reader sees the last finished transaction and keeps nobody
    waiting.

    Parameters
    ----------
    url_or_path : str or Path
        A path of a SQLite file, or any SQLAlchemy URL.
    media_dir : Path
        Folder of crops and annotated frames.

    Raises
    ------
    StoreError
        There is no such database, it cannot be read, or it belongs to another
        program or to another version of galaxy-edge.
    """

    def __init__(self, url_or_path: str | Path, media_dir: Path) -> None:
        from edge_runtime.store import database, schema

        self._schema = schema
        self.media_dir = Path(media_dir)
        url = database.parse_url(url_or_path)
        self.where = database.shown(url)
        with self._errors("read"):
            self._engine = database.open_engine(database.read_only(url))
            try:
                with self._engine.connect() as connection:
                    schema.check_version(connection, self.where)
            except BaseException:
                self._engine.dispose()
                raise

    def close(self) -> None:
        """Close the database; may be called twice."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
