"""``galaxy-edge devices``: what can be observed with."""

from __future__ import annotations

import typer

from edge_runtime.cli.options import JsonOption


def devices(json: JsonOption = None) -> None:
    """List the cameras of this computer, and every kind of source with an example.

    Nothing is opened. With --json the cameras also go to a file.

    \b
    Example:
      galaxy-edge devices
    """
    from edge_runtime.cameras.uri import SCHEMES
    from edge_runtime.cameras.v4l2 import list_devices
    from edge_runtime.cli.output import write_json

    found = list_devices()
    typer.echo("Cameras:")
    for device in found:
        typer.echo(f"  --source {device.uri:<10} {device.label} ({device.path})")
    if not found:
        typer.echo("  none found")
    typer.echo("Kinds of sources:")
    for scheme in SCHEMES.values():
        typer.echo(f"  {scheme.name + ':':<8} {scheme.summary}\n           {scheme.example}")
    if json is not None:
        cameras = [
            {"source": device.uri, "label": device.label, "path": device.path} for device in found
        ]
        write_json({"cameras": cameras}, json)
