"""``galaxy-edge process``: the pipeline over files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli.options import BundleOption, ThreadsOption, ThresholdOption


def process(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Pictures, FITS files, videos, or folders of them."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the results; made if missing.")
    ],
    bundle: BundleOption = None,
    threshold: ThresholdOption = None,
    threads: ThreadsOption = 2,
) -> None:
    """Find and classify the galaxies in pictures, FITS files, videos and folders.

    Writes sightings.ecsv (a table with units and provenance), detections.csv
    and a folder of annotated pictures. An input that cannot be read is one
    line on standard error; the exit code is 1 only if all inputs failed.

    \b
    Example:
      galaxy-edge process night1/ m51.fits --output results
    """
    from edge_runtime.cli.output import ProgressBar, log_to_stderr
    from edge_runtime.processing.batch import process_paths

    log_to_stderr("warning")
    with ProgressBar("processing") as progress:
        summary = process_paths(
            paths,
            output,
            bundle_path=bundle,
            score_threshold=threshold,
            threads=threads,
            on_progress=progress.update,
            on_failure=progress.error,
        )
    typer.echo(
        f"{summary.inputs} inputs, {summary.inputs_failed} failed; {summary.frames} frames, "
        f"{summary.detections} detections, {summary.sightings} sightings in {output}"
    )
    if summary.inputs_failed == summary.inputs:
        raise typer.Exit(1)
