"""A trial of the space ``compact``: a network with the outputs of the bundle's classifier.

Votes and classes are two outputs of one network, trained together, as in the
network that ships: a trial scores accuracy, macro F1 and RMSE at once, and its
file has the shape, the size and the latency that it will have in a bundle.
Classes that follow from votes by a rule (`classification.class_rules`) would
need one output only, but nearly half of the galaxies with a class have no votes.
"""

from __future__ import annotations

import logging

import keras

from classification.edge_classifiers import edge_preparation
from classification.edge_network.evaluation import keras_predictor
from classification.edge_network.export import tflite_predictor
from classification.export import in_single_precision
from classification.models.searched import RANDOM, build_searched
from classification.network import NETWORK_FILE
from classification.precision import dtype_policy, fastest_precision
from classification.training import drawn_rows
from classification.transfer import start_from
from tuning.trials.classifier_result import classifier_result
from tuning.trials.edge_training import EdgeRecipe, edge_predictions, train_edge_network
from tuning.trials.exported import export_int8
from tuning.trials.galaxies import all_crops, read_parts, shared_crops
from tuning.trials.result import TrialResult
from tuning.trials.spec import TrialSpec
from tuning.trials.values import Values

_log = logging.getLogger(__name__)


def run_edge_trial(spec: TrialSpec) -> TrialResult:
    """Train, export, score and measure one network.

    Writes ``network.keras``, ``classifier.tflite`` and ``validation.npz`` into
    the trial's folder.

    Parameters
    ----------
    spec : TrialSpec
        Of the space ``compact``.

    Raises
    ------
    GalaxyEdgeError
        A value is missing or wrong, the data lack a split, or the loss is no
        number.
    """
    values = Values.of(spec)
    keras.utils.set_random_seed(spec.seed)
    size_px = values.get("input_size_px", int)
    network = build_network(values)
    if spec.initial is not None:
        start_from(network, spec.initial)
    galaxies = read_parts(spec.data)
    training = drawn_rows(galaxies.where("train"), spec.limit, spec.seed)
    validation = galaxies.where("val")
    preparation = edge_preparation(size_px)
    crops = shared_crops(training, preparation, spec.cache)
    validation_crops = all_crops(shared_crops(validation, preparation, spec.cache))
    _log.info(
        "%d parameters, %d galaxies train and %d validate, %s",
        network.count_params(),
        len(training),
        len(validation),
        network.dtype_policy.name,
    )
    recipe = EdgeRecipe(
        epochs=spec.epochs - spec.initial_epoch,
        learning_rate=values.get("learning_rate", float),
        augmentation=values.get("augmentation", float),
        seed=spec.seed + spec.initial_epoch,
    )
    curve, training_s = train_edge_network(
        network, training, crops, validation, validation_crops, recipe
    )
    network = in_single_precision(network)
    network.save(spec.output / NETWORK_FILE)
    exported = export_int8(network, crops, spec.output, spec.seed)
    answers = tflite_predictor(exported.path)(validation_crops)
    found = edge_predictions(answers, validation.ids)
    exact = edge_predictions(keras_predictor(network)(validation_crops), validation.ids)
    return classifier_result(
        spec,
        exported.path,
        found,
        exact,
        validation,
        parameters=network.count_params(),
        training_s=training_s,
        curve=curve,
    )


def build_network(values: Values) -> keras.Model:
    """Network of a trial's values, in the numbers it trains fastest with here.

    Depthwise convolutions are slower in bfloat16 than in float32 on
    processors, plain ones faster.

    Raises
    ------
    ConfigError
        A value is missing or out of its range.
    """
    start = values.get("start", str)
    own = {}
    if start == RANDOM:
        own = {
            "width": values.get("width", float),
            "separable": values.get("separable", bool),
            "squeeze_excite": values.get("squeeze_excite", bool),
        }
    plain = start == RANDOM and not own["separable"]
    with dtype_policy(fastest_precision(plain_convolutions=plain)):
        return build_searched(
            values.get("input_size_px", int),
            start=start,
            blocks=values.get("blocks", int),
            dropout=values.get("dropout", float),
            **own,
        )
