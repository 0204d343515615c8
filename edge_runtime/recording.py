"""From the tracker to the disk: sightings are reported only once they are recorded."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.background import Background
from edge_runtime.errors import StoreError

if TYPE_CHECKING:
    from edge_runtime.sighting import Sighting
    from edge_runtime.store import PendingWriter, PendingWriterStatus, Store
    from edge_runtime.tracked_sighting import KnownSighting, TrackedSighting

log = logging.getLogger(__name__)

WAIT_FOR_STORE_S = 10.0


class Recorder:
    """The store opened beside the main thread, and what has been written to it.

    A store that cannot be opened or written is tried again for ever; the
    sightings wait for it.

    Parameters
    ----------
    url_or_path : str
        As for ``Store``.
    media_dir : Path
    report : callable
        Called with one line when a sighting is first recorded in this run.
    """

    def __init__(self, url_or_path: str, media_dir: Path, report: Callable[[str], None]) -> None:
        self._url_or_path = url_or_path
        self._media_dir = media_dir
        self._report = report
        self._lock = threading.Lock()
        self._recorded: dict[str, Sighting] = {}
        self._opening = Background(self._open, "store-opening")
        self._writer: PendingWriter | None = None

    @property
    def recorded(self) -> tuple[Sighting, ...]:
        """Sightings recorded in this run, as last recorded, in the order of the first time."""
        with self._lock:
            return tuple(self._recorded.values())

    @property
    def writer(self) -> PendingWriter:
        """The writer; the first call waits for the store to open."""
        if self._writer is None:
            from edge_runtime.store import PendingWriter

            try:
                store: Store | None = self._opening.result(WAIT_FOR_STORE_S)
            except StoreError as error:
                log.error("%s; sightings wait until it works", error)
                store = None
            except TimeoutError:
                log.error("%s does not answer; sightings wait until it does", self._url_or_path)
                store = None
            self._writer = PendingWriter(self._open, store, on_recorded=self._note)
        return self._writer

    @property
    def store(self) -> Store | None:
        """The store, or None while it is not open; never waits."""
        return None if self._writer is None else self._writer.store

    def status(self) -> PendingWriterStatus:
        """How the writing goes; never waits."""
        if self._writer is not None:
            return self._writer.status()
        from edge_runtime.store import PendingWriterStatus

        return PendingWriterStatus(True, 0, 0, 0, 0, "")

    def known_sightings(self, bundle_sha256: str) -> tuple[KnownSighting, ...]:
        """Sightings of earlier runs that tracking may continue; none where the store fails."""
        store = self.writer.store
        if store is None:
            return ()
        try:
            return store.known_sightings(bundle_sha256)
        except StoreError as error:
            log.error("%s; sightings of earlier runs are not continued", error)
            return ()

    def submit(self, changed: Iterable[TrackedSighting]) -> None:
        """Hand over what the tracker reports; returns at once."""
        self.writer.submit(changed)

    def close(self) -> int:
        """Write what waits and close the store; return how many could not be written."""
        if self._writer is None:
            return 0
        return self._writer.close()

    def _open(self) -> Store:
        from edge_runtime.store import Store

        return Store(self._url_or_path, self._media_dir)

    def _note(self, items: tuple[TrackedSighting, ...]) -> None:
        for item in items:
            sighting = item.sighting
            with self._lock:
                first = sighting.id not in self._recorded
                self._recorded[sighting.id] = sighting
            if first:
                target = sighting.target or sighting.camera
                self._report(
                    f"recorded sighting {sighting.id} {sighting.label} {target} "
                    f"{sighting.score:.3f}"
                )
