"""``galaxy-edge train distilled``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def distilled(
    teacher: Annotated[
        list[Path],
        typer.Option(
            "--teacher",
            help="Folder of a training, or file of an ensemble, to learn from; repeatable.",
        ),
    ],
    preset: Annotated[str, typer.Option("--preset", help="Recipe of the student.")],
    data: Annotated[
        Path, typer.Option("--data", help="Galaxies, labelled or not, in any format known.")
    ],
    output: Annotated[
        Path, typer.Option("--output", help="Folder of the run; goes on where it stopped.")
    ],
    share: Annotated[
        float,
        typer.Option(
            "--share", min=0, max=1, help="Part of a known label that the teachers replace."
        ),
    ] = 0.3,
    labelled_only: Annotated[
        bool, typer.Option("--labelled-only", help="Leave pictures without a label out.")
    ] = False,
    turned_views: Annotated[
        int,
        typer.Option("--turned-views", min=1, max=8, help="Views of a picture the teachers see."),
    ] = 8,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Only galaxies of this catalogue; repeatable."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Most epochs; left out, the preset's.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", min=1, help="Pictures a batch; left out, the preset's.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Train on so many pictures only.")
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option("--input-size", min=16, help="Side of the input in px, not the preset's."),
    ] = None,
    mixed_precision: Annotated[
        str,
        typer.Option(
            "--mixed-precision",
            help="auto (16 bits on a GPU), float32, mixed_bfloat16 or mixed_float16.",
        ),
    ] = "auto",
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
    workers: Annotated[int, typer.Option("--workers", min=1, help="Threads making batches.")] = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of weights and batches.")] = 0,
) -> None:
    """Train a student on the answers of trained networks, besides the labels.

    \b
    The teachers' answers are averaged, mixed with known labels, and stand alone where a
    picture has none. Validation pictures keep their labels as they are. Broken off, the
    same command goes on from the last epoch.

    \b
    Example:
      galaxy-edge train distilled --teacher runs/ensemble.json --preset compact-votes \\
        --data galaxies/labels.csv --output runs/student
    """
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from annotations.galaxies.registry import read_galaxies
    from classification.commands.training_bar import TrainingBar
    from classification.distilling import Distillation, train_distilled
    from classification.presets import preset as preset_of
    from edge_runtime.cli.output import ProgressBar, log_to_stderr

    log_to_stderr("info")
    distillation = Distillation(
        tuple(str(path) for path in teacher), share, turned_views, not labelled_only
    )
    recipe = preset_of(preset)
    galaxies = read_galaxies(data).where(sources=source)
    with ProgressBar("asking the teachers") as progress, TrainingBar() as bar:
        network = train_distilled(
            recipe,
            galaxies,
            distillation,
            output,
            progress=progress.update,
            seed=seed,
            epochs=epochs,
            batch=batch,
            limit=limit,
            input_size_px=input_size,
            precision=mixed_precision,
            initial=initial,
            cache=cache or output / "cache",
            workers=workers,
            report=bar.report,
        )
    card = network.card
    typer.echo(f"trained {preset} for {card.epochs} epochs: {output}", err=True)
