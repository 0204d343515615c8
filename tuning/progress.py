"""How far a search has come, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """How far a search has come.

    Attributes
    ----------
    done, failed : int
        Trials that have ended, and those of them that failed.
    trials : int
        In all.
    best : float or None
        Largest objective so far.
    best_trial : str or None
    running : tuple of str
        Trials at work, of all workers.
    seconds_left : float or None
        By the mean of the trials that have ended; None before any has.
    """

    done: int
    failed: int
    trials: int
    best: float | None
    best_trial: str | None
    running: tuple[str, ...]
    seconds_left: float | None

    def in_words(self) -> str:
        """Trials done and at work, the best so far, and how long the rest takes."""
        parts = [f"{self.done} of {self.trials} trials done"]
        if self.failed:
            parts[0] += f" ({self.failed} failed)"
        if self.running:
            parts.append(f"at {', '.join(self.running)}")
        if self.best is not None:
            parts.append(f"best {self.best:.4f} (trial {self.best_trial})")
        if self.seconds_left is not None and self.done < self.trials:
            parts.append(f"{time_in_words(self.seconds_left)} left")
        return ", ".join(parts)


def time_in_words(seconds: float) -> str:
    """A time, to the minute."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    return (
        f"about {minutes} min"
        if minutes < 60
        else f"about {minutes // 60} h {minutes % 60:02d} min"
    )
