"""Where the command line writes: results to files or standard output, logs to standard error."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from edge_runtime.errors import GalaxyEdgeError


def write_json(result: Mapping[str, object], path: Path | None) -> None:
    """Write a result as JSON to a file, or to standard output where ``path`` is None.

    Raises
    ------
    GalaxyEdgeError
        The file cannot be written.
    """
    text = json.dumps(result, indent=2, allow_nan=False)
    if path is None:
        typer.echo(text)
        return
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise GalaxyEdgeError(f"{path}: cannot be written ({error.strerror})") from error
    typer.echo(f"wrote {path}", err=True)


def log_to_stderr(level: str = "info") -> None:
    """Send log records of the given level and above to standard error."""
    logging.basicConfig(
        stream=sys.stderr,
        level=level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        force=True,
    )
