"""A row that trains networks of the workbench."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from annotations.galaxies.dataset import CLASS5, ELLIPTICAL, GALAXY10, GalaxySet
from classification.batches import VOTES
from classification.elliptical import with_elliptical
from classification.export import ExportedNetwork, TfliteNetwork, export_network
from classification.heads import BINARY, SIGMOID_37, softmax
from classification.latency import measure
from classification.models import create_model
from classification.models.backbones import IMAGENET
from classification.network import TrainedNetwork
from classification.predictions import Predictions
from classification.presets import Preset, preset
from classification.reproduction.plans import Budget, Shortcuts, TrainingPlan
from classification.reproduction.results import Figures, TrainedPart
from classification.reproduction.settings import RowSettings
from classification.reproduction.time_limit import TimeLimit, TimeUsedUp
from classification.scoring import score
from classification.training import train
from edge_runtime.errors import GalaxyEdgeError

_log = logging.getLogger(__name__)

_REPRESENTATIVE = 300  # training crops that set the ranges of an int8 network
_LATENCY_S = 0.4


def train_part(
    plan: TrainingPlan, galaxies: GalaxySet, settings: RowSettings, seconds: float | None
) -> TrainedPart:
    """Train one network of a row, export it, and score both on the test split.

    Parameters
    ----------
    plan : TrainingPlan
    galaxies : GalaxySet
        All splits.
    settings : RowSettings
    seconds : float or None
        Most seconds of training.

    Raises
    ------
    GalaxyEdgeError
        The network cannot be trained or exported.
    """
    recipe, missing = with_weights(recipe_for(plan), settings.weights)
    shortcuts = plan.quick if settings.budget is Budget.QUICK else Shortcuts()
    folder = settings.folder / plan.target
    network, ended_by_time = _trained(recipe, shortcuts, galaxies, folder, settings.seed, seconds)
    test = galaxies.where("test", ("kaggle", "gz2"))
    predicted = with_elliptical(network.predict(test))
    crops = representative_crops(network, galaxies, settings.seed)
    exported = export_network(network.model, crops, folder / "network.tflite")
    quick_network = replace(network, model=TfliteModel(exported.path))
    answered = with_elliptical(adding_up(quick_network.predict(test)))
    latency = measure(exported.path, round_s=_LATENCY_S)
    return TrainedPart(
        target=plan.target,
        recipe=recipe.name,
        parameters=network.card.parameters,
        epochs=network.card.epochs,
        training_pictures=network.card.training_pictures,
        training_s=network.card.training_s,
        figures=Figures.of(score(predicted, test)),
        int8_figures=Figures.of(score(answered, test)),
        precision=str(exported.precision),
        reason=exported.reason,
        size_bytes=latency.size_bytes,
        multiply_adds=latency.multiply_adds,
        latency_ms=latency.median_ms,
        latency_p95_ms=latency.p95_ms,
        same_answer=same_answers(predicted, answered, plan.target),
        shortened=(
            *((missing,) if missing else ()),
            *shortened(recipe, shortcuts, network, galaxies, ended_by_time),
        ),
        notes=_float_note(exported),
    )


def recipe_for(plan: TrainingPlan) -> Preset:
    """The preset of a training, with the head of its target."""
    recipe = preset(plan.preset)
    if recipe.target == plan.target:
        return recipe
    heads = {VOTES: SIGMOID_37, CLASS5: softmax(5), GALAXY10: softmax(10), ELLIPTICAL: BINARY}
    return replace(
        recipe,
        name=f"{recipe.name} for {plan.target}",
        target=plan.target,
        head=heads[plan.target],
    )


def with_weights(recipe: Preset, folder: Path | None) -> tuple[Preset, str]:
    """A recipe that can start: at random, where the ImageNet weights are not to be had.

    Parameters
    ----------
    recipe : Preset
    folder : Path or None
        Holds ``vgg16.h5`` and so on, files of weights without top; None, or
        where a file is missing, downloads them.

    Returns
    -------
    Preset
    str
        What is missing, for the table; empty where nothing is.
    """
    if recipe.options.get("weights") != IMAGENET:
        return recipe, ""
    if folder is not None and (folder / f"{recipe.architecture}.h5").is_file():
        path = str(folder / f"{recipe.architecture}.h5")
        return replace(recipe, options={**recipe.options, "weights": path}), ""
    size = recipe.preparation.size_px
    try:
        create_model(recipe.architecture, head=recipe.head, input_size_px=size, **recipe.options)
    except GalaxyEdgeError as error:
        _log.warning("%s: starts at random: %s", recipe.name, error)
        options = {**recipe.options, "weights": None}
        told = "all layers from random weights, as the ImageNet ones cannot be downloaded"
        return replace(recipe, options=options, transfer=None), told
    return recipe, ""


def _trained(
    recipe: Preset,
    shortcuts: Shortcuts,
    galaxies: GalaxySet,
    folder: Path,
    seed: int,
    seconds: float | None,
) -> tuple[TrainedNetwork, bool]:
    """The network, and whether time ended its training."""
    if shortcuts.frozen_only and recipe.transfer is not None:
        transfer = replace(recipe.transfer, frozen_epochs=recipe.epochs, unfreeze_from=None)
        recipe = replace(recipe, transfer=transfer)
    started = time.monotonic()

    def trained(output: Path, epochs: int, report: TimeLimit | None) -> TrainedNetwork:
        return train(
            recipe,
            galaxies,
            output,
            seed=seed,
            epochs=epochs,
            limit=shortcuts.limit,
            input_size_px=shortcuts.input_size_px,
            precision=shortcuts.precision,
            report=report,
        )

    epochs = recipe.epochs
    if seconds is not None and recipe.optimizer.schedule != "constant":
        # a learning rate that falls has to know its last epoch beforehand
        probe = trained(folder.with_name(f"{folder.name}-probe"), 1, None)
        left_s = seconds - (time.monotonic() - started)
        epochs = max(1, min(epochs, int(left_s / max(probe.card.training_s, 1e-3))))
    limit = None if seconds is None else TimeLimit(seconds - (time.monotonic() - started))
    try:
        network = trained(folder, epochs, limit)
    except TimeUsedUp:
        return TrainedNetwork.load(folder), True
    return network, epochs < recipe.epochs


def shortened(
    recipe: Preset,
    shortcuts: Shortcuts,
    network: TrainedNetwork,
    galaxies: GalaxySet,
    ended_by_time: bool,
) -> tuple[str, ...]:
    """In what a training is shorter than its recipe, in words for the table."""
    found = []
    if ended_by_time:
        found.append(f"{network.card.epochs} of at most {recipe.epochs} epochs")
    if shortcuts.limit is not None:
        train_rows = galaxies.where("train")
        if recipe.target == VOTES:
            known = int(train_rows.has_votes.sum())
        else:
            known = int(train_rows.labels(recipe.target).known.sum())
        if network.card.training_pictures < known:
            found.append(f"{network.card.training_pictures} of {known} pictures")
    size = shortcuts.input_size_px
    if size is not None and size != recipe.preparation.size_px:
        found.append(f"input {size} px instead of {recipe.preparation.size_px}")
    if shortcuts.frozen_only and recipe.transfer is not None:
        found.append("backbone not fine-tuned")
    if shortcuts.precision != "float32":
        found.append("bfloat16")
    return tuple(found)


def representative_crops(
    network: TrainedNetwork, galaxies: GalaxySet, seed: int
) -> NDArray[np.uint8]:
    """Training crops, prepared for a network, that set the ranges of its int8 form."""
    rows = galaxies.where("train")
    count = min(_REPRESENTATIVE, len(rows))
    chosen = np.sort(np.random.default_rng(seed).choice(len(rows), size=count, replace=False))
    prepare = network.card.preparation.prepare
    return np.stack(
        [prepare(rows.pictures.read(int(i)), float(rows.frame_scale[i])) for i in chosen]
    )


def adding_up(predictions: Predictions) -> Predictions:
    """The same with probabilities that add up to 1, as those of int8 do to one part in 256."""
    classes = {
        scheme: values / np.maximum(values.sum(axis=1, keepdims=True), 1e-6)
        for scheme, values in predictions.classes.items()
    }
    return replace(predictions, classes=classes)


class TfliteModel:
    """A TFLite file in the place of a network's Keras model.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._network = TfliteNetwork(path)

    def predict_on_batch(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs for a batch, one call a crop."""
        return self._network.answer(crops.astype(np.uint8))


def same_answers(exact: Predictions, quantised: Predictions, target: str) -> float:
    """Part of the galaxies of which two predictions give the same class."""
    scheme = CLASS5 if target == VOTES else target
    first, second = exact.classes[scheme], quantised.classes[scheme]
    return float(np.mean(first.argmax(axis=1) == second.argmax(axis=1)))


def _float_note(exported: ExportedNetwork) -> str:
    if not exported.float_operations:
        return ""
    return f"int8 file computes {', '.join(exported.float_operations)} in float"


def train_parts(
    plans: tuple[TrainingPlan, ...], galaxies: GalaxySet, settings: RowSettings
) -> tuple[TrainedPart, ...]:
    """All networks of a row, each with its share of the time."""
    parts = []
    whole = sum(plan.quick_s for plan in plans)
    for plan in plans:
        seconds = None
        if settings.training_s is not None:
            seconds = settings.training_s * plan.quick_s / whole
        parts.append(train_part(plan, galaxies, settings, seconds))
        keras.backend.clear_session()
    return tuple(parts)
