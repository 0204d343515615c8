"""``galaxy-edge crossval classifier``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def crossval_classifier(
    preset: Annotated[
        list[str],
        typer.Option("--preset", help="Recipe of a classifier; repeat it to compare several."),
    ],
    data: Annotated[
        Path, typer.Option("--data", help="Labelled galaxies, in any format that can be read.")
    ],
    output: Annotated[
        Path, typer.Option("--output", help="Folder of trainings and results; resumes one there.")
    ],
    folds: Annotated[int, typer.Option("--folds", min=2, max=100, help="Number of folds.")] = 5,
    everything: Annotated[
        bool,
        typer.Option("--everything", help="Also galaxies of the test split, left out otherwise."),
    ] = False,
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
    turned_views: Annotated[
        int,
        typer.Option(
            "--turned-views", min=1, max=8, help="Turned and mirrored views of a galaxy to average."
        ),
    ] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of folds and trainings.")] = 1,
    json: Annotated[
        Path | None, typer.Option("--json", help="Another file for the results as JSON.")
    ] = None,
) -> None:
    """Cross-validate classifiers: mean and spread over folds, and tests between presets.

    \b
    The folder gets crossval.json, crossval.md and crossval.html. Start it again with the
    same options to resume: finished folds are kept, and a training that was broken off
    goes on. Copies of a galaxy are found by their pictures and share a fold.

    \b
    Example:
      galaxy-edge crossval classifier --preset compact-votes --preset parallel-cnn-2024 \\
        --data galaxies/labels.csv --folds 5 --output crossval
    """
    import os
    from dataclasses import replace

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from classification.commands.fold_bar import FoldBar
    from classification.crossval.comparison import collect
    from classification.crossval.dataset import read_labelled
    from classification.crossval.report import MARKDOWN_NAME, write_report
    from classification.crossval.runner import make_plan, run_crossval
    from classification.crossval.settings import CrossvalSettings
    from edge_runtime.cli.output import ProgressBar, log_to_stderr, write_json

    log_to_stderr("info")
    settings = CrossvalSettings(
        presets=tuple(preset),
        data=str(data.resolve()),
        folds=folds,
        epochs=epochs,
        batch=batch,
        limit=limit,
        input_size_px=input_size,
        turned_views=turned_views,
        seed=seed,
        everything=everything,
    )
    galaxies = read_labelled(data, settings.targets)
    settings = replace(settings, data_hash=galaxies.data_hash)
    with ProgressBar("looking for copies") as progress:
        plan = make_plan(galaxies, settings, output, progress.update)
    with FoldBar() as bar:
        run_crossval(plan, settings, output, bar.report)
    result = collect(plan, settings, output)
    for path in write_report(result, output):
        typer.echo(f"wrote {path}", err=True)
    if json is not None:
        write_json(result.as_dict(), json)
    typer.echo((output / MARKDOWN_NAME).read_text(encoding="utf-8"))
