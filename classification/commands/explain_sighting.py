"""``galaxy-edge explain sighting``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from classification.commands.explain import (
    FormatOption,
    MethodsOption,
    SeedOption,
    ThreadsOption,
    named_methods,
)


def explain_sighting(
    sighting: Annotated[
        str, typer.Argument(help="Identifier, or the first 4 or more of its digits.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", help="HTML file; default sighting-ID.html.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="Configuration of the daemon, for its store and bundle.",
        ),
    ] = None,
    store: Annotated[
        str | None, typer.Option("--store", help="Database of sightings instead: file or URL.")
    ] = None,
    media: Annotated[
        Path | None,
        typer.Option("--media", help="Folder of its pictures; left out, media beside its file."),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="Bundle to ask; left out, the one of the configuration."),
    ] = None,
    network: Annotated[
        list[Path] | None,
        typer.Option(
            "--network",
            help="Network to set beside it, such as the float one (.keras); may repeat.",
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option("--target", help="Answer to explain; left out, the class of the sighting."),
    ] = "",
    methods: MethodsOption = "",
    file_format: FormatOption = "html",
    seed: SeedOption = 0,
    threads: ThreadsOption = 2,
) -> None:
    """Explain a galaxy that the telescope has recorded.

    Reads the store beside a daemon that may be observing, and keeps it from nothing.
    Methods that need gradients run on the networks of --network.

    \b
    Examples:
      galaxy-edge explain sighting 2c9f --output why.html
      galaxy-edge explain sighting 2c9f --config galaxy-edge.toml --network runs/edge/network.keras
    """
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from classification.explain.reports.browser import HTML, check_format, convert

    browser = check_format(file_format)
    from classification.explain.sighting import (
        explain_recorded,
        find_sighting,
        other_models,
        write_sighting_page,
    )
    from edge_runtime.bundle.loading import load_bundle
    from edge_runtime.cli.output import log_to_stderr
    from edge_runtime.config import load_config
    from edge_runtime.daemon import store_paths
    from edge_runtime.store import StoreReader

    log_to_stderr("warning")
    settings = load_config(config, os.environ)
    url, media_dir = (
        store_paths(settings.store) if store is None else (store, media or _beside(store))
    )
    with StoreReader(url, media or media_dir) as reader:
        record = find_sighting(reader, sighting)
    asked = bundle or settings.bundle.path
    opened = load_bundle(asked)
    if warning := other_models(record.item, opened):
        typer.echo(f"warning: {warning}", err=True)
    from classification.commands.explaining_bar import ExplainingBar
    from classification.explain.registry import method_names
    from classification.explain.subjects import open_subjects

    names = named_methods(methods, method_names())
    path = output or Path(f"sighting-{record.item.sighting.id}.html")
    with ExplainingBar() as bar:
        log_to_stderr("warning")
        bar.show("opening networks", 0, 1)
        subjects = open_subjects([asked, *(network or [])], threads)
        found = explain_recorded(
            record, opened, subjects, names, target_name=target, seed=seed, progress=bar.show
        )
        write_sighting_page(path, record, found)
        if file_format != HTML:
            bar.show(f"writing {file_format}", 0, 1)
            convert(path, file_format, browser)
    for subject, explained, _ in found.parts:
        answer = explained.answers[explained.target.index]
        typer.echo(f"{subject.name}: {explained.target.label} {answer:.3f}", err=True)
    typer.echo(f"wrote {path}", err=True)


def _beside(store: str) -> Path:
    """Folder of the pictures of a database that is named alone."""
    from edge_runtime.errors import ConfigError

    if "://" in store:
        raise ConfigError(f"--store {store}: also name --media, the folder of its pictures")
    return Path(store).parent / "media"
