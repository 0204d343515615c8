"""Networks of Keras, with answers that can be differentiated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from classification.batches import COUNTS, VOTES
from classification.explain.answer_layers import BothAnswers, LogConcentrations, LogOdds
from classification.explain.crops import BATCH, Crops, Progress, check_crops
from classification.explain.outputs import (
    CLASS5_SCHEME,
    EDGE_OUTPUTS,
    EDGE_WIDTHS,
    GALAXY,
    answer_groups,
    card_beside,
    card_outputs,
    plain_outputs,
)
from classification.heads import TreeVotes
from classification.keras_files import read_keras
from classification.network import NETWORK_FILE, NetworkCard
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.sighting import CLASS5


class KerasNetwork:
    """A network of Keras, with answers that can be differentiated.

    Parameters
    ----------
    model : keras.Model
        Input (N, S, S, 3) float32, 0 to 255. Output: activated answers (N, K), or the
        logits of the bundle's classifier: a dict of votes, class5 and galaxy.
    name : str, optional
        Default is the model's.
    outputs : sequence of str, optional
        Names of K answers; default is those of the bundle's classifier, the votes where
        there are 37, and numbers elsewhere.
    class_bias : sequence of 5 floats, optional
        Added to the logits of the five classes, as a bundle does; for networks with
        the bundle's outputs only.

    Attributes
    ----------
    name : str
    outputs : tuple of str
    source : keras.Model
        The network as it was given.
    model : keras.Model
        Crops (N, S, S, 3) to answers (N, K), sharing the weights of ``source``.

    Raises
    ------
    GalaxyEdgeError
        The model is no classifier of square colour crops.
    """

    def __init__(
        self,
        model: keras.Model,
        name: str | None = None,
        outputs: Sequence[str] | None = None,
        class_bias: Sequence[float] | None = None,
    ) -> None:
        self.name = name or model.name
        if isinstance(model, keras.Sequential) and model.built:
            # its layers one by one, not as a single one
            model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
        self.source = model
        self.input_size_px = _square_input(model, self.name)
        if isinstance(model.output, dict):
            answers, default = _edge_answers(model, class_bias, self.name), EDGE_OUTPUTS
        else:
            if class_bias is not None:
                raise GalaxyEdgeError(f"{self.name}: only the bundle's networks have a class bias")
            answers = model.output
            default = plain_outputs(_width(answers, self.name))
        self.outputs = default if outputs is None else tuple(outputs)
        if len(self.outputs) != len(default):
            raise GalaxyEdgeError(
                f"{self.name}: gives {len(default)} answers, but {len(self.outputs)} are named"
            )
        self.model = keras.Model(model.input, answers, name="answers")
        self._log_odds: keras.Model | None = None

    @property
    def log_odds(self) -> keras.Model:
        """Crops (N, S, S, 3) to the log-odds of the answers, (N, K).

        ``log(p / q)``, where q is the sum of the other answers to the same question, or
        of the other classes; 1 - p where an answer stands alone. Unlike the answers they
        do not level off near 0 and 1, and a question counts by itself, however few were
        asked it.
        """
        if self._log_odds is None:
            odds = LogOdds(answer_groups(self.outputs), name="log_odds")
            self._log_odds = keras.Model(
                self.model.input, odds(self.model.output), name="answers_log_odds"
            )
        return self._log_odds

    @classmethod
    def open(cls, path: Path, class_bias: Sequence[float] | None = None) -> KerasNetwork:
        """Read a ``.keras`` file or the folder of a training.

        Parameters
        ----------
        path : Path
        class_bias : sequence of 5 floats, optional
            See ``KerasNetwork``.

        Raises
        ------
        GalaxyEdgeError
            There is no such network.
        """
        if path.is_dir():
            path = path / NETWORK_FILE
        if not path.exists():
            raise GalaxyEdgeError(f"{path}: not found; name a .keras file or the folder of a run")
        model = read_keras(path)
        card = card_beside(path)
        if card is None:
            return cls(model, path.stem, class_bias=class_bias)
        name = path.parent.name
        return cls(_with_activation(model, card, name), name, card_outputs(card), class_bias)

    def answers(self, crops: Crops, progress: Progress | None = None) -> NDArray[np.float32]:
        """See ``ExplainedNetwork``."""
        check_crops(crops, self.input_size_px, self.name)
        parts = [np.empty((0, len(self.outputs)), np.float32)]
        for start in range(0, len(crops), BATCH):
            batch = crops[start : start + BATCH].astype(np.float32)
            parts.append(outputs_of(self.model, batch))
            if progress is not None:
                progress(start + len(batch), len(crops))
        return np.concatenate(parts).astype(np.float32)


def outputs_of(model: keras.Model, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a network of one output gives for a batch, fastest for ``BATCH`` crops."""
    # compiled it takes half the time, but each new size is compiled anew
    if len(batch) == BATCH:
        return np.asarray(model.predict_on_batch(batch))
    return np.asarray(ops.convert_to_numpy(model(batch, training=False)))


