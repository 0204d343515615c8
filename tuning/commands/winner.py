"""``galaxy-edge train winner``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def winner(
    search: Annotated[Path, typer.Argument(help="Folder of a search.")],
    output: Annotated[
        Path,
        typer.Option("--output", help="Folder of the trainings; goes on where it stopped."),
    ],
    trial: Annotated[
        str | None,
        typer.Option(
            "--trial", help="Id of a trial, for example of the Pareto front. [default: the winner]"
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            min=1,
            help="Of each training; steps of a detector. [default: those of the bundle's "
            "classifier, else three times a trial's]",
        ),
    ] = None,
    seeds: Annotated[
        str, typer.Option("--seeds", help="Of the trainings, with commas between.")
    ] = "1",
    beside: Annotated[
        str | None,
        typer.Option(
            "--beside",
            help="Also train the hand-made default: the search's network, such as compact; "
            "compact:96 with an input of its own.",
        ),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="Folder to write a complete bundle to.")
    ] = None,
    bundle_from: Annotated[
        Path | None,
        typer.Option(
            "--bundle-from",
            help="Bundle that gives the rest, such as its detector. [default: the one in the "
            "program]",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder with galaxies/ and frames/. [default: the search's]"),
    ] = None,
    labelled_only: Annotated[
        bool,
        typer.Option("--labelled-only", help="Leave pictures without a label out, as trials do."),
    ] = False,
    teacher: Annotated[
        list[Path] | None,
        typer.Option("--teacher", help="Network (.keras) to learn from besides; repeatable."),
    ] = None,
    negatives: Annotated[
        list[Path] | None,
        typer.Option("--negatives", help="Mined crops without a galaxy (.npz); repeatable."),
    ] = None,
    positives: Annotated[
        list[Path] | None,
        typer.Option("--positives", help="Mined crops of galaxies (.npz); repeatable."),
    ] = None,
    score_test: Annotated[
        bool,
        typer.Option(
            "--score-test", help="Score the bundle on the split test, too: once, at the end."
        ),
    ] = False,
    bench: Annotated[
        bool, typer.Option("--bench", help="Run galaxy-edge bench on the bundle: two minutes.")
    ] = False,
    name: Annotated[str, typer.Option("--name", help="Of the bundle.")] = "searched",
    version: Annotated[str, typer.Option("--version", help="Of the bundle.")] = "0.1.0",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a bundle that is there.")
    ] = False,
) -> None:
    """Train the winner of a search again, longer and on seeds, and build a bundle from it.

    \b
    The output gets winner.json and winner.md: validation figures as mean and spread over the
    seeds, the difference from the hand-made default with its interval, and whether the
    latency of the trial is that in the bundle.

    \b
    Example:
      galaxy-edge train winner runs/search --seeds 1,2,3 --beside compact \\
        --output runs/winner --bundle runs/bundle
    """
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from edge_runtime.cli.output import ProgressBar, log_to_stderr
    from tuning.record import read_search
    from tuning.winner.bundle import BundleName
    from tuning.winner.candidates import Training, data_folder, usual_epochs
    from tuning.winner.work import Request, train_winner

    record = read_search(search)
    folder = data or data_folder(record.config.data, record.config.subject)
    request = Request(
        output=output,
        training=Training(
            data=folder.resolve(),
            epochs=epochs or usual_epochs(record),
            labelled_only=labelled_only,
            teachers=tuple(path.resolve() for path in teacher or ()),
            negatives=tuple(path.resolve() for path in negatives or ()),
            positives=tuple(path.resolve() for path in positives or ()),
        ),
        seeds=parse_seeds(seeds),
        trial_id=trial,
        beside=beside,
        bundle=bundle,
        bundle_from=bundle_from,
        called=BundleName(name, version),
        splits=("val", "test") if score_test else ("val",),
        bench=bench,
        overwrite=overwrite,
    )
    with ProgressBar("training") as bar:
        log_to_stderr()  # once the bar is there, so that lines scroll above it
        summary = train_winner(record, request, lambda _, done, total: bar.update(done, total))
    for path in summary.write(output):
        typer.echo(f"wrote {path}", err=True)
    typer.echo(summary.markdown())


def parse_seeds(text: str) -> tuple[int, ...]:
    """Numbers of a text such as ``1,2,3``.

    Raises
    ------
    ConfigError
        The text is something else, or a seed is there twice.
    """
    from edge_runtime.errors import ConfigError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts) or len(set(parts)) < len(parts):
        raise ConfigError(f"--seeds {text}: expected different whole numbers, such as 1,2,3")
    return tuple(map(int, parts))
