"""``galaxy-edge report search`` and ``galaxy-edge report searches``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def search(
    folder: Annotated[Path, typer.Argument(help="Folder of a search, finished or not.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", help="HTML file to write. [default: report.html in the folder]"),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Labelled galaxies for the confusion matrix. [default: those of the search]",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of the forests behind the importance.")
    ] = 0,
) -> None:
    """Write a page about a search: trials, importance of parameters, Pareto front, winner.

    \b
    Example:
      galaxy-edge report search runs/search --output search.html
    """
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from edge_runtime.cli.output import log_to_stderr
    from tuning.record import read_search
    from tuning.report.search_report import write_search_report
    from tuning.report.winner_answers import winner_confusion

    log_to_stderr("warning")
    output = output or folder / "report.html"
    record = read_search(folder)
    confusion, missing = winner_confusion(record, data)
    importance = write_search_report(
        output, record, confusion=confusion, confusion_missing=missing, seed=seed
    )
    if importance is None:
        typer.echo("too few completed trials for the importance of parameters", err=True)
    typer.echo(f"wrote {output}", err=True)


def searches(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders of searches with the same objective.")
    ],
    output: Annotated[Path, typer.Option("--output", help="HTML file to write.")],
) -> None:
    """Set searches side by side at equal trials: one tuner against another.

    \b
    Example:
      galaxy-edge report searches runs/bayesian-* runs/random-* --output searches.html
    """
    from edge_runtime.cli.output import log_to_stderr
    from tuning.record import read_search
    from tuning.report.searches_report import write_searches_report

    log_to_stderr("warning")
    write_searches_report(output, [read_search(folder) for folder in folders])
    typer.echo(f"wrote {output}", err=True)
