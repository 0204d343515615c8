"""Tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from edge_runtime.sighting import Sighting


def print_sightings(sightings: Sequence[Sighting]) -> None:
    """Print sightings as a table on standard output."""
    table = Table(title="Confirmed sightings (times in UTC)")
    table.add_column("target", no_wrap=True)
    table.add_column("class", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("frames", justify="right", no_wrap=True)
    table.add_column("RA, Dec (deg)", no_wrap=True)
    table.add_column("first seen", no_wrap=True)
    for sighting in sightings:
        known = sighting.ra_deg is not None and sighting.dec_deg is not None
        table.add_row(
            sighting.target or sighting.camera,
            sighting.label.replace("_", " "),
            f"{sighting.score:.2f}",
            str(sighting.frames),
            f"{sighting.ra_deg:.3f} {sighting.dec_deg:+.3f}" if known else "unknown",
            sighting.first_seen.strftime("%H:%M:%S"),
        )
    Console().print(table if sightings else "No confirmed sightings.")
