from __future__ import annotations

from types import SimpleNamespace

import pytest

from classification.reproduction.time_limit import TimeLimit, TimeUsedUp


def at(epoch: int, batch: int) -> SimpleNamespace:
    """Those of ``TrainingProgress`` that tell the place."""
    return SimpleNamespace(epoch=epoch, batch=batch, batches=10)


def epochs_run(seconds: float, epoch_s: float, first_epoch: int = 0) -> int:
    """Epochs that end before the limit, each of ten batches."""
    now = 0.0
    limit = TimeLimit(seconds, clock=lambda: now)
    for epoch in range(first_epoch, first_epoch + 50):
        for batch in range(1, 11):
            now += epoch_s / 10
            try:
                limit(at(epoch, batch))
            except TimeUsedUp:
                return epoch - first_epoch
    raise AssertionError("the limit never ended the training")


@pytest.mark.parametrize(
    ("seconds", "epoch_s", "epochs"), [(100, 10, 10), (100, 30, 3), (20, 10, 2)]
)
def test_no_epoch_begins_that_would_last_beyond_the_time(
    seconds: float, epoch_s: float, epochs: int
) -> None:
    assert epochs_run(seconds, epoch_s) in (epochs, epochs + 1)
    assert epochs_run(seconds, epoch_s) * epoch_s <= 1.1 * seconds


def test_the_first_epoch_always_ends() -> None:
    assert epochs_run(seconds=1, epoch_s=50) == 1


def test_a_training_that_is_gone_on_with_has_its_time_anew() -> None:
    assert epochs_run(seconds=100, epoch_s=10, first_epoch=7) in (10, 11)
