"""``galaxy-edge crossval detector``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli.options import JsonOption


def crossval_detector(
    output: Annotated[
        Path, typer.Option("--output", help="Folder of trainings and results; resumes one there.")
    ],
    annotations: Annotated[
        Path | None,
        typer.Option("--annotations", help="Labelled pictures: COCO, VOC, YOLO or TFRecord."),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", help="Class of --annotations that is a galaxy; repeatable, default all."
        ),
    ] = None,
    galaxy_zoo: Annotated[
        Path | None,
        typer.Option(
            "--galaxy-zoo",
            help="Instead of --annotations: data folder whose Galaxy Zoo frames are boxed "
            "by isophotes, those of train and val.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="With --galaxy-zoo: the frames of test, too.")
    ] = False,
    group_pattern: Annotated[
        str,
        typer.Option(
            "--group-pattern",
            help="Regular expression for the part of a picture's name that stays in one fold.",
        ),
    ] = "",
    folds: Annotated[int, typer.Option("--folds", min=2, max=100, help="Number of folds.")] = 5,
    families: Annotated[
        str, typer.Option("--families", help="Families of detectors, with commas.")
    ] = "ssd_mobilenet,efficientdet_d0",
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps of each training.")] = 1000,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pictures a step.")] = 16,
    input_size: Annotated[
        int, typer.Option("--input-size", min=64, help="Side of the input in px.")
    ] = 128,
    init_checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            "--init-checkpoint",
            help="FAMILY=PATH: checkpoint a family starts from. May be repeated.",
        ),
    ] = None,
    init_modules: Annotated[
        str,
        typer.Option("--init-modules", help="Part of it: backbone, backbone,decoder or all."),
    ] = "backbone",
    seed: Annotated[int, typer.Option("--seed", help="Of folds and trainings.")] = 1,
    json: JsonOption = None,
) -> None:
    """Cross-validate families of detectors: mean and spread over folds, and tests between them.

    The folder gets crossval.json, crossval.md and crossval.html. Start it again with the same
    options to resume: finished folds are kept.

    \b
    Example:
      galaxy-edge crossval detector --galaxy-zoo ../shared/data --folds 5 \\
        --families ssd_mobilenet,efficientdet_d0 --output crossval
    """
    from edge_runtime.cli.output import ProgressBar, log_to_stderr, write_json
    from edge_runtime.errors import ConfigError

    if (annotations is None) == (galaxy_zoo is None):
        raise ConfigError("give either --annotations or --galaxy-zoo")
    if everything and galaxy_zoo is None:
        raise ConfigError("--all belongs to --galaxy-zoo")
    log_to_stderr("info")
    from detection.crossval.comparison import collect
    from detection.crossval.dataset import galaxy_zoo_set, read_labelled
    from detection.crossval.report import MARKDOWN_NAME, write_report
    from detection.crossval.runner import run_crossval
    from detection.crossval.settings import CrossvalSettings, data_hash, parse_checkpoints

    names = tuple(name.strip() for name in families.split(",") if name.strip())
    settings = CrossvalSettings(
        families=names,
        folds=folds,
        steps=steps,
        batch=batch,
        input_size_px=input_size,
        seed=seed,
        init_checkpoints=parse_checkpoints(init_checkpoint or []),
        init_modules=init_modules,
    )
    if galaxy_zoo is not None:
        with ProgressBar("outlining galaxies") as progress:
            labelled = galaxy_zoo_set(galaxy_zoo, output, everything, progress.update)
    else:
        assert annotations is not None
        labelled = read_labelled(annotations, label or (), group_pattern)
    settings = settings.on_data(data_hash(labelled))
    with ProgressBar("training steps") as progress:
        run_crossval(labelled, settings, output, progress.update)
    result = collect(labelled, settings, output)
    for path in write_report(labelled, result, output):
        typer.echo(f"wrote {path}", err=True)
    if json is not None:
        write_json(result.as_dict(), json)
    typer.echo((output / MARKDOWN_NAME).read_text(encoding="utf-8"))
