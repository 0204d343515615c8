"""``galaxy-edge train classifier``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from classification.recipe import Preset


def classifier(
    preset: Annotated[
        str | None, typer.Option("--preset", help="Recipe; see --list-presets.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Labelled galaxies, in any format 'data inspect' reads."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder of the training; goes on where it stopped."),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option("--validation", help="Labelled galaxies that validate, instead of a part."),
    ] = None,
    data_format: Annotated[
        str, typer.Option("--format", help="Format of --data and --validation.")
    ] = "auto",
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Most epochs. [default: the preset's]")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option("--batch", min=1, help="Pictures in a batch. [default: the preset's]"),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="[default: the preset's]")
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option(
            "--input-size", min=8, help="Side of the input in px. [default: the preset's]"
        ),
    ] = None,
    balance: Annotated[
        str | None,
        typer.Option(
            "--balance", help="none, up, down, weights or partial. [default: the preset's]"
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Train on so many pictures only.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of weights and batches.")] = 0,
    mixed_precision: Annotated[
        str,
        typer.Option(
            "--mixed-precision",
            help="auto (16 bits on a GPU), float32, mixed_bfloat16 or mixed_float16.",
        ),
    ] = "auto",
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            help="Of the backbone: imagenet, none, or a file. [default: the preset's]",
        ),
    ] = None,
    initial: Annotated[
        Path | None,
        typer.Option("--initial", help="Network to start from: a .keras file or a run's folder."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache", help="Folder for prepared pictures. [default: 'cache' in the output]"
        ),
    ] = None,
    memory_mb: Annotated[
        int,
        typer.Option(
            "--memory-mb", min=0, help="Prepared pictures that need more are kept in the cache."
        ),
    ] = 1024,
    stream: Annotated[
        bool,
        typer.Option("--stream", help="Decode such pictures anew each epoch instead of a cache."),
    ] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Threads making batches.")] = 2,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write curves for TensorBoard.")
    ] = False,
    list_presets: Annotated[
        bool, typer.Option("--list-presets", help="List the recipes and end.")
    ] = False,
) -> None:
    """Train a classifier of galaxy shapes by a published recipe.

    \b
    Broken off, the same command goes on after the last epoch. The output holds
    network.keras (the best epoch), network.json (what it is) and log.csv.
    KERAS_BACKEND=jax or torch in the environment trains with that backend.

    \b
    Example:
      galaxy-edge train classifier --preset parallel-cnn-2024 \\
        --data galaxies/labels.csv --output runs/parallel-cnn
    """
    import os
    from dataclasses import replace

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from classification.presets import preset as find_preset
    from classification.presets import preset_names
    from edge_runtime.cli.output import log_to_stderr
    from edge_runtime.errors import ConfigError

    if list_presets:
        _list(find_preset(name) for name in preset_names())
        return
    for option, value in (("--preset", preset), ("--data", data), ("--output", output)):
        if value is None:
            raise ConfigError(f"{option} is needed; see 'galaxy-edge train classifier --help'")
    assert preset is not None
    assert data is not None
    assert output is not None
    recipe = find_preset(preset)
    if learning_rate is not None:
        recipe = replace(recipe, optimizer=replace(recipe.optimizer, learning_rate=learning_rate))
    if balance is not None:
        recipe = replace(recipe, balance=replace(recipe.balance, method=balance))
    if weights is not None:
        recipe = _with_weights(recipe, weights)
    from annotations.galaxies.registry import read_galaxies
    from classification.commands.training_bar import TrainingBar
    from classification.training import train

    with TrainingBar() as bar:
        log_to_stderr()  # once the bar is there, so that lines scroll above it
        galaxies = read_galaxies(data, format_name=data_format)
        validating = (
            None if validation is None else read_galaxies(validation, format_name=data_format)
        )
        network = train(
            recipe,
            galaxies,
            output,
            validation=validating,
            seed=seed,
            epochs=epochs,
            batch=batch,
            limit=limit,
            input_size_px=input_size,
            precision=mixed_precision,
            initial=initial,
            cache=None if stream else cache or output / "cache",
            memory_limit_bytes=memory_mb * 1_000_000,
            workers=workers,
            curves=tensorboard,
            report=bar.report,
            prepared=bar.prepared,
        )
    card = network.card
    typer.echo(
        f"trained {card.preset}: best of {card.epochs} epochs is {card.best_epoch} with a "
        f"validation loss of {card.validation_loss:.5f}, {card.images_per_s:.0f} images/s; "
        f"{output}",
        err=True,
    )


def _list(recipes: Iterable[Preset]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("preset", "network", "target", "input", "what it is", box=None)
    for one in recipes:
        size = one.preparation.size_px
        table.add_row(one.name, one.architecture, one.target, f"{size} px", one.summary)
    Console(width=None).print(table)


def _with_weights(recipe: Preset, weights: str) -> Preset:
    """The recipe with other weights of its backbone."""
    from dataclasses import replace

    from edge_runtime.errors import ConfigError

    if "weights" not in recipe.options:
        raise ConfigError(
            f"{recipe.name} has no backbone that --weights could fill; "
            "to start from a trained network, use --initial"
        )
    chosen: str | None = None if weights == "none" else weights
    changed = replace(recipe, options={**recipe.options, "weights": chosen})
    # a backbone of random weights must learn as a whole
    return replace(changed, transfer=None) if chosen is None else changed
