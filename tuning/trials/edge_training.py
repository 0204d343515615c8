"""Short training of a network with the bundle's outputs: the 37 votes and the five classes.

What the recipe of the bundle takes hours for is left out: unlabelled pictures,
teachers, the detector's mistakes, and with them the third output, which stays
as it began. Its losses and their weights are the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from annotations.galaxies.dataset import CLASS5, UNKNOWN_CLASS, GalaxySet
from classification.augmentation import TELESCOPE, Augmentation, Motion
from classification.batches import VOTES, GalaxyBatches, Targets
from classification.callbacks import EpochSeeds, FiniteLoss
from classification.edge_network.evaluation import Logits, keras_predictor
from classification.edge_network.training_run import TrainConfig
from classification.fitting import trainable_model
from classification.losses import ClassLoss, VoteLoss
from classification.optimizers import create_optimizer
from classification.picture_cache import Crops
from classification.predictions import Predictions
from classification.recipe import OptimizerChoice
from edge_runtime.decision_tree import VOTE_COLUMNS, votes_from_logits
from edge_runtime.errors import GalaxyEdgeError
from tuning.trials.classifier_result import metrics_of

_log = logging.getLogger(__name__)

BATCH = 64
_CLIP_NORM = 5.0
_REMEMBERED = 1 / 12  # part of a training that moving averages look back on
_MOMENTUM = 0.99  # of moving averages where the training is long
_MOTION = Motion(zoom=0.2, rotation_deg=180, shift=0.08, flips=True, fill="reflect")
_SHIPPED = TrainConfig(Path(), Path())  # the bundle's weights of losses and classes


@dataclass(frozen=True, slots=True)
class EdgeRecipe:
    """What a trial chooses of its training.

    Attributes
    ----------
    epochs : int
    learning_rate : float
        At the peak of a cosine that ends with the last epoch.
    augmentation : float
        Strength; see ``augmentation_of``.
    seed : int
    """

    epochs: int
    learning_rate: float
    augmentation: float
    seed: int


def augmentation_of(strength: float) -> Augmentation:
    """Changes to the training pictures.

    Any turn and mirror at 0; zoom, shift and the share of pictures that look as
    through a telescope grow with the strength, and are those of the preset
    ``compact-votes`` at 1.
    """
    motion = replace(_MOTION, zoom=_MOTION.zoom * strength, shift=_MOTION.shift * strength)
    if strength <= 0:
        return Augmentation(motion)
    return Augmentation(motion, replace(TELESCOPE, share=min(1.0, TELESCOPE.share * strength)))


class EdgeBatches(GalaxyBatches):
    """Batches with a target for each output; unknown ones are rows of NaN."""

    def __init__(self, crops: Crops, galaxies: GalaxySet, batch: int, **options: Any) -> None:
        classes = galaxies.labels(CLASS5)
        values = np.concatenate([galaxies.votes, classes.one_hot()], axis=1)
        labels = np.full(len(galaxies), UNKNOWN_CLASS, np.int64)
        names = (*VOTE_COLUMNS, *classes.names)
        super().__init__(crops, Targets(values, labels, names), batch, **options)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.float32]]]:
        crops, values, _ = super().__getitem__(index)
        votes = len(VOTE_COLUMNS)
        return crops, {VOTES: values[:, :votes], CLASS5: values[:, votes:]}


def train_edge_network(
    network: keras.Model,
    galaxies: GalaxySet,
    crops: Crops,
    validation: GalaxySet,
    validation_crops: NDArray[np.uint8],
    recipe: EdgeRecipe,
) -> tuple[tuple[dict[str, float], ...], float]:
    """Train a network; its weights are those of the last epoch.

    Parameters
    ----------
    network : keras.Model
        With the three outputs of ``classification.heads.edge_outputs``; changed.
    galaxies, validation : GalaxySet
        Rows with votes, a class, or both.
    crops : Crops
        Of ``galaxies``.
    validation_crops : ndarray, shape (N, S, S, 3), uint8
        Of ``validation``, which is scored after every epoch.
    recipe : EdgeRecipe

    Returns
    -------
    tuple of dict
        Epoch, losses, and metrics on validation with ``val_`` in front.
    float
        Seconds of the training alone.

    Raises
    ------
    GalaxyEdgeError
        The loss is no number any more.
    """
    keras.utils.set_random_seed(recipe.seed)
    batches = EdgeBatches(crops, galaxies, BATCH, seed=recipe.seed, workers=1, max_queue_size=8)
    trained = {name: network.output[name] for name in (VOTES, CLASS5)}
    answers = keras.Model(network.input, trained)
    shorten_memory(network, recipe.epochs * len(batches))
    model = trainable_model(answers, augmentation_of(recipe.augmentation), recipe.seed)
    choice = OptimizerChoice(
        "adamw",
        recipe.learning_rate,
        schedule="cosine",
        weight_decay=_SHIPPED.weight_decay,
        clip_norm=_CLIP_NORM,
    )
    model.compile(
        optimizer=create_optimizer(choice, epochs=recipe.epochs, steps=len(batches)),
        loss={
            VOTES: VoteLoss(),
            CLASS5: ClassLoss(_SHIPPED.class_draw_weights, _SHIPPED.label_smoothing),
        },
        loss_weights={VOTES: _SHIPPED.vote_weight, CLASS5: _SHIPPED.class_weight},
        jit_compile=False,  # XLA has no kernel for TensorFlow's resampling of pictures
    )
    curve = _Curve(answers, validation, validation_crops)
    started = time.monotonic()
    model.fit(
        batches,
        epochs=recipe.epochs,
        shuffle=False,  # of the batches, which the epoch's own draw does
        verbose=0,
        callbacks=[EpochSeeds(batches, recipe.seed), FiniteLoss(), curve],
    )
    return tuple(curve.rows), time.monotonic() - started - curve.seconds


def shorten_memory(network: keras.Model, steps: int) -> None:
    """Let the moving averages of batch normalisation forget where a short training began.

    With Keras' momentum of 0.99 a quarter of them would still be the first values after
    the 125 steps of a trial, and its scores would tell of that rather than of the network.

    Parameters
    ----------
    network : keras.Model
        Its layers are changed.
    steps : int
        Of the training.
    """
    momentum = min(_MOMENTUM, 1 - 1 / max(2.0, _REMEMBERED * steps))
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum


class _Curve(keras.callbacks.Callback):
    """Scores the network after every epoch."""

    def __init__(
        self, answers: keras.Model, validation: GalaxySet, crops: NDArray[np.uint8]
    ) -> None:
        super().__init__()
        self._predict = keras_predictor(answers)
        self._validation = validation
        self._crops = crops
        self.rows: list[dict[str, float]] = []
        self.seconds = 0.0

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Add a row to the curve."""
        started = time.monotonic()
        found = edge_predictions(self._predict(self._crops), self._validation.ids)
        row = {
            "epoch": float(epoch),
            **{name: float(value) for name, value in (logs or {}).items()},
            **{f"val_{name}": value for name, value in metrics_of(found, self._validation).items()},
        }
        self.rows.append(row)
        _log.info(", ".join(f"{name} {value:.4g}" for name, value in row.items()))
        self.seconds += time.monotonic() - started


def edge_predictions(logits: Logits, ids: tuple[str, ...]) -> Predictions:
    """Votes and classes as the edge makes them of the outputs ``votes`` and ``class5``.

    Raises
    ------
    GalaxyEdgeError
        An output is no number.
    """
    for name in (VOTES, CLASS5):
        wrong = int((~np.isfinite(logits[name])).any(axis=1).sum())
        if wrong:
            raise GalaxyEdgeError(f"the network's {name} are no numbers for {wrong} galaxies")
    return Predictions(
        ids,
        votes=votes_from_logits(logits[VOTES]),
        classes={CLASS5: softmax(logits[CLASS5].astype(np.float32), axis=1)},
    )
