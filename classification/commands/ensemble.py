"""``galaxy-edge ensemble classifiers``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from classification.ensemble_scores import EnsembleScores


def ensemble_classifiers(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of trainings, or ensembles made before.")
    ],
    data: Annotated[
        Path, typer.Option("--data", help="Labelled galaxies, in any format that can be read.")
    ],
    output: Annotated[
        Path, typer.Option("--output", help="File of the ensemble, such as ensemble.json.")
    ],
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            help="fit (on the validation split), uniform, or numbers such as 0.6,0.4.",
        ),
    ] = "fit",
    turned_views: Annotated[
        int,
        typer.Option(
            "--turned-views", min=1, max=8, help="Turned and mirrored views of a galaxy to average."
        ),
    ] = 1,
    test: Annotated[
        bool, typer.Option("--test", help="Report on the test split, too: once, at the end.")
    ] = False,
    json: Annotated[
        Path | None, typer.Option("--json", help="File for the figures as JSON.")
    ] = None,
) -> None:
    """Average several classifiers into one, with weights fitted on validation.

    \b
    Weights are fitted for each output: for votes those of the least squared error, for
    classes those of the least log-loss. They are not negative and add up to 1, so votes
    that obey the decision tree still do. The figures of the validation split are those
    the weights were fitted on; --test tells what the ensemble is worth.

    \b
    Example:
      galaxy-edge ensemble classifiers runs/zoo_cnn runs/vit_small runs/compact \\
        --data galaxies/labels.csv --turned-views 8 --output runs/ensemble.json
    """
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from annotations.galaxies.registry import read_galaxies
    from classification.ensemble_scores import score_ensemble, scored_rows
    from classification.ensemble_weights import FIT, fitted_weights, parse_weights, shared_weights
    from classification.ensembles import (
        Ensemble,
        Member,
        load_classifier,
        network_hash,
        predict_each,
    )
    from edge_runtime.cli.output import ProgressBar, log_to_stderr, write_json
    from edge_runtime.errors import ConfigError

    log_to_stderr("info")
    given = parse_weights(weights, len(runs))
    if output.suffix != ".json":
        raise ConfigError(f"--output {output}: an ensemble is a .json file")
    galaxies = read_galaxies(data)
    validation = galaxies.where("val")
    if not len(validation):
        raise ConfigError(f"--data {data}: has no galaxies of the split val")
    classifiers = tuple(load_classifier(run) for run in runs)
    members = tuple(Member(run, network_hash(run)) for run in runs)
    validation = scored_rows(classifiers, validation)
    reports: list[EnsembleScores] = []
    with ProgressBar("predicting val") as progress:
        predicted = predict_each(
            classifiers, validation, turned_views=turned_views, progress=progress.update
        )
    chosen = (
        fitted_weights(predicted, validation) if given is None else shared_weights(predicted, given)
    )
    names = [run.name for run in runs]
    reports.append(score_ensemble("val", names, predicted, chosen, validation))
    Ensemble(
        members,
        classifiers,
        chosen,
        turned_views=turned_views,
        rule=weights,
        data_hash=galaxies.data_hash if weights == FIT else "",
    ).save(output)
    typer.echo(f"wrote {output}", err=True)
    if test:
        asked = scored_rows(classifiers, galaxies.where("test"))
        with ProgressBar("predicting test") as progress:
            predicted = predict_each(
                classifiers, asked, turned_views=turned_views, progress=progress.update
            )
        reports.append(score_ensemble("test", names, predicted, chosen, asked))
    if json is not None:
        write_json({"weights": chosen, **{r.split: r.as_dict() for r in reports}}, json)
    for report in reports:
        typer.echo(report.markdown())
