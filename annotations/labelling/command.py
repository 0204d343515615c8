"""``galaxy-edge annotate``: draw boxes by hand."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """File format of the labels."""

    VOC = "voc"
    YOLO = "yolo"


def annotate(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of pictures.")],
    classes: Annotated[
        Path | None,
        typer.Option(
            "--classes",
            help="Labels, one in each line; left out, those beside earlier labels, or galaxy.",
        ),
    ] = None,
    label_format: Annotated[
        Format, typer.Option("--format", help="Pascal VOC XML or YOLO text.")
    ] = Format.VOC,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder of the label files; left out, DIR."),
    ] = None,
) -> None:
    """Draw boxes around galaxies with labelImg; it saves by itself.

    W starts a box, D goes to the next picture, A to the one before.

    \b
    Example:
      galaxy-edge annotate night1/ --output night1/labels
    """  # noqa: D301 (\b keeps the lines of the example)
    from annotations.labelling.launch import launch
    from annotations.labelling.session import prepare_session

    launch(
        prepare_session(
            directory, classes_file=classes, output=output, label_format=label_format.value
        )
    )
