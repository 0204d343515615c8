"""Training of any architecture by a preset."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from annotations.galaxies.dataset import GalaxySet
from annotations.splits import place_of
from classification.batches import GalaxyBatches, Targets, known_rows, targets_of
from classification.callbacks import Report
from classification.fitting import Fit
from classification.models import create_model
from classification.network import NetworkCard, TrainedNetwork
from classification.picture_cache import MEMORY_LIMIT_BYTES, Progress, prepare_crops
from classification.precision import choose_precision, device_name, dtype_policy
from classification.presets import Preset
from classification.provenance import code_version
from classification.run_folder import RunFolder
from classification.transfer import start_from
from edge_runtime.errors import ConfigError, GalaxyEdgeError

_log = logging.getLogger(__name__)

VALIDATION_SHARE = 0.1
"""Of sets that do not say which pictures validate."""


def train(
    preset: Preset,
    galaxies: GalaxySet,
    output: Path,
    *,
    validation: GalaxySet | None = None,
    seed: int = 0,
    epochs: int | None = None,
    batch: int | None = None,
    limit: int | None = None,
    input_size_px: int | None = None,
    precision: str = "auto",
    initial: Path | None = None,
    model: keras.Model | None = None,
    cache: Path | None = None,
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
    workers: int = 1,
    curves: bool = False,
    report: Report | None = None,
    prepared: Progress | None = None,
) -> TrainedNetwork:
    """Train a network, or go on with a training that was broken off.

    Parameters
    ----------
    preset : Preset
        What to train, and how.
    galaxies : GalaxySet
        Rows of the split ``train`` are trained on, those of ``val`` validate;
        where none is named so, a tenth validates, told by the ids.
    output : Path
        Folder of the run. After every epoch it holds all that is needed to go
        on: call again with the same arguments.
    validation : GalaxySet or None
        Set that validates instead; then all rows of ``galaxies`` but those of
        ``val`` and ``test`` train.
    seed : int
        Of the weights, the batches and the augmentation.
    epochs, batch : int or None
        Instead of the preset's.
    limit : int or None
        Train on so many pictures, drawn by the seed, and validate on no more.
    input_size_px : int or None
        Side of the network's input instead of the preset's.
    precision : str
        One of ``classification.precision.PRECISIONS``.
    initial : Path or None
        ``.keras`` file or folder of a run to start from: layers of the same
        name and shape take its weights.
    model : keras.Model or None
        Train this network instead of building the preset's architecture; its
        weights are changed. Only in float32.
    cache : Path or None
        Folder for the prepared pictures of sets beyond ``memory_limit_bytes``;
        None decodes these anew in every epoch.
    memory_limit_bytes : int
    workers : int
        Threads that make batches.
    curves : bool
        Write curves for TensorBoard into the folder ``curves`` of the output.
    report : callable or None
        Told the ``TrainingProgress`` about twice a second.
    prepared : callable or None
        Told how many pictures of how many are prepared.

    Returns
    -------
    TrainedNetwork
        The epoch of the lowest validation loss.

    Raises
    ------
    GalaxyEdgeError
        The data or the preset do not fit, the folder holds another run, or the
        loss is no number any more.
    """
    preset = _changed(preset, epochs, batch, input_size_px)
    precision = choose_precision(precision)
    if model is not None and precision != "float32":
        _log.info("a network that is built already trains in the precision it was built with")
        precision = model.dtype_policy.name
    train_rows, validation_rows = _parts(preset, galaxies, validation, limit, seed)
    record: dict[str, Any] = {
        **asdict(preset),
        "seed": seed,
        "limit": limit,
        "data_hash": galaxies.data_hash,
        "pictures": [len(train_rows), len(validation_rows)],
        "precision": precision,
        "initial": None if initial is None else str(initial),
    }
    recipe = asdict(preset)
    if preset.optimizer.schedule == "constant":
        del record["epochs"]  # a run may go on for longer than was first thought
    folder = RunFolder(output, record)
    state = folder.open()
    if state.finished and (state.epochs_done >= preset.epochs or state.stopped):
        _log.info("%s: was trained to its end before", output)
        return TrainedNetwork.load(output)
    keras.utils.set_random_seed(seed)
    network, plain = _networks(preset, precision, model)
    if initial is not None and not state.epochs_done:
        start_from(network, initial)
    width = network.output_shape[-1]
    targets = targets_of(train_rows, preset.target, width)

    def batches(rows: GalaxySet, known: Targets, **options: Any) -> GalaxyBatches:
        crops = prepare_crops(
            rows,
            preset.preparation,
            cache=cache,
            memory_limit_bytes=memory_limit_bytes,
            progress=prepared,
        )
        return GalaxyBatches(crops, known, preset.batch, seed=seed, workers=workers, **options)

    card = NetworkCard(
        preset=preset.name,
        architecture=preset.architecture if model is None else model.name,
        head=preset.head,
        target=preset.target,
        class_names=targets.names,
        preparation=preset.preparation,
        loss=preset.loss.name,
        loss_options=dict(preset.loss.options),
        seed=seed,
        data=galaxies.name,
        data_hash=galaxies.data_hash,
        training_pictures=len(train_rows),
        validation_pictures=len(validation_rows),
        parameters=network.count_params(),
        backend=keras.backend.backend(),
        device=device_name(),
        precision=precision,
        code_version=code_version(),
        recipe=recipe,
    )
    _log.info(
        "%s: %d parameters, %d pictures train and %d validate, %s on %s with %s",
        preset.name,
        card.parameters,
        card.training_pictures,
        card.validation_pictures,
        precision,
        card.device,
        card.backend,
    )
    fit = Fit(
        preset,
        network,
        plain,
        folder,
        state,
        card,
        batches(train_rows, targets, balance=preset.balance),
        batches(validation_rows, targets_of(validation_rows, preset.target, width), shuffle=False),
        seed,
    )
    try:
        fit.run(report, curves=curves)
    except KeyboardInterrupt:
        _log.warning(
            "%s: interrupted after %d epochs; the same command goes on from there",
            output,
            state.epochs_done,
        )
        raise
    return TrainedNetwork.load(output)


def _changed(
    preset: Preset, epochs: int | None, batch: int | None, input_size_px: int | None
) -> Preset:
    if epochs is not None:
        preset = replace(preset, epochs=epochs)
    if batch is not None:
        preset = replace(preset, batch=batch)
    if input_size_px is not None:
        preparation = replace(preset.preparation, size_px=input_size_px)
        preset = replace(preset, preparation=preparation)
    if preset.epochs < 1 or preset.batch < 1:
        raise ConfigError(f"epochs and batch are at least 1, not {preset.epochs}, {preset.batch}")
    return preset


def _parts(
    preset: Preset,
    galaxies: GalaxySet,
    validation: GalaxySet | None,
    limit: int | None,
    seed: int,
) -> tuple[GalaxySet, GalaxySet]:
    """Rows to train on and rows that validate, all with the target."""
    splits = np.array(galaxies.split, dtype=np.str_)
    if validation is not None:
        first = galaxies.rows(~np.isin(splits, ("val", "test")))
        second = validation
    else:
        named = galaxies if (splits == "train").any() else galaxies.rows(splits == "")
        chosen = np.array(named.split, dtype=np.str_) == "val"
        if not chosen.any():
            named = named.rows(np.array(named.split, dtype=np.str_) != "test")
            chosen = np.array([place_of(i) < VALIDATION_SHARE for i in named.ids], dtype=bool)
        first, second = named.rows(~chosen), named.rows(chosen)
        first = first.rows(np.array(first.split, dtype=np.str_) != "test")
    for part, use in ((first, "train on"), (second, "validate with")):
        if not len(part):
            raise GalaxyEdgeError(f"{galaxies.name}: has no picture to {use}")
    return (
        drawn_rows(known_rows(first, preset.target), limit, seed),
        drawn_rows(known_rows(second, preset.target), limit, seed + 1),
    )


def drawn_rows(galaxies: GalaxySet, limit: int | None, seed: int) -> GalaxySet:
    """So many rows drawn by the seed, in the order of the set; all where it has no more."""
    if limit is None or limit >= len(galaxies):
        return galaxies
    chosen = np.random.default_rng(seed).choice(len(galaxies), size=limit, replace=False)
    return galaxies.rows(np.sort(chosen))


def _networks(
    preset: Preset, precision: str, model: keras.Model | None
) -> tuple[keras.Model, keras.Model]:
    """The network to train, and the one in float32 that is kept."""
    if model is not None:
        return model, model
    options = {"head": preset.head, "input_size_px": preset.preparation.size_px}
    with dtype_policy(precision):
        network = create_model(preset.architecture, **options, **preset.options)
    if precision == "float32":
        return network, network
    plain_options = dict(preset.options)
    if "weights" in plain_options:
        plain_options["weights"] = None  # they are copied, not read a second time
    with dtype_policy("float32"):
        return network, create_model(preset.architecture, **options, **plain_options)
