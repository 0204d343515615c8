from __future__ import annotations

import threading

from edge_runtime.capture.messages import Entry, Fault, Ready
from edge_runtime.capture.outbox import Outbox


def ready(slot: int) -> Ready:
    return Ready(slot, (1, 1), "uint8", {})


def test_files_wait_for_a_slot_and_keep_their_order():
    sent: list[Entry] = []
    outbox = Outbox(2, live=False, send=sent.append)
    first, second = outbox.reserve(), outbox.reserve()
    assert {first, second} == {0, 1}
    outbox.put(ready(first))
    outbox.put(ready(second))
    third: list[int | None] = []
    waiting = threading.Thread(target=lambda: third.append(outbox.reserve()))
    waiting.start()
    outbox.want()
    assert sent == [ready(first)]
    assert not third
    outbox.give_back(first)
    waiting.join(5)
    assert third == [first]
    outbox.want()
    assert sent == [ready(first), ready(second)]
    assert outbox.dropped == 0


def test_of_a_live_camera_only_the_newest_frame_is_kept():
    sent: list[Entry] = []
    outbox = Outbox(3, live=True, send=sent.append)
    slots = []
    for _ in range(10):
        slot = outbox.reserve()
        slots.append(slot)
        outbox.put(ready(slot))
    outbox.want()
    assert sent == [ready(slots[-1])]
    assert outbox.dropped == 9


def test_an_entry_is_sent_only_when_wanted_and_once():
    sent: list[Entry] = []
    outbox = Outbox(2, live=False, send=sent.append)
    outbox.want()
    outbox.want()
    outbox.put(Fault("a"))
    outbox.put(Fault("b"))
    assert sent == [Fault("a")]


def test_faults_of_a_live_camera_do_not_pile_up():
    sent: list[Entry] = []
    outbox = Outbox(2, live=True, send=sent.append)
    for index in range(100):
        outbox.put(Fault(str(index)))
    for _ in range(20):
        outbox.want()
    assert [entry.message for entry in sent] == [str(index) for index in range(92, 100)]


def test_closing_lets_go_who_waits_for_a_slot():
    outbox = Outbox(2, live=False, send=lambda entry: None)
    outbox.reserve()
    outbox.reserve()
    result: list[int | None] = []
    waiting = threading.Thread(target=lambda: result.append(outbox.reserve()))
    waiting.start()
    outbox.close()
    waiting.join(5)
    assert result == [None]
