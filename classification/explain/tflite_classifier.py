"""Networks in TFLite files, called as the telescope calls them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from classification.batches import COUNTS, VOTES
from classification.explain.crops import BATCH, Crops, Progress, check_crops
from classification.explain.outputs import (
    CLASS5_SCHEME,
    EDGE_HEADS,
    EDGE_OUTPUTS,
    EDGE_WIDTHS,
    GALAXY,
    VOTE_OUTPUTS,
    card_beside,
    card_outputs,
    plain_outputs,
)
from classification.export import TfliteNetwork
from classification.network import NetworkCard, votes_from_concentrations
from edge_runtime.bundle.loading import Bundle, load_bundle
from edge_runtime.classifier import Classifier
from edge_runtime.decision_tree import votes_from_logits
from edge_runtime.errors import GalaxyEdgeError
from edge_runtime.litert import LiteRtModel


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
            len(shapes) != 1 and widths != sorted(EDGE_WIDTHS)
        ):
            raise GalaxyEdgeError(
                f"{path}: is no classifier of galaxies: its outputs have the shapes "
                f"{', '.join(map(str, shapes))}; expected one of (1, K), or votes (1, 37), "
                "class5 (1, 5) and galaxy (1, 1). Detectors are explained with "
                "'galaxy-edge explain detection'"
            )
        if len(shapes) == 3:
            return cls(_three_logits(model), path.stem, shape[1], EDGE_OUTPUTS)
        card = card_beside(path)
        width = widths[0]
        if card is not None and card.head.width != width:
            card = None  # of another network in the same folder
        network = TfliteNetwork(path, threads)
        outputs = plain_outputs(width) if card is None else card_outputs(card)

        def answer(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
            return _activated(network.answer(crop[None]), card)[0]

        return cls(answer, path.stem, network.input_size_px, outputs)

    def answers(self, crops: Crops, progress: Progress | None = None) -> NDArray[np.float32]:
        """See ``ExplainedNetwork``."""
        check_crops(crops, self.input_size_px, self.name)
        answers = np.empty((len(crops), len(self.outputs)), np.float32)
        for i, crop in enumerate(np.rint(crops).astype(np.uint8)):
            answers[i] = self._answer(crop)
            if progress is not None and (i % BATCH == BATCH - 1 or i + 1 == len(crops)):
                progress(i + 1, len(crops))
        return answers


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
    place = {EDGE_WIDTHS[output.shape[-1]]: i for i, output in enumerate(model.outputs)}

    def answer(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits = model.run(crop)
        votes, scores, galaxy = (logits[place[head]].ravel() for head in EDGE_HEADS)
        return np.concatenate([votes_from_logits(votes), softmax(scores), expit(galaxy)])

    return answer
