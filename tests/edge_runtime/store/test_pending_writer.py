import threading

import pytest
from synthetic_results import tracked

from edge_runtime.errors import StoreError
from edge_runtime.store import PendingWriter, Store, StoreCounts
from edge_runtime.store.pending import PendingQueue

DEADLINE_S = 10.0


class FailingStore:
    """A real store whose disk fails for the first few writes."""

    def __init__(self, store, failures):
        self.store, self.failures = store, failures
        self.failed = threading.Event()

    def record(self, items):
        if self.failures > 0:
            self.failures -= 1
            self.failed.set()
            raise StoreError("disk full")
        self.store.record(items)

    def close(self):
        pass


@pytest.fixture
def opened(tmp_path):
    return lambda: Store(tmp_path / "s.sqlite", tmp_path / "media")


def test_a_new_sighting_is_due_at_once_and_its_updates_after_the_interval():
    queue = PendingQueue(interval_s=5.0)
    queue.add(tracked(1), 100.0)
    assert len(queue.take_due(100.0)) == 1
    for second in (1, 2, 3):
        queue.add(tracked(1, seconds=second, score=0.5 + 0.1 * (second == 2)), 100.0 + second)
    assert queue.take_due(104.9) == ()
    assert queue.next_due_s() == 105.0
    (item,) = queue.take_due(105.0)
    assert item.sighting.last_seen == tracked(1, seconds=3).sighting.last_seen
    assert [record.detection.score for record in item.detections] == [0.6]


def test_a_new_sighting_keeps_every_detection_while_it_waits():
    queue = PendingQueue()
    queue.add(tracked(1, pictures=True), 0.0)
    queue.add(tracked(1, seconds=1), 0.0)
    (item,) = queue.take_due(0.0)
    assert len(item.detections) == 2
    assert item.crop is not None, "a later report without pictures does not lose them"


def test_what_could_not_be_written_waits_with_newer_reports():
    queue = PendingQueue()
    queue.add(tracked(1), 0.0)
    items = queue.take_due(0.0)
    queue.add(tracked(1, seconds=9), 0.5)
    queue.put_back(items, due_s=4.0)
    assert queue.take_due(3.9) == ()
    (item,) = queue.take_due(4.0)
    assert item.sighting.last_seen == tracked(1, seconds=9).sighting.last_seen
    assert len(item.detections) == 2


def test_the_queue_is_bounded_in_number_and_in_bytes():
    one = tracked(1, pictures=True)
    pair = one.crop.nbytes + one.annotated.nbytes
    queue = PendingQueue(max_sightings=50, max_picture_bytes=10 * pair)
    for number in range(1, 81):
        queue.add(tracked(number, seconds=number, pictures=True), 0.0)
    assert len(queue) == 50
    assert queue.dropped_sightings == 30
    items = queue.take_due(0.0)
    kept = sum(p.nbytes for item in items for p in (item.crop, item.annotated) if p is not None)
    assert 9 * pair < kept <= 10 * pair
    assert {item.sighting.target for item in items} == {f"target {n}" for n in range(31, 81)}


def test_records_reach_the_disk_and_are_reported_after_that(opened, tmp_path):
    reported = []

    def on_recorded(items):
        with Store(tmp_path / "s.sqlite", tmp_path / "media") as other:
            reported.extend(other.sighting(item.sighting.id) is not None for item in items)

    writer = PendingWriter(opened, on_recorded=on_recorded)
    writer.submit([tracked(number) for number in range(1, 6)])
    assert writer.flush(DEADLINE_S)
    status = writer.status()
    assert (status.ok, status.pending, status.recorded) == (True, 0, 5)
    assert writer.store.counts() == StoreCounts(1, 5, 5)
    assert writer.close() == 0
    assert reported == [True] * 5


def test_after_a_full_disk_everything_is_written(opened):
    store = opened()
    failing = FailingStore(store, failures=3)
    writer = PendingWriter(lambda: failing, retry_s=0.01)
    writer.submit([tracked(1), tracked(2)])
    assert failing.failed.wait(DEADLINE_S)
    writer.submit([tracked(3)])
    assert writer.flush(DEADLINE_S)
    assert writer.status().last_error == "disk full"
    assert writer.status().ok
    assert store.counts() == StoreCounts(1, 3, 3)
    assert writer.close() == 0
    store.close()


def test_a_store_that_cannot_be_opened_is_tried_again(opened):
    attempts = []

    def open_third_time():
        attempts.append(1)
        if len(attempts) < 3:
            raise StoreError("no disk")
        return opened()

    writer = PendingWriter(open_third_time, retry_s=0.01)
    assert writer.store is None
    writer.submit([tracked(1)])
    assert writer.flush(DEADLINE_S)
    assert len(attempts) == 3
    assert writer.store.counts().sightings == 1
    writer.close()


def test_a_database_damaged_while_in_use_is_replaced(opened, tmp_path):
    writer = PendingWriter(opened, retry_s=0.01)
    writer.submit([tracked(1)])
    assert writer.flush(DEADLINE_S)
    writer.store._engine.dispose()  # or the pages in its memory would hide the damage
    for suffix in ("", "-wal", "-shm"):
        path = tmp_path / f"s.sqlite{suffix}"
        if path.exists():
            path.write_bytes(b"damage " * 4096)
    writer.submit([tracked(2)])
    assert writer.flush(DEADLINE_S)
    assert writer.store.counts().sightings == 1
    assert len(list(tmp_path.glob("s.sqlite.corrupt-*Z"))) == 1
    writer.close()


def test_closing_tells_how_many_could_not_be_written(opened):
    store = opened()
    writer = PendingWriter(lambda: FailingStore(store, failures=10**9), retry_s=0.01)
    writer.submit([tracked(1), tracked(2)])
    assert writer.close(timeout_s=0.2) == 2
    store.close()


def test_a_report_that_fails_does_not_stop_the_writing(opened, caplog):
    def failing(items):
        raise RuntimeError("no terminal")

    writer = PendingWriter(opened, on_recorded=failing)
    for number in (1, 2):
        writer.submit([tracked(number)])
        assert writer.flush(DEADLINE_S)
    assert writer.store.counts().sightings == 2
    assert writer.close() == 0
    assert "no terminal" in caplog.text
