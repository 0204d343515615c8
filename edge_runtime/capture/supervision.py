"""When a capture process is killed, started again or given up: policy without I/O.

The clock is passed in, so every path can be walked in a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum


class Activity(IntEnum):
    """What the capture process was doing when it last said."""

    STARTING = 0
    OPENING = 1
    READING = 2
    WAITING = 3


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Last sign of life of a capture process.

    Attributes
    ----------
    activity : Activity
        What it does.
    since_s : float
        Monotonic clock when it began to.
    reads_started : int
        Frames it has begun to read, counted from the start of the source.
    dropped : int
        Frames of a live camera replaced by newer ones before they were taken.
    """

    activity: Activity
    since_s: float
    reads_started: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class SupervisionPolicy:
    """How patient the supervisor is.

    Attributes
    ----------
    hang_timeout_s : float
        Longest time in one read; must exceed the longest exposure.
    open_timeout_s : float
        Longest time to start the process and open the device.
    backoff_first_s, backoff_factor, backoff_most_s : float
        Pause before a restart: the first, its growth, and its limit.
    healthy_after_s : float
        A run that delivered frames and lasted so long clears the count of
        failures.
    failures_limit : int or None
        Failures in a row after which the source is given up; None for never.
    """

    hang_timeout_s: float = 30.0
    open_timeout_s: float = 30.0
    backoff_first_s: float = 0.5
    backoff_factor: float = 2.0
    backoff_most_s: float = 60.0
    healthy_after_s: float = 10.0
    failures_limit: int | None = None


class Action(Enum):
    """What the supervisor wants done."""

    LEAVE = "leave"
    START = "start"
    WAIT = "wait"
    KILL = "kill"
    GIVE_UP = "give up"


class Supervisor:
    """Decides about one capture process.

    Parameters
    ----------
    policy : SupervisionPolicy
        May be exchanged at any time through the attribute of the same name.
    """

    def __init__(self, policy: SupervisionPolicy) -> None:
        self.policy = policy
        self._started_s = 0.0
        self._start_due_s = float("-inf")
        self._failures = 0
        self._delivered = False

    @property
    def failures(self) -> int:
        """Failures in a row."""
        return self._failures

    def decide(self, now_s: float, running: bool, heartbeat: Heartbeat | None) -> Action:
        """Say what to do now.

        Parameters
        ----------
        now_s : float
            Monotonic clock in seconds.
        running : bool
            Whether the process lives.
        heartbeat : Heartbeat or None
            Its last sign of life; None before the first.

        Returns
        -------
        Action
            ``KILL`` is to be followed by ``failed``, ``START`` by ``started``.
        """
        if running:
            return Action.KILL if self._hangs(now_s, heartbeat) else Action.LEAVE
        limit = self.policy.failures_limit
        if limit is not None and self._failures >= limit:
            return Action.GIVE_UP
        return Action.START if now_s >= self._start_due_s else Action.WAIT

    def started(self, now_s: float) -> None:
        """Take note that the process was started."""
        self._started_s = now_s
        self._delivered = False

    def delivered(self) -> None:
        """Take note that a frame arrived."""
        self._delivered = True

    def failed(self, now_s: float) -> None:
        """Take note that the process died or was killed."""
        policy = self.policy
        if self._delivered and now_s - self._started_s >= policy.healthy_after_s:
            self._failures = 0
        # The power is bounded: it would overflow after some weeks of failures.
        pause_s = policy.backoff_first_s * policy.backoff_factor ** min(self._failures, 30)
        self._failures += 1
        self._start_due_s = now_s + min(pause_s, policy.backoff_most_s)

    def restart_now(self) -> None:
        """Forget earlier failures: somebody asked for a restart."""
        self._failures = 0
        self._start_due_s = float("-inf")

    def pause_s(self, now_s: float) -> float:
        """Return the seconds until the next start is due, 0 where it is."""
        return max(0.0, self._start_due_s - now_s)

    def _hangs(self, now_s: float, heartbeat: Heartbeat | None) -> bool:
        if heartbeat is None or heartbeat.activity is Activity.STARTING:
            return now_s - self._started_s > self.policy.open_timeout_s
        if heartbeat.activity is Activity.WAITING:  # for the parent: not its fault
            return False
        opening = heartbeat.activity is Activity.OPENING
        limit_s = self.policy.open_timeout_s if opening else self.policy.hang_timeout_s
        return now_s - heartbeat.since_s > limit_s
