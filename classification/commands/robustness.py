"""``galaxy-edge report robustness``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli.options import BundleOption


def robustness(
    labels: Annotated[
        Path, typer.Option("--labels", help="Labelled galaxies: labels.csv or any known format.")
    ],
    split: Annotated[
        str | None, typer.Option("--split", help="Only rows of this split; '' takes all.")
    ] = "test",
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Only rows of this source; repeatable.")
    ] = None,
    bundle: BundleOption = None,
    network: Annotated[
        Path | None,
        typer.Option(
            "--network",
            help="Instead of a bundle: folder of a training, or file of an edge network.",
        ),
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Only this fault; repeatable.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only so many galaxies, evenly picked.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="File for the table as Markdown.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="File for the figures as JSON.")
    ] = None,
) -> None:
    """Tell what a classifier loses under the faults of telescopes.

    Blur, noise, no colour, sky gradient, half and double scale, and a galaxy off the
    centre are put onto the same survey pictures, always in the same way. Standard
    output gets the table.

    \b
    Example:
      galaxy-edge report robustness --labels ../shared/data/galaxies/labels.csv \\
        --source kaggle --source gz2 --json robustness.json
    """
    import numpy as np

    from annotations.galaxies.registry import read_galaxies
    from classification.edge_classifiers import BundleClassifier, EdgeNetworkClassifier
    from classification.robustness import measure_robustness
    from classification.telescope_faults import FAULTS
    from edge_runtime.cli.output import ProgressBar, log_to_stderr, write_json
    from edge_runtime.errors import ConfigError, GalaxyEdgeError

    log_to_stderr("warning")
    if bundle is not None and network is not None:
        raise ConfigError("--bundle and --network: say one of them")
    unknown = [name for name in fault or () if name not in FAULTS]
    if unknown:
        raise ConfigError(f"--fault {unknown[0]!r} is not known; known: {', '.join(FAULTS)}")
    galaxies = read_galaxies(labels).where(split or None, source)
    if not len(galaxies):
        raise GalaxyEdgeError(f"{labels}: no row of split {split or 'any'} and these sources")
    if limit is not None and limit < len(galaxies):
        galaxies = galaxies.rows(np.linspace(0, len(galaxies) - 1, limit).astype(np.int64))
    if network is None:
        classifier = BundleClassifier(bundle)
        name = f"bundle {classifier.name} (int8)"
    elif network.is_dir():
        from classification.network import TrainedNetwork

        classifier = TrainedNetwork.load(network)
        name = network.name
    else:
        classifier = EdgeNetworkClassifier(network)
        name = str(network)
    with ProgressBar("measuring") as bar:
        result = measure_robustness(
            classifier, galaxies, name=name, faults=fault or tuple(FAULTS), progress=bar.update
        )
    typer.echo(result.markdown())
    if markdown is not None:
        try:
            markdown.write_text(result.markdown(), encoding="utf-8")
        except OSError as error:
            raise GalaxyEdgeError(f"{markdown}: cannot be written ({error.strerror})") from error
    if json is not None:
        write_json(result.as_dict(), json)
