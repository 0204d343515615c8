"""``galaxy-edge data``: convert and inspect labelled pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from annotations.formats.registry import ReadingOptions
    from annotations.inspection import Summary

ImagesOption = Annotated[
    Path | None,
    typer.Option("--images", help="Folder of the pictures, where the labels do not find them."),
]
LabelsOption = Annotated[
    Path | None, typer.Option("--labels", help="Text file with a class in each line, from id 0.")
]
FirstIdOption = Annotated[
    int,
    typer.Option(
        "--first-class-id",
        min=0,
        help="Id of the first class in TFRecord: 0 for this project's detectors, 1 for networks "
        "with a background class.",
    ),
]
OneBasedOption = Annotated[
    bool,
    typer.Option("--one-based", help="Pascal VOC boxes are numbers of pixels from 1 (VOC2007)."),
]
_FORMATS = "coco, voc, yolo or tfrecord"
_GALAXY_FORMATS = (
    "labels, galaxy-zoo-challenge, galaxy-zoo-2, gz2-votes, gama, galaxy10 or class-folders"
)


def convert(
    source: Annotated[Path, typer.Argument(help="File or folder of labels.")],
    destination: Annotated[
        Path, typer.Argument(help="New folder; for COCO also a new file .json, without pictures.")
    ],
    to: Annotated[str, typer.Option("--to", help=f"Format to write: {_FORMATS}.")],
    from_: Annotated[
        str, typer.Option("--from", help=f"Format to read: {_FORMATS}; auto tells it by the files.")
    ] = "auto",
    images: ImagesOption = None,
    labels: LabelsOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse to lose anything, and refuse on warnings.")
    ] = False,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave out what has errors.")
    ] = False,
    copy_pictures: Annotated[
        bool, typer.Option(help="Copy the pictures into the new folder.")
    ] = True,
    split: Annotated[
        str,
        typer.Option("--split", help="Parts in folders of their own: train=0.8,val=0.1,test=0.1."),
    ] = "",
    group_by: Annotated[
        str,
        typer.Option(
            "--group-by",
            help="Regular expression on a picture's name; what it matches stays on one side "
            "of the split.",
        ),
    ] = "",
    group_field: Annotated[
        str, typer.Option("--group-field", help="Field of a picture that names its group.")
    ] = "",
    shards: Annotated[int, typer.Option("--shards", min=1, help="Number of TFRecord files.")] = 1,
    first_class_id: FirstIdOption = 0,
    one_based: OneBasedOption = False,
) -> None:
    r"""Convert labelled pictures between COCO, Pascal VOC, YOLO and TFRecord.

    \b
    Example:
      galaxy-edge data convert frames/annotations.json frames-yolo --to yolo
      galaxy-edge data convert labelled records --to tfrecord --shards 4 \
        --split train=0.8,val=0.2 --group-by '^[^_]+'
    """
    from annotations.conversion import ConversionOptions
    from annotations.conversion import convert as convert_set
    from annotations.formats.registry import WritingOptions, format_named
    from annotations.splits import GroupRule, parse_fractions
    from edge_runtime.cli.output import ProgressBar, log_to_stderr

    log_to_stderr("warning")
    _quiet_tensorflow()
    options = ConversionOptions(
        source_format=from_,
        reading=_reading(images, labels, first_class_id, one_based=one_based),
        writing=WritingOptions(shards=shards, first_class_id=first_class_id),
        strict=strict,
        skip_invalid=skip_invalid,
        copy_pictures=copy_pictures,
        fractions=parse_fractions(split) if split else {},
        groups=GroupRule(pattern=group_by, field=group_field),
    )
    with ProgressBar("copying pictures") as progress:
        done = convert_set(source, destination, to, options, progress.update)
    for problem in done.problems:
        typer.echo(str(problem), err=True)
    for phrase in done.lost:
        typer.echo(
            f"{destination}: warning: {format_named(to).title} has no place for {phrase}", err=True
        )
    for name, part in done.parts.items():
        boxes = sum(len(picture.boxes) for picture in part.pictures)
        where = destination / name if name else destination
        typer.echo(f"wrote {where}: {len(part.pictures)} pictures, {boxes} boxes", err=True)


def inspect(
    source: Annotated[Path, typer.Argument(help="File or folder of labels.")],
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            help=f"Format: {_FORMATS} (boxes); {_GALAXY_FORMATS} (galaxies); auto tells it by "
            "the files.",
        ),
    ] = "auto",
    images: ImagesOption = None,
    labels: LabelsOption = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Page to write, with charts and pictures.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="File for the numbers and problems.")
    ] = None,
    first_class_id: FirstIdOption = 0,
    one_based: OneBasedOption = False,
    pairs: Annotated[
        str,
        typer.Option(
            "--pairs", help="Votes of galaxies to show against each other: Class1.1,Class2.1."
        ),
    ] = "",
) -> None:
    r"""Count and check labelled pictures; exit code 1 where there are errors.

    Boxes on frames, or single galaxies with classes and votes.

    \b
    Example:
      galaxy-edge data inspect frames/annotations.json --html frames.html
      galaxy-edge data inspect galaxies/labels.csv --html galaxies.html --pairs Class1.1,Class7.1
    """
    from annotations.commands_galaxies import inspect_galaxy_set
    from annotations.formats.problems import ProblemList
    from annotations.formats.registry import format_named, read_set
    from annotations.galaxies.registry import GALAXY_FORMATS
    from annotations.inspection import add_doubts, summarise
    from edge_runtime.cli.output import log_to_stderr, write_json

    log_to_stderr("warning")
    _quiet_tensorflow()
    name = _detect(source) if from_ == "auto" else from_
    if name in GALAXY_FORMATS:
        if images is not None or labels is not None:
            raise typer.BadParameter("--images and --labels are for boxes, not for galaxies")
        inspect_galaxy_set(source, name, html, json, pairs)
        return
    problems = ProblemList()
    options = _reading(images, labels, first_class_id, one_based=one_based)
    labelled = read_set(source, problems, format_name=name, options=options)
    add_doubts(labelled, source, problems)
    if not labelled.pictures:
        problems.error(source, "", "holds no usable picture")
    summary = summarise(labelled)
    if json is not None:
        write_json(
            {
                "source": str(source),
                "format": name,
                **summary.as_json(),
                "problems": [
                    {
                        "severity": problem.severity,
                        "path": str(problem.path),
                        "place": problem.place,
                        "message": problem.message,
                    }
                    for problem in problems.found
                ],
            },
            json,
        )
    if html is not None:
        from annotations.inspection_page import write_inspection_page

        write_inspection_page(html, source, labelled, summary, problems.found)
        typer.echo(f"wrote {html}", err=True)
    _print_summary(f"{source} ({format_named(name).title})", summary)
    for problem in problems.found:
        typer.echo(str(problem))
    errors = len(problems.errors)
    typer.echo(f"{errors} errors, {len(problems.found) - errors} warnings")
    if errors:
        raise typer.Exit(1)


def _detect(source: Path) -> str:
    """Tell the format, of boxes or of galaxies, by the files.

    Raises
    ------
    AnnotationError
        It is of neither.
    """
    from annotations.formats.dataset import AnnotationError
    from annotations.formats.registry import detect_format
    from annotations.galaxies.registry import galaxy_format_of

    if source.exists():
        name = galaxy_format_of(source, distinctive=True)
        if name is not None:
            return name
    try:
        return detect_format(source)
    except AnnotationError:
        name = galaxy_format_of(source) if source.exists() else None
        if name is None:
            raise
        return name


def _quiet_tensorflow() -> None:
    """Keep TensorFlow's notes about processors off the terminal; errors still show."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _reading(
    images: Path | None, labels: Path | None, first_class_id: int, *, one_based: bool
) -> ReadingOptions:
    from annotations.formats.labels import read_labels
    from annotations.formats.registry import ReadingOptions

    return ReadingOptions(
        images=images,
        labels=None if labels is None else read_labels(labels),
        first_class_id=first_class_id,
        one_based=one_based,
    )


def _print_summary(title: str, summary: Summary) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(title), soft_wrap=True)
    counts = Table()
    for column in ("class", "boxes", "pictures"):
        counts.add_column(column, justify="left" if column == "class" else "right")
    for label, boxes in summary.boxes_by_label.items():
        counts.add_row(Text(label), str(boxes), str(summary.pictures_by_label[label]))
    counts.add_section()
    counts.add_row("all", str(summary.boxes), str(summary.pictures))
    counts.add_row("difficult", str(summary.difficult), "")
    counts.add_row("without a box", "", str(summary.empty_pictures))
    console.print(counts)
    for histogram in summary.histograms:
        table = Table(title=histogram.title, title_justify="left")
        table.add_column("from – to", justify="right")
        table.add_column("boxes", justify="right")
        table.add_column("")
        most = max(1, *histogram.counts)
        for name, count in zip(histogram.names, histogram.counts, strict=True):
            table.add_row(name, str(count), "█" * round(24 * count / most))
        console.print(table)
