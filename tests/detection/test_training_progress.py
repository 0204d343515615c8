"""Speed and time left are those of the last steps."""

from __future__ import annotations

import logging

import pytest

from detection.training_progress import LogProgress, Progress, Speedometer, duration


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_left_follows_from_the_speed():
    clock = Clock()
    speed = Speedometer(1000, clock)
    assert speed.at(50, 1.0).seconds_left is None
    clock.now = 25.0
    progress = speed.at(100, 0.5)
    assert progress.steps_per_s == pytest.approx(2.0)
    assert progress.seconds_left == pytest.approx(450.0)
    assert str(progress) == "step 100 of 1000, loss 0.500, 2.00 steps/s, 8 min left"


def test_an_old_pace_is_forgotten():
    clock = Clock()
    speed = Speedometer(100_000, clock)
    for step in range(0, 1000, 50):
        clock.now += 500.0
        speed.at(step, 1.0)
    for step in range(1000, 2000, 50):
        clock.now += 5.0
        progress = speed.at(step, 1.0)
    assert progress.steps_per_s == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (99.0, "99 s"), (150.0, "2 min"), (3900.0, "1 h 05 min"), (7170, "2 h 00 min")],
)
def test_durations_read_well(seconds, said):
    assert duration(seconds) == said


def test_the_log_gets_a_line_each_half_minute_and_the_last(caplog):
    clock = Clock()
    write = LogProgress(clock)
    with caplog.at_level(logging.INFO, logger="detection"):
        for step in range(1, 101):
            clock.now += 1.0
            write(Progress(step, 100, 1.0, 1.0, 100.0 - step))
    assert [record.args[0].step for record in caplog.records] == [1, 31, 61, 91, 100]
