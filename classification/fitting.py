"""Fitting of a network phase by phase, so that it can be broken off and gone on with."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import layers

from classification.augmentation import Augmentation
from classification.batches import COUNTS, VOTES, GalaxyBatches
from classification.callbacks import EpochSeeds, FiniteLoss, Report, Speed, tensorboard
from classification.losses import create_loss
from classification.network import CARD_FILE, NetworkCard
from classification.optimizers import create_optimizer
from classification.patience import Patience
from classification.recipe import Preset
from classification.run_folder import RunFolder, RunState
from classification.transfer import freeze_backbone, unfreeze_from

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of epochs with one optimizer.

    Attributes
    ----------
    start, stop : int
        First epoch, and the one after the last.
    learning_rate : float
    frozen : bool
        Only the head learns.
    last : bool
        Early stopping ends it.
    """

    start: int
    stop: int
    learning_rate: float
    frozen: bool
    last: bool


def phases(preset: Preset) -> tuple[Phase, ...]:
    """The phases of a training: two where a backbone is frozen first."""
    rate = preset.optimizer.learning_rate
    transfer = preset.transfer
    if transfer is None:
        return (Phase(0, preset.epochs, rate, frozen=False, last=True),)
    if transfer.unfreeze_from is None:
        return (Phase(0, preset.epochs, rate, frozen=True, last=True),)
    first = min(transfer.frozen_epochs, preset.epochs)
    if first == preset.epochs:
        return (Phase(0, first, rate, frozen=True, last=True),)
    return (
        Phase(0, first, rate, frozen=True, last=False),
        Phase(first, preset.epochs, transfer.learning_rate, frozen=False, last=True),
    )


def trainable_model(network: keras.Model, augmentation: Augmentation, seed: int) -> keras.Model:
    """The network behind its augmentation; takes uint8 pixels.

    Parameters
    ----------
    network : keras.Model
        Shares its weights with what comes back.
    augmentation : Augmentation
    seed : int
    """
    pixels = keras.Input(network.input_shape[1:], dtype="uint8", name="crop")
    x = layers.Rescaling(1.0, dtype="float32", name="to_float")(pixels)
    for layer in augmentation.layers(seed):
        x = layer(x)
    return keras.Model(pixels, network(x), name="training")


