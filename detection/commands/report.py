"""``galaxy-edge report detector`` and ``galaxy-edge report ablation``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli.options import BundleOption, JsonOption, ThreadsOption, ThresholdOption

ImagesOption = Annotated[Path, typer.Option("--images", help="Folder of the annotated pictures.")]
AnnotationsOption = Annotated[
    Path, typer.Option("--annotations", help="Boxes in COCO format; difficult = 1 is ignored.")
]
EmptyOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--empty",
        help="Pictures without a galaxy: a folder, a picture, or a text file (.txt) with a path "
        "in each line. May be repeated.",
    ),
]


def detector(
    images: ImagesOption,
    annotations: AnnotationsOption,
    output: Annotated[Path, typer.Option("--output", help="HTML file to write.")],
    empty: EmptyOption = None,
    bundle: BundleOption = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", help="A second bundle, tested against the first.")
    ] = None,
    threshold: ThresholdOption = None,
    frames: Annotated[
        int, typer.Option("--gallery", min=0, help="Most frames in the gallery of errors.")
    ] = 40,
    threads: ThreadsOption = 2,
    json: Annotated[
        Path | None, typer.Option("--json", help="File for the figures as JSON.")
    ] = None,
) -> None:
    """Write a page about a detector: figures, curves, strata, and pictures of its errors.

    \b
    Example:
      galaxy-edge report detector --images frames/images \\
        --annotations frames/annotations.json --empty frames/empty --output report.html
    """
    from detection.evaluation.report import report_detector
    from edge_runtime.cli.evaluate import empty_frames
    from edge_runtime.cli.output import ProgressBar, log_to_stderr, write_json

    log_to_stderr("warning")
    bundles = [bundle] if compare is None else [bundle, compare]
    with ProgressBar("evaluating") as progress:
        report = report_detector(
            images,
            annotations,
            empty_frames(empty or []),
            output,
            bundles=bundles,
            score_threshold=threshold,
            threads=threads,
            most_frames=frames,
            progress=progress.update,
        )
    typer.echo(f"wrote {output}", err=True)
    if json is not None:
        write_json(report.as_dict(), json)


def ablation(
    images: ImagesOption,
    annotations: AnnotationsOption,
    empty: EmptyOption = None,
    bundle: BundleOption = None,
    variants: Annotated[
        Path | None,
        typer.Option(
            "--variants",
            help="JSON list of variants (name, bundle, overrides, veto, sep); left out, the "
            "bundle without veto, at other scales, and with source extraction.",
        ),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="File for the table as Markdown.")
    ] = None,
    threads: ThreadsOption = 2,
    json: JsonOption = None,
) -> None:
    """Tell how much each part of a detector brings: variants on the same frames.

    \b
    Example:
      galaxy-edge report ablation --images frames/images \\
        --annotations frames/annotations.json --empty frames/empty --markdown table.md
    """
    from detection.evaluation.ablation import (
        markdown_table,
        read_variants,
        run_ablation,
        standard_variants,
    )
    from detection.evaluation.collection import empty_pictures
    from edge_runtime.cli.evaluate import empty_frames
    from edge_runtime.cli.output import ProgressBar, log_to_stderr, write_json
    from edge_runtime.errors import ConfigError, GalaxyEdgeError
    from edge_runtime.evaluation.coco import read_coco

    log_to_stderr("warning")
    if variants is not None and bundle is not None:
        raise ConfigError("--bundle has no meaning with --variants, which names bundles itself")
    pictures = [*read_coco(annotations, images), *empty_pictures(empty_frames(empty or []))]
    chosen = read_variants(variants) if variants else standard_variants(bundle)
    with ProgressBar("evaluating") as progress:
        rows = run_ablation(
            chosen,
            pictures,
            threads=threads,
            progress=lambda _, done, total: progress.update(done, total),
        )
    if markdown is not None:
        try:
            markdown.write_text(markdown_table(rows), encoding="utf-8")
        except OSError as error:
            raise GalaxyEdgeError(f"{markdown}: cannot be written ({error.strerror})") from error
        typer.echo(f"wrote {markdown}", err=True)
    write_json({"variants": [row.as_dict() for row in rows]}, json)
