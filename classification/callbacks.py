"""What happens between the batches and epochs of a training."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from classification.batches import GalaxyBatches
from edge_runtime.errors import GalaxyEdgeError

_log = logging.getLogger(__name__)

Logs = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far a training has come.

    Attributes
    ----------
    epoch, epochs : int
        Epochs done, and the most there will be.
    batch, batches : int
        Batches done of this epoch, and all of it.
    loss : float
        Mean of this epoch so far.
    validation_loss : float
        Of the epoch before; NaN in the first one.
    images_per_s : float
        Training pictures a second in this epoch, without the first batch.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    validation_loss: float
    images_per_s: float


Report = Callable[[TrainingProgress], None]


class EpochSeeds(keras.callbacks.Callback):
    """Makes chance a matter of the seed and the epoch alone.

    The order of the batches and all random layers start each epoch anew, so a
    training that was broken off draws what it would have drawn.

    Parameters
    ----------
    batches : GalaxyBatches
    seed : int
    """

    def __init__(self, batches: GalaxyBatches, seed: int) -> None:
        super().__init__()
        self._batches = batches
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Start the epoch's own chance."""
        self._batches.begin_epoch(epoch)
        # dropout of the torch backend draws from its global generator
        keras.utils.set_random_seed(_words(self._seed, epoch, "global")[0])
        states = [v for v in self.model.variables if v.name == "seed_generator_state"]
        for place, state in enumerate(states):
            words = _words(self._seed, epoch, place)
            state.assign(keras.ops.cast(keras.ops.convert_to_tensor(words), state.dtype))


def _words(seed: int, epoch: int, place: int | str) -> list[int]:
    """Two numbers that a seed, an epoch and a place tell."""
    digest = hashlib.sha256(f"{seed} {epoch} {place}".encode()).digest()
    # 31 bits fit whatever whole numbers a backend seeds with
    return [int.from_bytes(digest[i : i + 4], "big") >> 1 for i in (0, 4)]


class FiniteLoss(keras.callbacks.Callback):
    """Ends a training whose loss is no number.

    Parameters
    ----------
    every : int
        Batches between looks: each makes the processor wait for the device.
    """

    def __init__(self, every: int = 20) -> None:
        super().__init__()
        self._every = every
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Remember the epoch for the message."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look at some of the batches."""
        if (batch + 1) % self._every == 0:
            self._check(logs, f"batch {batch}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Look at the whole epoch."""
        self._check(logs, "its end")

    def _check(self, logs: Logs, where: str) -> None:
        for name, value in (logs or {}).items():
            if name in ("loss", "val_loss") and not math.isfinite(float(value)):
                raise GalaxyEdgeError(
                    f"the {name} is {float(value)} in epoch {self._epoch} at {where}; "
                    "try a lower learning rate, or float32 instead of mixed precision. "
                    "The last good epoch is kept"
                )


class Speed(keras.callbacks.Callback):
    """Pictures a second, without the first batch of an epoch, which may compile.

    Parameters
    ----------
    batches : GalaxyBatches
    epochs : int
        The most there will be.
    report : callable or None
        Told how far the training is, at most twice a second.
    """

    def __init__(self, batches: GalaxyBatches, epochs: int, report: Report | None) -> None:
        super().__init__()
        self._batches = batches
        self._epochs = epochs
        self._report = report
        self._validation_loss = math.nan
        self._epoch = 0
        self._started = self._shown = 0.0
        self.images_per_s = math.nan
        self.best_images_per_s = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Start the clock."""
        self._epoch = epoch
        self._started = self._shown = time.monotonic()
        self.images_per_s = math.nan

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Count the pictures, and report at times."""
        now = time.monotonic()
        if batch == 0:
            if logs is not None:
                float(logs["loss"])  # waits until the batch is through
                now = time.monotonic()
            self._started = now
        done = min((batch + 1) * self._batches.batch, len(self._batches.rows.index))
        first = min(self._batches.batch, len(self._batches.rows.index))
        last = batch + 1 == len(self._batches)
        if last and logs is not None:
            float(logs["loss"])
            now = time.monotonic()
        if done > first and now > self._started:
            self.images_per_s = (done - first) / (now - self._started)
        if last and math.isfinite(self.images_per_s):
            self.best_images_per_s = max(self.best_images_per_s, self.images_per_s)
        if self._report is not None and (last or now - self._shown > 0.5):
            self._shown = now
            self._report(
                TrainingProgress(
                    epoch=self._epoch,
                    epochs=self._epochs,
                    batch=batch + 1,
                    batches=len(self._batches),
                    loss=float((logs or {}).get("loss", math.nan)),
                    validation_loss=self._validation_loss,
                    images_per_s=self.images_per_s,
                )
            )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Keep the validation loss for the next reports."""
        self._validation_loss = float((logs or {}).get("val_loss", math.nan))


def tensorboard(folder: Path) -> keras.callbacks.Callback | None:
    """Callback that writes curves for TensorBoard, or None with a note where it cannot.

    Keras writes them through TensorFlow on every backend.
    """
    if importlib.util.find_spec("tensorflow") is None:
        _log.warning(
            "no TensorBoard curves: they need TensorFlow, which is not installed beside the %s "
            "backend; log.csv holds the same numbers",
            keras.backend.backend(),
        )
        return None
    return keras.callbacks.TensorBoard(log_dir=str(folder), write_graph=False, profile_batch=0)
