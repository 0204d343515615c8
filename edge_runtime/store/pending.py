"""Sightings on their way to the disk: a slow or full disk never stops the pipeline."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from edge_runtime.errors import StoreError
from edge_runtime.store.store import Store
from edge_runtime.tracked_sighting import DetectionRecord, TrackedSighting

log = logging.getLogger(__name__)


def merged(older: TrackedSighting, newer: TrackedSighting) -> TrackedSighting:
    """One record that holds what two successive reports of a sighting say."""
    return replace(
        newer,
        detections=older.detections + newer.detections,
        crop=newer.crop if newer.crop is not None else older.crop,
        annotated=newer.annotated if newer.annotated is not None else older.annotated,
    )


def best_only(item: TrackedSighting) -> TrackedSighting:
    """The record with only the best-scored of its detections."""
    best: DetectionRecord | None = max(
        item.detections, key=lambda record: record.detection.score, default=None
    )
    return replace(item, detections=() if best is None else (best,))


@dataclass(slots=True)
class _Waiting:
    item: TrackedSighting
    due_s: float
    new: bool


class PendingQueue:
    """What waits to be written, bounded in number and size; plain data, no clock.

    A sighting waits once, with its latest state. Its first record is due at
    once, later ones at most every ``interval_s`` and then with the best
    detection of the interval, so that a fast video does not fill the disk.
    Where the store stays away, the least is lost first: annotated frames, then
    crops, then the detections beyond the best, then the sightings seen least
    recently.

    Parameters
    ----------
    interval_s : float
    max_sightings : int
    max_picture_bytes : int
        Bound on the pictures that wait.
    """

    def __init__(
        self,
        interval_s: float = 2.0,
        max_sightings: int = 1000,
        max_picture_bytes: int = 64_000_000,
    ) -> None:
        self.interval_s = interval_s
        self.max_sightings = max_sightings
        self.max_picture_bytes = max_picture_bytes
        self.dropped_pictures = 0
        self.dropped_sightings = 0
        self._waiting: dict[str, _Waiting] = {}
        self._written_s: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: TrackedSighting, now_s: float) -> None:
        """Queue the latest state of a sighting."""
        key = item.sighting.id
        old = self._waiting.pop(key, None)
        if old is None:
            last = self._written_s.get(key)
            new = last is None
            due = now_s if last is None else max(now_s, last + self.interval_s)
            self._waiting[key] = _Waiting(item, due, new)
        else:
            both = merged(old.item, item)
            self._waiting[key] = _Waiting(both if old.new else best_only(both), old.due_s, old.new)
        self._shed()

    def take_due(self, now_s: float) -> tuple[TrackedSighting, ...]:
        """Remove and return what should be written now."""
        keys = [key for key, waiting in self._waiting.items() if waiting.due_s <= now_s]
        items = tuple(self._waiting.pop(key).item for key in keys)
        for key in keys:
            self._written_s.pop(key, None)
            self._written_s[key] = now_s
        while len(self._written_s) > 4 * self.max_sightings:
            self._written_s.pop(next(iter(self._written_s)))
        return items

    def put_back(self, items: Iterable[TrackedSighting], due_s: float) -> None:
        """Return what could not be written; newer reports keep their place."""
        back: dict[str, _Waiting] = {}
        for item in items:
            key = item.sighting.id
            newer = self._waiting.pop(key, None)
            state = item if newer is None else merged(item, newer.item)
            if len(state.detections) > 100:
                state = best_only(state)
            back[key] = _Waiting(state, due_s, new=False)
        self._waiting = {**back, **self._waiting}
        self._shed()

    def next_due_s(self) -> float | None:
        """When the next record is due; None where nothing waits."""
        return min((waiting.due_s for waiting in self._waiting.values()), default=None)

    def make_due(self, now_s: float) -> None:
        """Let everything be due at once."""
        for waiting in self._waiting.values():
            waiting.due_s = min(waiting.due_s, now_s)

    def _shed(self) -> None:
        while len(self._waiting) > self.max_sightings:
            key = min(self._waiting, key=lambda k: self._waiting[k].item.sighting.last_seen)
            del self._waiting[key]
            self.dropped_sightings += 1
        for waiting in self._waiting.values():
            if self._picture_bytes() <= self.max_picture_bytes:
                return
            if waiting.item.annotated is not None:
                waiting.item = replace(waiting.item, annotated=None)
                self.dropped_pictures += 1
        for waiting in self._waiting.values():
            if self._picture_bytes() <= self.max_picture_bytes:
                return
            if waiting.item.crop is not None:
                waiting.item = replace(waiting.item, crop=None)
                self.dropped_pictures += 1

    def _picture_bytes(self) -> int:
        return sum(
            picture.nbytes
            for waiting in self._waiting.values()
            for picture in (waiting.item.crop, waiting.item.annotated)
            if picture is not None
        )


@dataclass(frozen=True, slots=True)
class PendingWriterStatus:
    """How the writing goes.

    Attributes
    ----------
    ok : bool
        False from a failure until the next success.
    pending : int
        Sightings that wait.
    recorded : int
        Sightings and updates written so far.
    dropped_sightings, dropped_pictures : int
        Lost because the store stayed away too long.
    last_error : str
        The latest failure; empty where there was none.
    """

    ok: bool
    pending: int
    recorded: int
    dropped_sightings: int
    dropped_pictures: int
    last_error: str


class PendingWriter:
    """Writes sightings in its own thread and tries again where the disk fails.

    After a failure the store is closed and opened anew, which also moves a
    database aside that was damaged while in use. The wait between attempts
    doubles from ``retry_s`` to ``longest_retry_s``.

    Parameters
    ----------
    open_store : callable
        Opens the store; may raise StoreError, and is then tried again later.
    store : Store, optional
        The store where it is open already.
    queue : PendingQueue, optional
    on_recorded : callable, optional
        Called in the writer's thread with records that are safely on the disk.
    retry_s, longest_retry_s : float
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        store: Store | None = None,
        queue: PendingQueue | None = None,
        on_recorded: Callable[[tuple[TrackedSighting, ...]], None] | None = None,
        retry_s: float = 1.0,
        longest_retry_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_store = open_store
        self._store = store
        self._queue = queue or PendingQueue()
        self._on_recorded = on_recorded
        self._retry_s = retry_s
        self._longest_retry_s = longest_retry_s
        self._clock = clock
        self._changed = threading.Condition()
        self._stopping = False
        self._writing = 0
        self._recorded = 0
        self._failures = 0
        self._not_before_s = 0.0
        self._last_error = ""
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def store(self) -> Store | None:
        """The store while it is open."""
        return self._store

    def submit(self, changed: Iterable[TrackedSighting]) -> None:
        """Queue reports of the tracker; returns at once."""
        with self._changed:
            now_s = self._clock()
            for item in changed:
                self._queue.add(item, now_s)
            self._changed.notify_all()

    def status(self) -> PendingWriterStatus:
        """How the writing goes."""
        with self._changed:
            return PendingWriterStatus(
                ok=self._failures == 0,
                pending=len(self._queue) + self._writing,
                recorded=self._recorded,
                dropped_sightings=self._queue.dropped_sightings,
                dropped_pictures=self._queue.dropped_pictures,
                last_error=self._last_error,
            )

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Write everything that waits now.

        Returns
        -------
        bool
            False where something still waits after ``timeout_s``.
        """
        with self._changed:
            self._queue.make_due(self._clock())
            self._not_before_s = 0.0
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: len(self._queue) == 0 and self._writing == 0, timeout_s
            )

    def close(self, timeout_s: float = 10.0) -> int:
        """Write what waits, stop, and close the store.

        Returns
        -------
        int
            Number of sightings that could not be written; 0 is good.
        """
        self.flush(timeout_s)
        with self._changed:
            self._stopping = True
            left = len(self._queue) + self._writing
            self._changed.notify_all()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.error("The store's disk does not answer; %d sightings are not written", left)
        elif self._store is not None:
            self._store.close()
        return left

    def _run(self) -> None:
        while (items := self._next()) is not None:
            try:
                if self._store is None:
                    self._store = self._open_store()
                self._store.record(items)
            except StoreError as error:
                self._failed(items, str(error))
            except Exception as error:  # supervision border: the writer must live
                log.exception("Writing %d sightings failed", len(items))
                self._failed(items, f"{type(error).__name__}: {error}")
            else:
                self._succeeded(items)

    def _next(self) -> tuple[TrackedSighting, ...] | None:
        """Wait for records that are due; None at the end."""
        with self._changed:
            while not self._stopping:
                now_s = self._clock()
                if now_s >= self._not_before_s:
                    items = self._queue.take_due(now_s)
                    if items:
                        self._writing = len(items)
                        return items
                due_s = self._queue.next_due_s()
                wait_s = None if due_s is None else max(due_s, self._not_before_s) - now_s
                self._changed.wait(None if wait_s is None else max(wait_s, 0.001))
            return None

    def _succeeded(self, items: tuple[TrackedSighting, ...]) -> None:
        if self._on_recorded is not None:
            try:
                self._on_recorded(items)
            except Exception:  # supervision border: the records are safe, the writer must live
                log.exception("Reporting %d recorded sightings failed", len(items))
        with self._changed:
            if self._failures:
                log.warning("The store works again; %d sightings written", len(items))
            self._failures = 0
            self._writing = 0
            self._recorded += len(items)
            self._changed.notify_all()

    def _failed(self, items: tuple[TrackedSighting, ...], message: str) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()
        with self._changed:
            self._failures += 1
            wait_s = min(self._longest_retry_s, self._retry_s * 2.0 ** min(self._failures - 1, 16))
            self._not_before_s = self._clock() + wait_s
            if message != self._last_error or self._failures == 1:
                log.error(
                    "%s; %d sightings wait, next attempt in %.0f s", message, len(items), wait_s
                )
            self._last_error = message
            self._queue.put_back(items, self._not_before_s)
            self._writing = 0
            self._changed.notify_all()
