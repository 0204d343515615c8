"""A trial of the space ``tuned_small``: two convolutions, as the publication searched them.

The network has one output. It learns the five classes, or the 37 votes where
the search wants a low ``rmse``; then the classes follow from the votes.
"""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

from annotations.galaxies.dataset import CLASS5
from classification.batches import VOTES, known_rows
from classification.edge_classifiers import edge_preparation
from classification.heads import TREE_37, softmax
from classification.models.tuned_small import CHOICES, SmallHyperparameters
from classification.precision import fastest_precision
from classification.presets import Preset, preset
from classification.reproduction.network_row import TfliteModel, adding_up
from classification.run_folder import CHECKPOINTS, LOG_FILE
from classification.training import drawn_rows, train
from edge_runtime.sighting import CLASS5 as CLASS5_NAMES
from tuning.objective import lower_is_better
from tuning.trials.classifier_result import classifier_result
from tuning.trials.exported import export_int8
from tuning.trials.galaxies import all_crops, read_parts, shared_crops
from tuning.trials.result import TrialResult
from tuning.trials.spec import TrialSpec
from tuning.trials.values import Values

_PUBLISHED = "galaxy10-tuned"
INPUT_SIZE_PX = 69


def run_small_trial(spec: TrialSpec) -> TrialResult:
    """Train, export, score and measure one network.

    Writes ``network.keras``, ``network.json``, ``classifier.tflite`` and
    ``validation.npz`` into the trial's folder. The network is the epoch of the
    lowest validation loss.

    Parameters
    ----------
    spec : TrialSpec
        Of the space ``tuned_small``.

    Raises
    ------
    GalaxyEdgeError
        A value is missing or out of its published range, the data lack a
        split, or the loss is no number.
    """
    recipe = recipe_of(spec)
    galaxies = read_parts(spec.data)
    trained = train(
        recipe,
        galaxies,
        spec.output,
        seed=spec.seed + spec.initial_epoch,
        limit=spec.limit,
        precision=fastest_precision(),
        initial=spec.initial,
        cache=spec.cache,
        **({} if spec.cache is None else {"memory_limit_bytes": 0}),
    )
    shutil.rmtree(spec.output / CHECKPOINTS, ignore_errors=True)
    validation = galaxies.where("val")
    crops = all_crops(shared_crops(validation, recipe.preparation, spec.cache))
    known = known_rows(galaxies.where("train"), recipe.target)
    rows = drawn_rows(known, spec.limit, trained.card.seed)  # as in the training
    representative = shared_crops(rows, recipe.preparation, spec.cache)
    exported = export_int8(trained.model, representative, spec.output, spec.seed)
    quick = replace(trained, model=TfliteModel(exported.path))
    found = adding_up(quick.predict_crops(crops, ids=validation.ids))
    exact = trained.predict_crops(crops, ids=validation.ids)
    return classifier_result(
        spec,
        exported.path,
        found,
        exact,
        validation,
        parameters=trained.card.parameters,
        training_s=trained.card.training_s,
        curve=_curve(spec.output / LOG_FILE),
    )


def recipe_of(spec: TrialSpec) -> Preset:
    """The published recipe with a trial's sizes, target and epochs.

    Raises
    ------
    ConfigError
        A value is missing or out of its published range.
    """
    values = Values.of(spec)
    kinds = SmallHyperparameters.__annotations__
    sizes = SmallHyperparameters(
        **{name: values.get(name, float if kinds[name] == "float" else int) for name in CHOICES}
    )
    published = preset(_PUBLISHED)
    learns_votes = spec.metric is not None and lower_is_better(spec.metric)
    return replace(
        published,
        name=f"{published.name} in a search",
        head=TREE_37 if learns_votes else softmax(len(CLASS5_NAMES)),
        target=VOTES if learns_votes else CLASS5,
        loss=replace(published.loss, name="mse") if learns_votes else published.loss,
        preparation=edge_preparation(INPUT_SIZE_PX),
        optimizer=replace(published.optimizer, schedule="cosine"),
        epochs=spec.epochs - spec.initial_epoch,
        early_stopping=None,
        plateau=None,
        options={"hyperparameters": sizes},
    )


def _curve(path: Path) -> tuple[dict[str, float], ...]:
    with path.open(newline="") as stream:
        return tuple(
            {name: float(text) for name, text in row.items() if text}
            for row in csv.DictReader(stream)
        )
