"""``galaxy-edge bundle``: model bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
) -> None:
    """Check a bundle's schema, hashes and self-test; exit code 1 if it fails.

    \b
    Example:
      galaxy-edge bundle verify mine.zip
    """
    from edge_runtime.bundle import load_bundle

    bundle = load_bundle(path)
    typer.echo(f"{bundle}")
