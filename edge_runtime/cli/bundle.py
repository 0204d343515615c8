"""``galaxy-edge bundle``: model bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli.options import JsonOption, ThreadsOption

app = typer.Typer(help="Check model bundles.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    pass


@app.command()
def verify(
    path: Annotated[
        Path | None,
        typer.Argument(help="Bundle, a folder or .zip; left out, the one in the program."),
    ] = None,
    threads: ThreadsOption = 2,
    json: JsonOption = None,
) -> None:
    """Check a bundle's schema, hashes, models and self-test, and time it.

    The exit code is 1 where the bundle must not be used.

    \b
    Example:
      galaxy-edge bundle verify mine.zip --json report.json
    """
    from edge_runtime.bundle.verifying import verify_bundle
    from edge_runtime.cli.output import log_to_stderr, write_json

    log_to_stderr("warning")
    report = verify_bundle(path, threads=threads)
    for warning in report.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{report.name} {report.version} is sound", err=True)
    write_json(report.as_dict(), json)