class Fit:
    """One training in progress.

    Parameters
    ----------
    preset : Preset
    network : keras.Model
        What is trained.
    plain : keras.Model
        The same in float32, for keeping; may be ``network`` itself.
    folder : RunFolder
    state : RunState
        How far it has come.
    card : NetworkCard
        Of the finished network, but for what is known only then.
    batches, validation : GalaxyBatches
    seed : int
    """

    def __init__(
        self,
        preset: Preset,
        network: keras.Model,
        plain: keras.Model,
        folder: RunFolder,
        state: RunState,
        card: NetworkCard,
        batches: GalaxyBatches,
        validation: GalaxyBatches,
        seed: int,
    ) -> None:
        self.preset = preset
        self.network = network
        self.plain = plain
        self.folder = folder
        self.state = state
        self.card = card
        self.batches = batches
        self.validation = validation
        self.seed = seed
        self._model = trainable_model(network, preset.augmentation, seed)
        self._clock = time.monotonic()

    def run(self, report: Report | None = None, *, curves: bool = False) -> None:
        """Train to the end.

        Raises
        ------
        GalaxyEdgeError
            The loss is no number any more.
        """
        self._clock = time.monotonic()
        if self.state.epochs_done:
            _log.info("%s: goes on after epoch %d", self.folder.path, self.state.epochs_done - 1)
            self.folder.load_weights(self._model)
        for phase in phases(self.preset):
            if self.state.epochs_done < phase.stop:
                self._run_phase(phase, report, curves)
        self.state.finished = True
        self.folder.save_state(self.state)

    def _run_phase(self, phase: Phase, report: Report | None, curves: bool) -> None:
        self._compile(phase)
        if self.state.epochs_done > phase.start:
            self.folder.load_weights(self._model)  # now with the state of its optimizer
        elif phase.start:
            best = self.state.patience
            self.state.patience = Patience(best.best, best.best_epoch)
        speed = Speed(self.batches, self.preset.epochs, report)
        watchers: list[keras.callbacks.Callback] = [
            EpochSeeds(self.batches, self.seed),
            FiniteLoss(),
            speed,
        ]
        board = tensorboard(self.folder.path / "curves") if curves else None
        if board is not None:
            watchers.append(board)
        self._model.fit(
            self.batches,
            validation_data=self.validation,
            initial_epoch=self.state.epochs_done,
            epochs=phase.stop,
            shuffle=False,  # of the batches, which the epoch's own draw does
            verbose=0,
            callbacks=[*watchers, Recorder(self, speed, phase)],
        )

    def _compile(self, phase: Phase) -> None:
        transfer = self.preset.transfer
        if transfer is not None:
            if phase.frozen:
                freeze_backbone(self.network)
            else:
                unfreeze_from(self.network, transfer.unfreeze_from or "")
        choice = replace(self.preset.optimizer, learning_rate=phase.learning_rate)
        self._model.compile(
            optimizer=create_optimizer(
                choice, epochs=phase.stop - phase.start, steps=len(self.batches)
            ),
            loss=create_loss(self.preset.loss.name, **self.preset.loss.options),
            metrics=_metrics(self.preset),
            # XLA has no kernel for TensorFlow's resampling of pictures
            jit_compile="auto" if keras.backend.backend() == "jax" else False,
        )
        self._model.optimizer.build(self._model.trainable_variables)

    def finish_epoch(self, epoch: int, logs: Mapping[str, Any], speed: Speed, phase: Phase) -> bool:
        """Keep what an epoch brought; returns whether to stop."""
        state = self.state
        rate = float(keras.ops.convert_to_numpy(self._model.optimizer.learning_rate))
        verdict = state.patience.see(
            epoch,
            float(logs["val_loss"]),
            self.preset.early_stopping if phase.last else None,
            self.preset.plateau,
        )
        if verdict.slower and self.preset.plateau is not None:
            lowest = self.preset.plateau.lowest
            self._model.optimizer.learning_rate = max(lowest, rate * self.preset.plateau.factor)
        if verdict.improved:
            if self.plain is not self.network:
                self.plain.set_weights(self.network.get_weights())
            self.folder.save_best(self.plain)
        now = time.monotonic()
        seconds, self._clock = now - self._clock, now
        state.epochs_done = epoch + 1
        state.seconds += seconds
        state.images_per_s = max(state.images_per_s, speed.best_images_per_s)
        state.finished = state.stopped = verdict.stop
        row = {
            "epoch": epoch,
            "seconds": round(seconds, 2),
            "images_per_s": round(speed.images_per_s, 1) if speed.images_per_s > 0 else 0.0,
            "learning_rate": float(f"{rate:.6g}"),
            **{name: float(f"{float(value):.6g}") for name, value in logs.items()},
        }
        state.rows.append(row)
        _log.info(", ".join(f"{name} {value}" for name, value in row.items()))
        self.folder.save(self._model, state)
        replace(
            self.card,
            epochs=state.epochs_done,
            best_epoch=state.patience.best_epoch,
            validation_loss=state.patience.best,
            training_s=round(state.seconds, 2),
            images_per_s=round(state.images_per_s, 1),
        ).save(self.folder.path / CARD_FILE)
        return verdict.stop


class Recorder(keras.callbacks.Callback):
    """Hands each epoch to the training it belongs to; the last of the callbacks."""

    def __init__(self, fit: Fit, speed: Speed, phase: Phase) -> None:
        super().__init__()
        self._fit = fit
        self._speed = speed
        self._phase = phase

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keep the epoch, and stop where nothing gets better any more."""
        if self._fit.finish_epoch(epoch, logs or {}, self._speed, self._phase):
            self.model.stop_training = True


def _metrics(preset: Preset) -> list[keras.metrics.Metric]:
    if preset.target == VOTES:
        return [keras.metrics.RootMeanSquaredError(name="rmse")]
    if preset.target == COUNTS:
        return []
    if preset.head.width == 1:
        return [keras.metrics.BinaryAccuracy(name="accuracy")]
    return [keras.metrics.CategoricalAccuracy(name="accuracy")]