def _square_input(model: keras.Model, name: str) -> int:
    """Side of the crops."""
    if not model.built or not getattr(model, "inputs", None):
        raise GalaxyEdgeError(
            f"{name}: was never built; call it on crops, save it and read it back"
        )
    shape = model.input_shape
    fits = isinstance(shape, tuple) and len(shape) == 4 and not isinstance(shape[0], tuple)
    if not fits or shape[1] is None or shape[1] != shape[2] or shape[3] != 3:
        raise GalaxyEdgeError(
            f"{name}: takes input of shape {shape}; expected square crops (N, S, S, 3)"
        )
    return int(shape[1])


def _width(answers: keras.KerasTensor, name: str) -> int:
    shape = getattr(answers, "shape", None)
    if shape is None or len(shape) != 2 or shape[1] is None:
        raise GalaxyEdgeError(
            f"{name}: is no classifier of galaxies: it gives "
            f"{'several outputs' if shape is None else tuple(shape)}; expected (N, K)"
        )
    return int(shape[1])


def _edge_answers(
    model: keras.Model, class_bias: Sequence[float] | None, name: str
) -> keras.KerasTensor:
    """The 43 answers from the three logits of the bundle's networks."""
    found = {key: tuple(value.shape[1:]) for key, value in model.output.items()}
    expected = {head: (width,) for width, head in EDGE_WIDTHS.items()}
    if found != expected:
        raise GalaxyEdgeError(f"{name}: has the outputs {found}; expected {expected}")
    scores = model.output[CLASS5_SCHEME]
    if class_bias is not None:
        if len(class_bias) != len(CLASS5):
            raise GalaxyEdgeError(f"{name}: the class bias has {len(class_bias)} numbers, not 5")
        bias = [float(number) for number in class_bias]
        scores = layers.Rescaling(1.0, offset=bias, dtype="float32", name="class_bias")(scores)
    return layers.Concatenate(name="all_answers")(
        [
            TreeVotes(name="vote_fractions")(model.output[VOTES]),
            layers.Softmax(name="class_probabilities")(scores),
            layers.Activation("sigmoid", name="galaxy_probability")(model.output[GALAXY]),
        ]
    )


def _with_activation(model: keras.Model, card: NetworkCard, name: str) -> keras.Model:
    """A workbench network with what ``TrainedNetwork`` does behind it."""
    if isinstance(model.output, dict):
        return model
    _width(model.output, name)
    if card.target == COUNTS:
        largest = float(card.loss_options.get("largest", 100.0))
        logarithms = LogConcentrations(largest, name="log_concentrations")(model.output)
        answers = TreeVotes(name="vote_fractions")(logarithms)
    elif card.target != VOTES and card.head.width == 1:
        answers = BothAnswers(name="both_answers")(model.output)
    else:
        return model
    return keras.Model(model.input, answers, name=model.name)
