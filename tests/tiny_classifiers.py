"""The smallest networks that can be trained, saved and asked."""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from classification.heads import TREE_37, Head, attach
from classification.network import CARD_FILE, NETWORK_FILE, NetworkCard, TrainedNetwork
from classification.preparation import Preparation
from classification.recipe import LossChoice, Preset
from edge_runtime.decision_tree import VOTE_COLUMNS

SIZE_PX = 8


def tiny_model(head: Head = TREE_37, seed: int = 0, size_px: int = SIZE_PX) -> keras.Model:
    """The means of the four quarters of a picture and a head over them, with random weights."""
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((size_px, size_px, 3))
    x = layers.Rescaling(1 / 64, offset=-2.0)(pixels)
    x = layers.AveragePooling2D(size_px // 2)(x)
    return keras.Model(pixels, attach(layers.Flatten()(x), head), name="tiny")


def tiny_preset(head: Head = TREE_37, target: str = "votes") -> Preset:
    """One epoch without augmentation."""
    return Preset(
        name="tiny",
        summary="for tests",
        reference="none",
        architecture="tiny",
        head=head,
        target=target,
        preparation=Preparation(None, SIZE_PX),
        loss=LossChoice("mse" if target == "votes" else "cross_entropy"),
        batch=16,
        epochs=1,
    )


def saved_network(
    folder: Path,
    head: Head = TREE_37,
    target: str = "votes",
    names: tuple[str, ...] = VOTE_COLUMNS,
    seed: int = 0,
) -> TrainedNetwork:
    """A network in the folder of a run that never was."""
    folder.mkdir(parents=True)
    model = tiny_model(head, seed)
    card = NetworkCard("tiny", "tiny", head, target, names, Preparation(None, SIZE_PX), "mse")
    model.save(folder / NETWORK_FILE)
    card.save(folder / CARD_FILE)
    return TrainedNetwork(card, model, folder)
