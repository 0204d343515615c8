"""``galaxy-edge run``: the daemon."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def run(
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file; left out, the defaults.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            help="Source of the frames: sim:, folder:PATH, video:PATH, v4l2:0, rtsp://... or a "
            "path. Overrides the configuration.",
        ),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option("--frames", min=1, help="Stop after this many frames and list what was seen."),
    ] = None,
    no_web: Annotated[bool, typer.Option("--no-web", help="Do not serve the dashboard.")] = False,
) -> None:
    """Observe: find, classify, record and show galaxies until stopped.

    Without a configuration it observes a simulated sky, with the dashboard on
    http://127.0.0.1:8756. Every sighting is one line on standard output once
    it is safely recorded. Ctrl-C or SIGTERM stops it in order.

    \b
    Examples:
      galaxy-edge run
      galaxy-edge run --source v4l2:0
      galaxy-edge run --config galaxy-edge.toml --frames 60 --no-web
    """
    from edge_runtime.cli.output import log_to_stderr
    from edge_runtime.config import load_config, with_overrides
    from edge_runtime.daemon import run_daemon

    settings = with_overrides(
        load_config(config, os.environ), source=source, web_enabled=False if no_web else None
    )
    log_to_stderr(settings.logging.level)
    summary = run_daemon(settings, frame_limit=frames, report=typer.echo)
    if frames is not None:
        from edge_runtime.cli.tables import print_sightings

        print_sightings(summary.sightings)
    typer.echo(f"{summary.frames} frames, {len(summary.sightings)} confirmed sightings", err=True)
    if summary.unrecorded:
        typer.echo(f"error: {summary.unrecorded} sightings could not be written", err=True)
        raise typer.Exit(1)
