"""``galaxy-edge devices``: what can be observed with."""

from __future__ import annotations

import typer


def devices() -> None:
    """List the cameras and simulators found, with the source to name for each.

    \b
    Example:
      galaxy-edge devices
    """
    from edge_runtime.cameras.uri import list_devices

    for device in list_devices():
        typer.echo(f"{device}")
