"""``galaxy-edge train detector``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detection.registry import DEFAULT_FAMILY, FAMILIES

_FAMILIES = "; ".join(f"{family.name}: {family.summary}" for family in FAMILIES)


def detector(
    output: Annotated[
        Path, typer.Option("--output", help="Folder of the training; goes on where it stopped.")
    ],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder with galaxies and frames, for composites."),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(
            "--annotations", help="Labelled pictures: COCO, Pascal VOC, YOLO or TFRecord."
        ),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Skies drawn from models, without any data.")
    ] = False,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", help="Class of --annotations that is a galaxy; repeatable, default all."
        ),
    ] = None,
    family: Annotated[str, typer.Option("--family", help=f"{_FAMILIES}.")] = DEFAULT_FAMILY,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Batches to train on.")] = 6000,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pictures in a batch.")] = 8,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of weights and pictures.")] = 1,
    init_checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--init-checkpoint", help="Model Garden checkpoint (or folder) to start from."
        ),
    ] = None,
    init_modules: Annotated[
        str,
        typer.Option("--init-modules", help="What of it: all, backbone, or backbone,decoder."),
    ] = "all",
    input_size: Annotated[
        int, typer.Option("--input-size", help="Side of the input in px, a multiple of 64.")
    ] = 320,
    mixed_precision: Annotated[
        str,
        typer.Option(
            "--mixed-precision",
            help="auto (16 bits where a GPU is fast at it), off, bfloat16 or float16.",
        ),
    ] = "auto",
    telescope_share: Annotated[
        float,
        typer.Option(
            "--telescope-share",
            min=0.0,
            max=1.0,
            help="Share of the pictures taken by the simulated telescope instead of composites.",
        ),
    ] = 0.0,
    galsim_share: Annotated[
        float,
        typer.Option(
            "--galsim-share", min=0.0, max=1.0, help="Share of drawn galaxies that GalSim draws."
        ),
    ] = 0.0,
    checkpoint_steps: Annotated[
        int, typer.Option("--checkpoint-steps", min=1, help="Steps between checkpoints.")
    ] = 500,
) -> None:
    """Train a detector on composites, or on your own labelled pictures.

    \b
    Broken off, the same command goes on from the newest checkpoint.
    training.json in the output says what was done, and whether to the end;
    'tensorboard --logdir DIR' draws the losses.

    \b
    Example:
      galaxy-edge train detector --annotations my_frames.json --steps 2000 \\
        --init-checkpoint runs/detector --output runs/mine
    """
    import os
    import warnings

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", message="(?s).*Input dict contained keys")
    import logging

    from detection.commands.training_bar import TrainingBar
    from detection.train import train_detector
    from detection.training_data import annotated_data, composite_data, simulated_data
    from edge_runtime.cli.output import ProgressBar, log_to_stderr
    from edge_runtime.errors import ConfigError

    if sum((data is not None, annotations is not None, simulated)) != 1:
        raise ConfigError("say what to train on: --data, --annotations or --simulated, one of them")
    log_to_stderr()
    for name in ("absl", "tensorflow"):  # what concerns the user is in our own lines
        logging.getLogger(name).setLevel(logging.ERROR)
    if annotations is not None:
        with ProgressBar("cutting views") as progress:
            training_data = annotated_data(
                annotations, output, input_size, label or (), progress.update
            )
    else:
        training_data = simulated_data() if data is None else composite_data(data)
    with TrainingBar() as bar:
        train_detector(
            training_data,
            output,
            name=family,
            steps=steps,
            batch=batch,
            seed=seed,
            mixed_precision=mixed_precision,
            checkpoint_steps=checkpoint_steps,
            report=bar.report,
            input_size=input_size,
            init_checkpoint="" if init_checkpoint is None else str(init_checkpoint),
            init_modules=init_modules,
            telescope_share=telescope_share,
            galsim_share=galsim_share,
        )
    typer.echo(f"trained {family} for {steps} steps: {output}", err=True)
