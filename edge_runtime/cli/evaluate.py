"""``galaxy-edge evaluate``: score a bundle's models on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli.options import BundleOption, JsonOption, ThreadsOption, ThresholdOption

app = typer.Typer(
    help="Score a bundle's models on labelled data.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def detector(
    images: Annotated[Path, typer.Option("--images", help="Folder of the annotated pictures.")],
    annotations: Annotated[
        Path, typer.Option("--annotations", help="Boxes in COCO format; difficult = 1 is ignored.")
    ],
    empty: Annotated[
        list[Path] | None,
        typer.Option(
            "--empty",
            help="Pictures without a galaxy: a folder, a picture, or a text file (.txt) with a "
            "path in each line. May be repeated.",
        ),
    ] = None,
    threshold: ThresholdOption = None,
    bundle: BundleOption = None,
    threads: ThreadsOption = 2,
    json: JsonOption = None,
) -> None:
    """Score detection: recall, average precision, false positives, latency.

    \b
    Example:
      galaxy-edge evaluate detector --images frames/images \\
        --annotations frames/annotations.json --empty frames/empty --json detector.json
    """
    from edge_runtime.cli.output import ProgressBar, log_to_stderr, write_json
    from edge_runtime.evaluation.detector import evaluate_detector

    log_to_stderr("warning")
    with ProgressBar("evaluating") as progress:
        scores = evaluate_detector(
            images,
            annotations,
            empty_frames(empty or []),
            bundle_path=bundle,
            score_threshold=threshold,
            threads=threads,
            progress=progress.update,
        )
    write_json(scores, json)


@app.command()
def classifier(
    labels: Annotated[Path, typer.Option("--labels", help="Table of pictures and labels (CSV).")],
    split: Annotated[
        str | None, typer.Option("--split", help="Only rows of this split, for example test.")
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Only rows of this source; may be repeated."),
    ] = None,
    bundle: BundleOption = None,
    threads: ThreadsOption = 2,
    json: JsonOption = None,
) -> None:
    """Score classification: accuracy, F1, confusion, error of the votes.

    \b
    Example:
      galaxy-edge evaluate classifier --labels galaxies/labels.csv --split test \\
        --json classifier.json
    """
    from edge_runtime.cli.output import ProgressBar, log_to_stderr, write_json
    from edge_runtime.evaluation.classifier import evaluate_classifier

    log_to_stderr("warning")
    with ProgressBar("evaluating") as progress:
        scores = evaluate_classifier(
            labels,
            split=split,
            sources=source,
            bundle_path=bundle,
            threads=threads,
            progress=progress.update,
        )
    write_json(scores, json)


def empty_frames(given: list[Path]) -> list[Path]:
    """Return the pictures meant by the values of ``--empty``.

    Raises
    ------
    GalaxyEdgeError
        A path does not exist, or a folder or list holds no picture.
    """
    from edge_runtime.errors import GalaxyEdgeError
    from edge_runtime.processing.inputs import find_inputs

    found: list[Path] = []
    for path in given:
        if path.suffix.lower() != ".txt":
            found += find_inputs(path)
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise GalaxyEdgeError(f"{path}: cannot be read ({error})") from error
        names = [line.strip() for line in lines if line.strip()]
        if not names:
            raise GalaxyEdgeError(f"{path}: names no picture")
        found += [path.parent / name for name in names]
    return found
