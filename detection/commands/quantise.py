"""``galaxy-edge quantise detector``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli.options import JsonOption


def quantise_detector(
    checkpoint: Annotated[
        Path, typer.Option("--checkpoint", help="Folder that 'train detector' wrote to.")
    ],
    data: Annotated[
        Path, typer.Option("--data", help="Folder with galaxies/ and frames/, for int8's ranges.")
    ],
    output: Annotated[Path, typer.Option("--output", help="New folder for files and table.")],
    images: Annotated[
        Path | None, typer.Option("--images", help="Annotated pictures to score the files on.")
    ] = None,
    annotations: Annotated[
        Path | None, typer.Option("--annotations", help="Their boxes in COCO format.")
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option("--input-size", min=32, max=4096, help="Input in px; left out, as trained."),
    ] = None,
    views: Annotated[
        int, typer.Option("--views", min=2, max=10_000, help="Pictures that set int8's ranges.")
    ] = 240,
    threshold: Annotated[
        float, typer.Option("--threshold", min=0, max=1, help="Score that recall is taken at.")
    ] = 0.3,
    seed: Annotated[int, typer.Option("--seed", help="Of the choice of pictures.")] = 1,
    json: JsonOption = None,
) -> None:
    """Convert a trained detector to float32, float16, dynamic range and int8, and compare them.

    The folder gets a .tflite file of each and one of int8 with post-processing in the graph,
    beside each file a .json for 'galaxy-edge bundle build', and variants.md with size, latency
    and quality.

    \b
    Example:
      galaxy-edge quantise detector --checkpoint runs/detector --data ../shared/data \\
        --images frames/images --annotations frames/annotations.json --output quantised
    """
    from edge_runtime.cli.output import log_to_stderr, write_json

    if (images is None) != (annotations is None):
        raise typer.BadParameter("--images and --annotations belong together")
    log_to_stderr("warning")
    from detection.quantising import TABLE_NAME, QuantisationPlan, quantise

    plan = QuantisationPlan(
        checkpoint_dir=checkpoint,
        data_dir=data,
        output_dir=output,
        images=images,
        annotations=annotations,
        input_size_px=input_size,
        views=views,
        threshold=threshold,
        seed=seed,
    )
    result = quantise(plan, progress=lambda stage: typer.echo(stage, err=True))
    typer.echo((output / TABLE_NAME).read_text(encoding="utf-8"), err=True)
    write_json(result, json)
