"""``galaxy-edge explain galaxies`` and ``galaxy-edge explain picture``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from annotations.galaxies.dataset import GalaxySet
    from classification.commands.explaining_bar import ExplainingBar
    from classification.explain.reports.closest import TrainingPictures
    from classification.explain.subjects import ExplainedSubject

MethodsOption = Annotated[
    str, typer.Option("--methods", help="Names, with commas between; all where left out.")
]
FormatOption = Annotated[
    str, typer.Option("--format", help="html, or pdf or png beside it, through Chromium.")
]
PixelScaleOption = Annotated[
    float | None,
    typer.Option(
        "--pixel-scale",
        min=0.001,
        help="Arcseconds per pixel of the pictures, for the scale bar; R90 where left out.",
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of all that is random.")]
ThreadsOption = Annotated[
    int, typer.Option("--threads", min=1, max=64, help="Processor threads of a TFLite file.")
]
ClosestOption = Annotated[
    int,
    typer.Option(
        "--closest-from",
        min=0,
        help="Training pictures among which the closest are looked for; 0 for none.",
    ),
]


def explain_galaxies(
    data: Annotated[
        Path, typer.Option("--data", help="Labelled galaxies, in any format that can be read.")
    ],
    output: Annotated[
        Path, typer.Option("--output", help="Folder of the pages; goes on where it stopped.")
    ],
    network: Annotated[
        Path | None,
        typer.Option(
            "--network",
            help=".keras or .tflite file, run, or bundle; left out, the bundle in the program.",
        ),
    ] = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(
            "--compare", help="A network to set beside it, for example the float one; may repeat."
        ),
    ] = None,
    split: Annotated[
        str, typer.Option("--split", help="Part of the data: train, val, test, or all.")
    ] = "test",
    count: Annotated[
        int, typer.Option("--count", min=1, help="So many galaxies, drawn by the seed.")
    ] = 200,
    methods: MethodsOption = "",
    stable: Annotated[
        int,
        typer.Option("--stable", min=0, help="So many are explained turned and with noise, too."),
    ] = 16,
    checked: Annotated[
        int,
        typer.Option("--checked", min=0, help="So many are explained with redrawn weights, too."),
    ] = 8,
    pages: Annotated[
        bool, typer.Option("--pages/--no-pages", help="Write a page for each galaxy.")
    ] = True,
    closest_from: ClosestOption = 1500,
    pixel_scale: PixelScaleOption = None,
    file_format: FormatOption = "html",
    seed: SeedOption = 0,
    threads: ThreadsOption = 2,
) -> None:
    """Explain a classifier on a set: where it looks, how far its maps can be trusted, where not.

    \b
    Writes index.html with the verdict, index.json with its numbers, and a page
    for each galaxy. Broken off, the same command goes on.

    \b
    Example:
      galaxy-edge explain galaxies --data galaxies/labels.csv --count 200 \\
        --compare runs/compact/network.keras --output explained
    """
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from classification.explain.reports.browser import HTML, check_format, convert

    browser = check_format(file_format)
    from classification.commands.explaining_bar import ExplainingBar
    from classification.explain.explained_set import SetPlan, explain_set
    from classification.explain.registry import method_names
    from classification.explain.reports.pages import write_galaxy_pages
    from classification.explain.reports.set_page import write_set_page
    from classification.explain.set_choice import chosen_galaxies, training_galaxies
    from classification.explain.subjects import open_subjects
    from classification.reports.subjects import read_split
    from edge_runtime.cli.output import log_to_stderr

    names = named_methods(methods, method_names())
    with ExplainingBar() as bar:
        log_to_stderr("warning")
        bar.show("opening networks", 0, 1)
        subjects = open_subjects([network, *(compare or [])], threads)
        bar.show("reading labels", 0, 1)
        galaxies = chosen_galaxies(read_split(data, split), subjects, count, seed)
        plan = SetPlan(names, stable=stable, checked=checked, seed=seed)
        explained = explain_set(galaxies, subjects, plan, output, progress=bar.show)
        written = [output / "index.html"]
        figures = write_set_page(
            written[0],
            explained,
            split=split,
            linked=pages,
            progress=lambda done, total: bar.show("writing the page of the set", done, total),
        )
        if pages:
            training = _training(
                bar, subjects[0], training_galaxies(data, galaxies, closest_from, seed)
            )
            written += write_galaxy_pages(
                output,
                explained,
                training=training,
                arcsec_per_px=pixel_scale,
                back=written[0].name,
                progress=lambda done, total: bar.show("writing pages", done, total),
            )
        if file_format != HTML:
            for done, page in enumerate(written):
                bar.show(f"writing {file_format}", done, len(written))
                convert(page, file_format, browser)
    for name, found in figures.items():
        typer.echo(f"{name}: {'DO NOT TRUST' if found.exposed else 'passed'}", err=True)
        for finding in found.findings:
            typer.echo(f"  {finding.state:4}  {finding.text}", err=True)
    typer.echo(f"wrote {written[0]}", err=True)


def explain_picture(
    picture: Annotated[Path, typer.Argument(help="JPEG, PNG, TIFF or FITS file.")],
    output: Annotated[Path, typer.Option("--output", help="HTML file to write.")],
    network: Annotated[
        list[Path] | None,
        typer.Option(
            "--network",
            help=".keras or .tflite file, training folder, or bundle; may repeat. "
            "Left out, the shipped bundle.",
        ),
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Set the shipped bundle beside them, too.")
    ] = False,
    target: Annotated[
        str,
        typer.Option(
            "--target", help="Answer to explain, such as spiral; left out, the strongest."
        ),
    ] = "",
    centre: Annotated[
        str, typer.Option("--centre", help="Place of the galaxy, x,y in pixels.")
    ] = "",
    box: Annotated[
        str, typer.Option("--box", help="Its box: left,top,right,bottom in pixels.")
    ] = "",
    methods: MethodsOption = "",
    gradcam_layer: Annotated[
        str,
        typer.Option("--gradcam-layer", help="Layer of Grad-CAM; left out, the last convolution."),
    ] = "",
    layers: Annotated[
        str,
        typer.Option(
            "--layers",
            help="Layers of Keras networks to look into, with commas between; left out, the last "
            "of each size.",
        ),
    ] = "",
    filters: Annotated[
        bool,
        typer.Option("--filters", help="Draw what the channels of these layers look for, too."),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Labelled galaxies among which the closest are looked for."),
    ] = None,
    closest_from: ClosestOption = 1500,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="Its detector finds the galaxy; left out, the shipped one."),
    ] = None,
    pixel_scale: PixelScaleOption = None,
    file_format: FormatOption = "html",
    seed: SeedOption = 0,
    threads: ThreadsOption = 2,
) -> None:
    """Explain what classifiers say of the galaxy in one picture.

    \b
    Without --box or --centre the detector finds the galaxy.

    \b
    Example:
      galaxy-edge explain picture m51.fits --network runs/compact --shipped \\
        --output m51.html
    """
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from classification.explain.reports.browser import HTML, check_format, convert

    browser = check_format(file_format)
    from classification.commands.explaining_bar import ExplainingBar
    from classification.explain.explained_picture import explain_in_picture
    from classification.explain.keras_network import KerasNetwork
    from classification.explain.picture_galaxy import find_galaxy
    from classification.explain.registry import method_names
    from classification.explain.reports.layer_views import layer_views
    from classification.explain.reports.pages import write_single_page
    from classification.explain.set_choice import training_galaxies
    from classification.explain.subjects import open_subjects
    from edge_runtime.bundle.loading import load_bundle
    from edge_runtime.cli.output import log_to_stderr

    names = named_methods(methods, method_names())
    corners, place = _numbers("--box", box, 4), _numbers("--centre", centre, 2)
    paths: list[Path | None] = [*(network or [])]
    with ExplainingBar() as bar:
        log_to_stderr("warning")
        bar.show("opening networks", 0, 1)
        subjects = open_subjects([*paths, *([None] if shipped or not paths else [])], threads)
        bar.show("finding the galaxy", 0, 1)
        galaxy = find_galaxy(
            picture,
            load_bundle(bundle),
            box_xyxy_px=None if corners is None else (*corners[:2], *corners[2:]),
            centre_px=None if place is None else (place[0], place[1]),
        )
        parts = explain_in_picture(
            galaxy,
            subjects,
            names,
            target_name=target,
            name=picture.name,
            options={"gradcam": {"layer": gradcam_layer}} if gradcam_layer else None,
            seed=seed,
            progress=bar.show,
        )
        views = {
            subject.name: layer_views(
                subject.network,
                found.crop,
                _split(layers) or None,
                filters=filters,
                seed=seed,
                progress=bar.show,
            )
            for subject, found, _ in parts
            if isinstance(subject.network, KerasNetwork)
        }
        training = (
            None
            if data is None
            else _training(bar, subjects[0], training_galaxies(data, None, closest_from, seed))
        )
        write_single_page(
            output,
            picture,
            galaxy,
            parts,
            training=training,
            arcsec_per_px=pixel_scale,
            layers=views,
        )
        if file_format != HTML:
            bar.show(f"writing {file_format}", 0, 1)
            convert(output, file_format, browser)
    for subject, found, _ in parts:
        answer = found.answers[found.target.index]
        typer.echo(f"{subject.name}: {found.target.label} {answer:.3f}", err=True)
    typer.echo(f"wrote {output}", err=True)


def _training(
    bar: ExplainingBar, subject: ExplainedSubject, galaxies: GalaxySet | None
) -> TrainingPictures | None:
    from classification.explain.reports.closest import TrainingPictures

    if galaxies is None:
        return None
    return TrainingPictures(
        subject,
        galaxies,
        lambda done, total: bar.show("looking at training pictures", done, total),
    )


def named_methods(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The methods of ``--methods``; all that are known where it is empty."""
    from classification.explain.registry import method

    names = _split(text) or known
    for name in names:
        method(name)  # tells which names there are
    return tuple(dict.fromkeys(names))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(option: str, text: str, count: int) -> tuple[float, ...] | None:
    from edge_runtime.errors import ConfigError

    if not text:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise ConfigError(f"{option} takes {count} numbers with commas between, not {text!r}")
    return numbers
