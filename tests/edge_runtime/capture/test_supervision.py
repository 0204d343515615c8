from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.capture.supervision import (
    Action,
    Activity,
    Heartbeat,
    SupervisionPolicy,
    Supervisor,
)

POLICY = SupervisionPolicy(
    hang_timeout_s=10, open_timeout_s=20, backoff_first_s=1, backoff_factor=2, backoff_most_s=8
)


def test_a_read_longer_than_the_timeout_is_a_hang():
    supervisor = Supervisor(POLICY)
    supervisor.started(100.0)
    reading = Heartbeat(Activity.READING, since_s=105.0)
    assert supervisor.decide(115.0, True, reading) is Action.LEAVE
    assert supervisor.decide(115.1, True, reading) is Action.KILL


def test_waiting_for_the_parent_is_never_a_hang():
    supervisor = Supervisor(POLICY)
    supervisor.started(0.0)
    assert supervisor.decide(1e6, True, Heartbeat(Activity.WAITING, 1.0)) is Action.LEAVE


def test_starting_and_opening_have_their_own_timeout():
    supervisor = Supervisor(POLICY)
    supervisor.started(0.0)
    assert supervisor.decide(20.0, True, None) is Action.LEAVE
    assert supervisor.decide(20.1, True, None) is Action.KILL
    opening = Heartbeat(Activity.OPENING, since_s=5.0)
    assert supervisor.decide(25.0, True, opening) is Action.LEAVE
    assert supervisor.decide(25.1, True, opening) is Action.KILL


def test_pauses_before_restarts_double_up_to_the_limit():
    supervisor = Supervisor(POLICY)
    assert supervisor.decide(0.0, False, None) is Action.START
    pauses = []
    for _ in range(6):
        supervisor.started(0.0)
        supervisor.failed(0.0)
        pauses.append(supervisor.pause_s(0.0))
    assert pauses == [1, 2, 4, 8, 8, 8]
    assert supervisor.decide(7.9, False, None) is Action.WAIT
    assert supervisor.decide(8.0, False, None) is Action.START


def test_a_long_run_with_frames_clears_the_failures_but_one_without_does_not():
    supervisor = Supervisor(POLICY)
    for _ in range(3):
        supervisor.started(0.0)
        supervisor.failed(0.0)
    supervisor.started(100.0)
    supervisor.failed(200.0)
    assert supervisor.failures == 4
    supervisor.started(300.0)
    supervisor.delivered()
    supervisor.failed(301.0)
    assert supervisor.failures == 5
    supervisor.started(400.0)
    supervisor.delivered()
    supervisor.failed(410.0)
    assert supervisor.failures == 1
    assert supervisor.pause_s(410.0) == 1


def test_it_gives_up_only_at_the_limit_of_failures():
    supervisor = Supervisor(SupervisionPolicy(failures_limit=2))
    supervisor.started(0.0)
    supervisor.failed(0.0)
    assert supervisor.decide(100.0, False, None) is Action.START
    supervisor.started(100.0)
    supervisor.failed(100.0)
    assert supervisor.decide(200.0, False, None) is Action.GIVE_UP
    supervisor.restart_now()
    assert supervisor.decide(200.0, False, None) is Action.START


@given(st.lists(st.floats(0, 1e6), max_size=60))
def test_without_a_limit_a_start_is_always_due_within_the_longest_pause(moments):
    supervisor = Supervisor(POLICY)
    for moment_s in sorted(moments):
        supervisor.started(moment_s)
        supervisor.failed(moment_s)
        assert 0.9999 < supervisor.pause_s(moment_s) < 8.0001
        assert supervisor.decide(moment_s + 8.0001, False, None) is Action.START
