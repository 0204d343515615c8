"""Frames waiting in the capture process until the parent asks for one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from edge_runtime.capture.messages import Entry, Fault, Ready

_LIVE_FAULTS_KEPT = 8


class Outbox:
    """Ring of slots with two habits.

    Of a live camera the newest frame replaces those not yet asked for, so what
    the parent gets is never old and nothing piles up. Of files no frame is
    replaced: ``reserve`` waits until the parent has given a slot back.

    Parameters
    ----------
    slots : int
        Number of slots, at least 2: one may be with the parent.
    live : bool
        Whether the newest frame wins.
    send : callable
        Sends an entry to the parent.
    """

    def __init__(self, slots: int, live: bool, send: Callable[[Entry], None]) -> None:
        self._live = live
        self._send = send
        self._slots = slots
        self._free = set(range(slots))
        self._entries: deque[Entry] = deque()
        self._wanted = False
        self._closed = False
        self._changed = threading.Condition()
        self.dropped = 0

    def reserve(self) -> int | None:
        """Take a slot to write to; None once closed.

        Waits for one where nothing may be dropped.
        """
        with self._changed:
            while not self._closed:
                if self._free and (self._live or len(self._entries) < self._slots):
                    return self._free.pop()
                if not (self._live and self._drop_frames()):
                    self._changed.wait()
            return None

    def put(self, entry: Entry) -> None:
        """Queue an entry, and send the first one if the parent waits."""
        with self._changed:
            if self._live:
                if isinstance(entry, Ready):
                    self._drop_frames()
                elif isinstance(entry, Fault):
                    self._drop_faults()
            self._entries.append(entry)
            self._flush()

    def give_back(self, slot: int) -> None:
        """Make a slot free again."""
        with self._changed:
            self._free.add(slot)
            self._changed.notify_all()

    def want(self) -> None:
        """Take note that the parent waits for an entry."""
        with self._changed:
            self._wanted = True
            self._flush()

    def close(self) -> None:
        """Let go whoever waits for a slot."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    def _flush(self) -> None:
        if self._wanted and self._entries:
            self._wanted = False
            self._send(self._entries.popleft())
            self._changed.notify_all()

    def _drop_frames(self) -> bool:
        """Free the slots of frames not asked for yet; tell whether there were any."""
        kept: deque[Entry] = deque()
        for entry in self._entries:
            if isinstance(entry, Ready):
                self._free.add(entry.slot)
                self.dropped += 1
            else:
                kept.append(entry)
        any_dropped = len(kept) < len(self._entries)
        self._entries = kept
        return any_dropped

    def _drop_faults(self) -> None:
        while sum(isinstance(entry, Fault) for entry in self._entries) >= _LIVE_FAULTS_KEPT:
            oldest = next(entry for entry in self._entries if isinstance(entry, Fault))
            self._entries.remove(oldest)
