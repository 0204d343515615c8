"""``galaxy-edge report classifier`` and ``galaxy-edge report classifiers``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_runtime.cli.options import BundleOption, ThreadsOption

if TYPE_CHECKING:
    from annotations.galaxies.dataset import GalaxySet
    from classification.reports.subjects import Subject
    from edge_runtime.cli.output import ProgressBar

DataOption = Annotated[
    Path, typer.Option("--data", help="Labelled galaxies, in any format that can be read.")
]
SplitOption = Annotated[
    str, typer.Option("--split", help="Part of them: train, val, test, or all.")
]
ViewsOption = Annotated[
    int,
    typer.Option(
        "--turned-views", min=1, max=8, help="Turned and mirrored views of a galaxy to average."
    ),
]
JsonFileOption = Annotated[
    Path | None, typer.Option("--json", help="File for the figures as JSON.")
]
GalleryOption = Annotated[
    int, typer.Option("--gallery", min=0, max=200, help="Most pictures in each gallery.")
]
ResamplesOption = Annotated[
    int, typer.Option("--resamples", min=100, help="Resamples of the galaxies for the intervals.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of the resamples.")]


def classifier(
    data: DataOption,
    run: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of a training, or a file of predictions (.npz); left out, the bundle."
        ),
    ] = None,
    split: SplitOption = "val",
    bundle: BundleOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="HTML file; left out, report_<split>.html in the folder."),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions",
            help="File of the predictions; left out, predictions_<split>.npz in the folder. "
            "Made where it is missing or older than the network.",
        ),
    ] = None,
    turned_views: ViewsOption = 1,
    gallery: GalleryOption = 24,
    resamples: ResamplesOption = 2000,
    seed: SeedOption = 0,
    threads: ThreadsOption = 2,
    json: JsonFileOption = None,
) -> None:
    """Write a page about a classifier: scores with intervals, curves, and its worst errors.

    \b
    Without a run the int8 classifier of the bundle gets the same page.

    \b
    Example:
      galaxy-edge report classifier runs/compact --data galaxies/labels.csv --split val
    """
    from classification.reports.run_report import write_run_report
    from classification.reports.subjects import read_split
    from edge_runtime.cli.output import ProgressBar, log_to_stderr, write_json
    from edge_runtime.errors import ConfigError

    log_to_stderr("warning")
    if run is not None and bundle is not None:
        raise ConfigError("name a run or a --bundle, not both; 'report classifiers' compares them")
    if run is None and turned_views > 1:
        raise ConfigError("--turned-views is for runs; the bundle sees each galaxy once")
    if output is None:
        if run is None or not run.is_dir():
            raise ConfigError("--output is needed: say where the page is to be written")
        output = run / f"report_{split}.html"
    galaxies = read_split(data, split)
    with ProgressBar("predicting") as progress:
        subject = (
            _bundle(bundle, galaxies, threads, progress, predictions)
            if run is None
            else _run(run, galaxies, split, turned_views, progress, predictions)
        )
    figures = write_run_report(
        output, subject, split, exhibits=gallery, resamples=resamples, seed=seed
    )
    typer.echo(f"wrote {output}", err=True)
    if json is not None:
        write_json(figures.as_dict(), json)


def classifiers(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of trainings, or files of predictions (.npz); the others are tested "
            "against the first."
        ),
    ],
    data: DataOption,
    output: Annotated[Path, typer.Option("--output", help="HTML file to write.")],
    split: SplitOption = "val",
    bundle: Annotated[
        list[Path] | None,
        typer.Option("--bundle", help="A bundle to compare with; may be repeated."),
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Compare with the bundle in the program, too.")
    ] = False,
    turned_views: ViewsOption = 1,
    gallery: GalleryOption = 18,
    resamples: ResamplesOption = 2000,
    seed: SeedOption = 0,
    threads: ThreadsOption = 2,
    json: JsonFileOption = None,
) -> None:
    """Set classifiers side by side: intervals, paired tests, curves, and where they differ.

    \b
    Example:
      galaxy-edge report classifiers runs/zoo_cnn runs/compact --shipped \\
        --data galaxies/labels.csv --split val --output compared.html
    """
    from dataclasses import replace

    from classification.reports.compare_report import write_compare_report
    from classification.reports.comparison import unique_names
    from classification.reports.subjects import read_split
    from edge_runtime.cli.output import ProgressBar, log_to_stderr, write_json

    log_to_stderr("warning")
    galaxies = read_split(data, split)
    bundles: list[Path | None] = [*([None] if shipped else []), *(bundle or [])]
    subjects = []
    for path in runs:
        with ProgressBar(f"predicting, {path.name}") as progress:
            subjects.append(_run(path, galaxies, split, turned_views, progress))
    for path in bundles:
        with ProgressBar(f"predicting, {path or 'shipped bundle'}") as progress:
            subjects.append(_bundle(path, galaxies, threads, progress))
    places = [str(path) for path in [*runs, *(each or "shipped bundle" for each in bundles)]]
    subjects = [
        replace(subject, run=replace(subject.run, name=name))
        for subject, name in zip(subjects, unique_names(subjects, places), strict=True)
    ]
    found = write_compare_report(
        output, subjects, split, exhibits=gallery, resamples=resamples, seed=seed
    )
    typer.echo(f"wrote {output}", err=True)
    if json is not None:
        write_json(found, json)


def _run(
    path: Path,
    galaxies: GalaxySet,
    split: str,
    turned_views: int,
    progress: ProgressBar,
    predictions: Path | None = None,
) -> Subject:
    from classification.reports.subjects import file_subject, run_subject

    if not path.is_dir():
        return file_subject(path, galaxies)
    return run_subject(
        path,
        galaxies,
        split,
        predictions_path=predictions,
        turned_views=turned_views,
        progress=progress.update,
    )


def _bundle(
    path: Path | None,
    galaxies: GalaxySet,
    threads: int,
    progress: ProgressBar,
    predictions: Path | None = None,
) -> Subject:
    from classification.reports.subjects import bundle_subject

    return bundle_subject(
        path,
        galaxies,
        predictions_path=predictions,
        threads=threads,
        progress=progress.update,
    )
