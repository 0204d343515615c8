"""What kind of galaxy a crop shows, and whether it shows one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.loading import Bundle
from edge_runtime.crops import crop_square
from edge_runtime.decision_tree import votes_from_logits
from edge_runtime.sighting import BoxXyxy


@dataclass(frozen=True, slots=True)
class Classification:
    """Answer of the classifier for one crop.

    Attributes
    ----------
    votes : ndarray, shape (37,), float32
        Vote fractions, consistent with the decision tree.
    class_probabilities : ndarray, shape (5,), float32
        Sum 1.
    galaxy_probability : float
        0 to 1.
    """

    votes: NDArray[np.float32]
    class_probabilities: NDArray[np.float32]
    galaxy_probability: float


class Classifier:
    """The bundle's classifier; one instance belongs to one thread.

    The network gives logits; the tree, the softmax and the sigmoid are applied
    here in floating point, so quantisation cannot break the sums of the votes.
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self._spec = bundle.manifest.classifier
        self._fill = round(bundle.manifest.conditioning.sky_level * 255)
        self._model = bundle.open_classifier(threads=threads)
        outputs = self._spec.outputs
        self._votes = self._model.output_index(outputs.votes)
        self._classes = self._model.output_index(outputs.classes)
        self._galaxy = self._model.output_index(outputs.galaxy)
        self._bias = np.array(self._spec.class_bias)

    @property
    def input_size_px(self) -> int:
        """Side of the crops `classify` takes."""
        return self._spec.input_size_px

    def crop(self, picture: NDArray[np.uint8], box_xyxy_px: BoxXyxy) -> NDArray[np.uint8]:
        """The crop of a detection, shape (S, S, 3), uint8, RGB."""
        return crop_square(
            picture, box_xyxy_px, self._spec.crop_multiple, self._spec.input_size_px, self._fill
        )

    def classify(self, crop: NDArray[np.uint8]) -> Classification:
        """Classify one crop.

        Parameters
        ----------
        crop : ndarray, shape (S, S, 3), uint8, RGB
        """
        outputs = self._model.run(crop)
        scores = outputs[self._classes].ravel() + self._bias
        weights = np.exp(scores - scores.max())
        logit = float(outputs[self._galaxy].ravel()[0])
        return Classification(
            votes=votes_from_logits(outputs[self._votes].ravel()),
            class_probabilities=(weights / weights.sum()).astype(np.float32),
            galaxy_probability=float(1.0 / (1.0 + np.exp(-np.clip(logit, -60.0, 60.0)))),
        )
