"""``galaxy-edge data boxes``: box Galaxy Zoo's whole frames by isophotes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def boxes(
    data: Annotated[Path, typer.Option("--data", help="Folder that holds galaxies/labels.csv.")],
    annotations: Annotated[
        Path, typer.Option("--annotations", help="COCO file to write, replaced where it exists.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Contact sheet (.png or .jpg) of frames drawn at random."),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option("--split", help="train, val or test; repeatable, default train and val."),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", min=1, max=1000, help="Frames on the contact sheet.")
    ] = 64,
    columns: Annotated[int, typer.Option("--columns", min=1, max=50, help="Of the sheet.")] = 8,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the frames drawn.")] = 1,
) -> None:
    """Box the galaxies of Galaxy Zoo's whole frames, with a contact sheet to judge them by.

    The central galaxy of each frame gets a box that counts, other extended objects get difficult
    ones. Red boxes on the sheet count, blue ones are difficult.

    \b
    Example:
      galaxy-edge data boxes --data ../shared/data --annotations galaxy_zoo.json --output sheet.png
    """  # noqa: D301 (\b keeps the lines of the example)
    import cv2
    import numpy as np

    from annotations.contact_sheet import contact_sheet
    from annotations.formats.coco import write_coco
    from annotations.formats.outputs import new_file
    from annotations.galaxy_zoo import SPLITS
    from annotations.galaxy_zoo_boxes import label_frames, whole_frames
    from edge_runtime.cli.output import ProgressBar, log_to_stderr
    from edge_runtime.errors import ConfigError

    log_to_stderr("warning")
    splits = split or ["train", "val"]
    for name in splits:
        if name not in SPLITS:
            raise ConfigError(f"--split {name}: there are {', '.join(SPLITS)}")
    if output is not None and output.suffix.lower() not in {".png", ".jpg", ".jpeg"}:
        raise ConfigError(f"--output {output}: the contact sheet is a .png or .jpg")
    table = whole_frames(data, splits)
    with ProgressBar("outlining galaxies") as progress:
        labelled = label_frames(table, progress.update)
    with new_file(annotations) as partial:
        write_coco(labelled, partial)
    difficult = sum(box.difficult for picture in labelled.pictures for box in picture.boxes)
    typer.echo(
        f"wrote {annotations}: {len(labelled.pictures)} galaxies, {difficult} difficult neighbours",
        err=True,
    )
    if output is None:
        return
    order = np.random.default_rng(seed).permutation(len(labelled.pictures))[:count]
    sheet = contact_sheet([labelled.pictures[i] for i in order], columns=columns)
    done, data_bytes = cv2.imencode(output.suffix, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    if not done:
        raise ConfigError(f"--output {output}: the sheet is too large; lower --count")
    with new_file(output) as partial:
        partial.write_bytes(data_bytes.tobytes())
    typer.echo(f"wrote {output}", err=True)
