"""Networks that can be explained, all answering in the same numbers.

A column of answers is a vote fraction or a probability, never a logit, whether
it comes from Keras or from the int8 file of the telescope, so that explanations
of the two compare directly. Networks of the bundle answer 37 vote fractions, 5
class probabilities and the probability that there is a galaxy at all: 43 columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray
from scipy.special import expit, softmax

from classification.batches import COUNTS, VOTES
from classification.export import TfliteNetwork
from classification.heads import TreeVotes
from classification.keras_files import read_keras
from classification.network import (
    CARD_FILE,
    NETWORK_FILE,
    NetworkCard,
    votes_from_concentrations,
)
from edge_runtime.bundle.loading import Bundle, load_bundle
from edge_runtime.bundle.schema import MANIFEST_NAME
from edge_runtime.classifier import Classifier
from edge_runtime.decision_tree import VOTE_COLUMNS, votes_from_logits
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.litert import LiteRtModel
from edge_runtime.sighting import CLASS5

Crops = NDArray[np.uint8] | NDArray[np.float32]
Progress = Callable[[int, int], None]

GALAXY = "galaxy"
CLASS5_SCHEME = "class5"

VOTE_OUTPUTS = tuple(f"{VOTES}:{column}" for column in VOTE_COLUMNS)
"""Names of the 37 vote fractions among the outputs of a network."""

EDGE_OUTPUTS = (*VOTE_OUTPUTS, *(f"{CLASS5_SCHEME}:{name}" for name in CLASS5), GALAXY)
"""Names of the 43 answers of the bundle's classifier."""

_EDGE_HEADS = (VOTES, CLASS5_SCHEME, GALAXY)
_EDGE_WIDTHS = {len(VOTE_COLUMNS): VOTES, len(CLASS5): CLASS5_SCHEME, 1: GALAXY}
_BATCH = 64


class ExplainedNetwork(Protocol):
    """A network seen through its answers alone."""

    @property
    def name(self) -> str:
        """For titles and messages."""
        ...

    @property
    def input_size_px(self) -> int:
        """Side S of the crops."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the K answers: ``votes:Class1.1``, ``class5:spiral``, ``galaxy``."""
        ...

    def answers(self, crops: Crops, progress: Progress | None = None) -> NDArray[np.float32]:
        """Vote fractions and probabilities.

        Parameters
        ----------
        crops : ndarray, shape (N, S, S, 3), uint8 or float32, 0 to 255, RGB
        progress : callable, optional
            Called with the crops done and all of them.

        Returns
        -------
        ndarray, shape (N, K), float32, 0 to 1

        Raises
        ------
        GalaxyEdgeError
            The crops have another shape or dtype, or pixels outside 0 to 255.
        """
        ...


def check_crops(crops: Crops, size_px: int, name: str) -> None:
    """Refuse what a network cannot have been trained on.

    Parameters
    ----------
    crops : ndarray
        Should be (N, size_px, size_px, 3), uint8 or floating point, 0 to 255.
    size_px : int
    name : str
        Of the network, for the message.

    Raises
    ------
    GalaxyEdgeError
    """
    if crops.ndim != 4 or crops.shape[1:] != (size_px, size_px, 3):
        raise GalaxyEdgeError(
            f"{name}: takes crops of shape (N, {size_px}, {size_px}, 3), not {crops.shape}; "
            "prepare the picture as the network was trained"
        )
    if crops.dtype == np.uint8 or not crops.size:
        return
    if not np.issubdtype(crops.dtype, np.floating):
        raise GalaxyEdgeError(f"{name}: takes crops of uint8 or float32, not {crops.dtype}")
    low, high = float(crops.min()), float(crops.max())
    if not (low >= 0.0 and high <= 255.0):  # also where one of them is NaN
        raise GalaxyEdgeError(f"{name}: pixels are 0 to 255; these are {low:g} to {high:g}")


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
        self.source = model
        self.input_size_px = _square_input(model, self.name)
        if isinstance(model.output, dict):
            answers, default = _edge_answers(model, class_bias, self.name), EDGE_OUTPUTS
        else:
            if class_bias is not None:
                raise GalaxyEdgeError(f"{self.name}: only the bundle's networks have a class bias")
            answers = model.output
            default = _plain_outputs(_width(answers, self.name))
        self.outputs = default if outputs is None else tuple(outputs)
        if len(self.outputs) != len(default):
            raise GalaxyEdgeError(
                f"{self.name}: gives {len(default)} answers, but {len(self.outputs)} are named"
            )
        self.model = (
            model if answers is model.output else keras.Model(model.input, answers, name="answers")
        )

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
        card = _card_beside(path)
        if card is None:
            return cls(model, path.stem, class_bias=class_bias)
        name = path.parent.name
        return cls(_with_activation(model, card, name), name, _card_outputs(card), class_bias)

    def answers(self, crops: Crops, progress: Progress | None = None) -> NDArray[np.float32]:
        """See ``ExplainedNetwork``."""
        check_crops(crops, self.input_size_px, self.name)
        parts = [np.empty((0, len(self.outputs)), np.float32)]
        for start in range(0, len(crops), _BATCH):
            batch = crops[start : start + _BATCH].astype(np.float32)
            parts.append(ops.convert_to_numpy(self.model(batch, training=False)))
            if progress is not None:
                progress(start + len(batch), len(crops))
        return np.concatenate(parts).astype(np.float32)


