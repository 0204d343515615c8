"""From the outputs of the classifier's network to votes and probabilities.

Kept apart from ``classifier`` so that a small process can have it without
OpenCV and the bundle's schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.decision_tree import votes_from_logits
from edge_runtime.litert import LiteRtModel


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


class AnsweringNetwork:
    """A network whose three outputs are logits of votes, classes and galaxy.

    The tree, the softmax and the sigmoid are applied here in floating point, so
    quantisation cannot break the sums of the votes.

    Parameters
    ----------
    model : LiteRtModel
    votes, classes, galaxy : int or str
        Outputs, as for ``LiteRtModel.output_index``.
    class_bias : sequence of float
        Added to the logits of the five classes.
    """

    def __init__(
        self,
        model: LiteRtModel,
        *,
        votes: int | str,
        classes: int | str,
        galaxy: int | str,
        class_bias: Sequence[float],
    ) -> None:
        self._model = model
        self._votes = model.output_index(votes)
        self._classes = model.output_index(classes)
        self._galaxy = model.output_index(galaxy)
        self._bias = np.array(class_bias)

    def classify(self, crop: NDArray[np.uint8] | NDArray[np.float32]) -> Classification:
        """Classify one crop.

        Parameters
        ----------
        crop : ndarray, shape (S, S, 3), uint8 or float32, RGB, 0 to 255
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
