"""``galaxy-edge bundle``: model bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli.options import JsonOption, ThreadsOption, ThresholdOption

app = typer.Typer(
    help="Build and check model bundles.", no_args_is_help=True, rich_markup_mode=None
)


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


@app.command()
def build(
    detector: Annotated[
        Path, typer.Option("--detector", help="Detector, a .tflite file of 'quantise detector'.")
    ],
    output: Annotated[Path, typer.Option("--output", help="Folder to create for the bundle.")],
    classifier_from: Annotated[
        Path | None,
        typer.Option(
            "--classifier-from",
            help="Bundle whose classifier, conditioning and self-test frames to take; left out, "
            "the one in the program.",
        ),
    ] = None,
    description: Annotated[
        Path | None,
        typer.Option(
            "--description",
            help="Geometry and provenance of the detector; left out, the .json beside it.",
        ),
    ] = None,
    threshold: ThresholdOption = None,
    name: Annotated[str, typer.Option("--name", help="Name of the bundle.")] = "custom",
    version: Annotated[str, typer.Option("--version", help="Semantic version.")] = "0.1.0",
) -> None:
    """Make a bundle of a newly trained detector and the classifier of another bundle.

    Its self-test is recorded and its speed measured on this machine. The score threshold
    is the other bundle's unless given: choose one for the new detector.

    \b
    Example:
      galaxy-edge quantise detector --checkpoint runs/detector --data data --output quantised
      galaxy-edge bundle build --detector quantised/detector_int8.tflite --output mine
      galaxy-edge bundle verify mine
    """
    from datetime import UTC, datetime

    from edge_runtime.bundle.combining import (
        build_combined,
        combined_manifest,
        read_new_detector,
    )
    from edge_runtime.bundle.loading import load_bundle
    from edge_runtime.cli.output import log_to_stderr

    log_to_stderr("warning")
    made = read_new_detector(detector, description)
    base = load_bundle(classifier_from)
    manifest = combined_manifest(
        made,
        base,
        name=name,
        version=version,
        created=datetime.now(UTC).replace(microsecond=0),
        score_threshold=threshold,
    )
    build_combined(output, made, base, manifest)
    if threshold is None:
        typer.echo(
            f"warning: the score threshold {base.manifest.score_threshold} was chosen for another "
            "detector; choose one on frames without a galaxy and give it as --threshold",
            err=True,
        )
    typer.echo(f"wrote {output}", err=True)