class TfliteClassifier:
    """A TFLite file, called with one uint8 crop at a time as at the telescope.

    Crops of float32 are rounded to whole pixel values first, since a telescope has no others.

    Parameters
    ----------
    answer : callable
        One crop (S, S, 3), uint8, to answers (K,).
    name : str
    input_size_px : int
    outputs : tuple of str

    Attributes
    ----------
    name : str
    input_size_px : int
    outputs : tuple of str
    """

    def __init__(
        self,
        answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
        name: str,
        input_size_px: int,
        outputs: tuple[str, ...],
    ) -> None:
        self._answer = answer
        self.name = name
        self.input_size_px = input_size_px
        self.outputs = outputs

    @classmethod
    def of_bundle(cls, bundle: Bundle | Path | None = None, threads: int = 1) -> TfliteClassifier:
        """The classifier of a bundle, through the code of the telescope.

        Parameters
        ----------
        bundle : Bundle, Path or None
            Folder or zip; None is the shipped bundle.
        threads : int
            Of one call.

        Raises
        ------
        BundleError
            The bundle is missing or damaged.
        """
        opened = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
        classifier = Classifier(opened, threads)

        def answer(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
            said = classifier.classify(crop)
            galaxy = np.array([said.galaxy_probability], np.float32)
            return np.concatenate([said.votes, said.class_probabilities, galaxy])

        classes = opened.manifest.classifier.classes
        outputs = (*VOTE_OUTPUTS, *(f"{CLASS5_SCHEME}:{name}" for name in classes), GALAXY)
        name = f"{opened.name} {opened.version}"
        return cls(answer, name, classifier.input_size_px, outputs)

    @classmethod
    def open(cls, path: Path, threads: int = 1) -> TfliteClassifier:
        """Open a ``.tflite`` file of a classifier, or a bundle.

        Parameters
        ----------
        path : Path
            A file with one activated output, as the workbench exports them, or with the
            three logits of the bundle's classifier; or a bundle's folder or zip.
        threads : int
            Of one call.

        Raises
        ------
        GalaxyEdgeError
            It cannot be run, or is another kind of network, such as a detector.
        """
        if path.suffix != ".tflite":
            return cls.of_bundle(path, threads)
        model = LiteRtModel(path, threads)
        shape = model.input.shape
        if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3:
            raise GalaxyEdgeError(
                f"{path}: takes input of shape {shape[1:]}; expected square crops in colour"
            )
        shapes = [output.shape for output in model.outputs]
        widths = sorted(shape[-1] for shape in shapes)
        if any(len(shape) != 2 for shape in shapes) or (
            len(shapes) != 1 and widths != sorted(_EDGE_WIDTHS)
        ):
            raise GalaxyEdgeError(
                f"{path}: is no classifier of galaxies: its outputs have the shapes "
                f"{', '.join(map(str, shapes))}; expected one of (1, K), or votes (1, 37), "
                "class5 (1, 5) and galaxy (1, 1). Detectors are explained with "
                "'galaxy-edge explain detection'"
            )
        if len(shapes) == 3:
            return cls(_three_logits(model), path.stem, shape[1], EDGE_OUTPUTS)
        card = _card_beside(path)
        width = widths[0]
        if card is not None and card.head.width != width:
            card = None  # of another network in the same folder
        network = TfliteNetwork(path, threads)
        outputs = _plain_outputs(width) if card is None else _card_outputs(card)

        def answer(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
            return _activated(network.answer(crop[None]), card)[0]

        return cls(answer, path.stem, network.input_size_px, outputs)

    def answers(self, crops: Crops, progress: Progress | None = None) -> NDArray[np.float32]:
        """See ``ExplainedNetwork``."""
        check_crops(crops, self.input_size_px, self.name)
        answers = np.empty((len(crops), len(self.outputs)), np.float32)
        for i, crop in enumerate(np.rint(crops).astype(np.uint8)):
            answers[i] = self._answer(crop)
            if progress is not None and (i % _BATCH == _BATCH - 1 or i + 1 == len(crops)):
                progress(i + 1, len(crops))
        return answers


def open_network(path: Path | None = None, threads: int = 1) -> KerasNetwork | TfliteClassifier:
    """Open whatever network a path names.

    Parameters
    ----------
    path : Path or None
        ``.keras`` or ``.tflite`` file, folder of a training, folder or zip of a bundle.
        None is the shipped bundle.
    threads : int
        Of one call of a TFLite file.

    Raises
    ------
    GalaxyEdgeError
        There is nothing there, or something else.
    """
    if path is None:
        return TfliteClassifier.of_bundle(None, threads)
    if not path.exists():
        raise GalaxyEdgeError(
            f"{path}: not found; name a .keras or .tflite file, a run or a bundle"
        )
    if path.suffix == ".keras" or (path / NETWORK_FILE).exists():
        return KerasNetwork.open(path)
    if path.suffix in (".tflite", ".zip") or (path / MANIFEST_NAME).exists():
        return TfliteClassifier.open(path, threads)
    raise GalaxyEdgeError(
        f"{path}: is no network; name a .keras or .tflite file, the folder of a run "
        f"(with {NETWORK_FILE}) or of a bundle (with {MANIFEST_NAME})"
    )


def _square_input(model: keras.Model, name: str) -> int:
    """Side of the crops."""
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
    expected = {head: (width,) for width, head in _EDGE_WIDTHS.items()}
    if found != expected:
        raise GalaxyEdgeError(f"{name}: has the outputs {found}; expected {expected}")
    scores = model.output[CLASS5_SCHEME]
    if class_bias is not None:
        if len(class_bias) != len(CLASS5):
            raise GalaxyEdgeError(f"{name}: the class bias has {len(class_bias)} numbers, not 5")
        scores = scores + np.asarray(class_bias, np.float32)
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
        # a softmax of logarithms is the share of each concentration
        answers = TreeVotes(name="vote_fractions")(ops.log(1.0 + largest * model.output))
    elif card.target != VOTES and card.head.width == 1:
        answers = layers.Concatenate(name="both_answers")([1.0 - model.output, model.output])
    else:
        return model
    return keras.Model(model.input, answers, name=model.name)


def _activated(outputs: NDArray[np.float32], card: NetworkCard | None) -> NDArray[np.float32]:
    """Same as ``_with_activation``, of numbers."""
    if card is not None and card.target == COUNTS:
        largest = float(card.loss_options.get("largest", 100.0))
        return votes_from_concentrations(1.0 + largest * outputs)
    if card is not None and card.target != VOTES and card.head.width == 1:
        return np.concatenate([1.0 - outputs, outputs], axis=1)
    return outputs


def _three_logits(model: LiteRtModel) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Answers of a file with the bundle's outputs, told apart by their widths."""
    place = {_EDGE_WIDTHS[output.shape[-1]]: i for i, output in enumerate(model.outputs)}

    def answer(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits = model.run(crop)
        votes, scores, galaxy = (logits[place[head]].ravel() for head in _EDGE_HEADS)
        return np.concatenate([votes_from_logits(votes), softmax(scores), expit(galaxy)])

    return answer


def _card_beside(path: Path) -> NetworkCard | None:
    card = path.parent / CARD_FILE
    return NetworkCard.load(card) if card.exists() else None


def _card_outputs(card: NetworkCard) -> tuple[str, ...]:
    if card.target in (VOTES, COUNTS):
        return VOTE_OUTPUTS
    return tuple(f"{card.target}:{name}" for name in card.class_names)


def _plain_outputs(width: int) -> tuple[str, ...]:
    if width == len(VOTE_COLUMNS):
        return VOTE_OUTPUTS
    return (GALAXY,) if width == 1 else tuple(f"answer {i + 1}" for i in range(width))
