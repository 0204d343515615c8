"""Losses that skip what is not known about a picture.

A target of NaN means that the label is unknown; it adds nothing to the loss and
nothing to the gradient, so pictures with only a class, only votes, or neither
train the same network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from edge_runtime.decision_tree import EVALUATION_ORDER, PARENT_INDEX, QUESTION_SLICES


def tree_votes(logits: keras.KerasTensor) -> keras.KerasTensor:
    """Differentiable ``edge_runtime.decision_tree.votes_from_logits``.

    Parameters
    ----------
    logits : tensor, shape (N, 37)

    Returns
    -------
    tensor, shape (N, 37)
        Vote fractions that obey the tree.
    """
    parts: dict[int, Any] = {}
    for i in EVALUATION_ORDER:
        columns, parent = QUESTION_SLICES[i], PARENT_INDEX[i]
        fractions = ops.softmax(logits[:, columns], axis=-1)
        if parent is not None:
            question = next(q for q, s in enumerate(QUESTION_SLICES) if s.start <= parent < s.stop)
            offset = parent - QUESTION_SLICES[question].start
            fractions = fractions * parts[question][:, offset : offset + 1]
        parts[i] = fractions
    return ops.concatenate([parts[i] for i in range(len(QUESTION_SLICES))], axis=-1)


def _tree_log_fractions(logits: keras.KerasTensor) -> keras.KerasTensor:
    return ops.concatenate(
        [ops.log_softmax(logits[:, columns], axis=-1) for columns in QUESTION_SLICES], axis=-1
    )


def _known(target: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Targets with NaN replaced by 0, and (N,) 1 where the whole row is known."""
    unknown = ops.isnan(target)
    filled = ops.where(unknown, ops.zeros_like(target), target)
    known = 1.0 - ops.cast(ops.any(unknown, axis=-1), target.dtype)
    return filled, known


@keras.saving.register_keras_serializable(package="galaxy_edge")
class VoteLoss(keras.losses.Loss):
    """Error of the 37 vote fractions behind the decision tree.

    Sum of the squared errors of the fractions, which is what the challenge
    scores, and cross-entropy within each question, weighted by the fraction of
    people who were asked it, which keeps gradients alive deep in the tree.

    Parameters
    ----------
    square_weight, entropy_weight : float
        Weights of the two terms.
    """

    def __init__(
        self,
        square_weight: float = 1.0,
        entropy_weight: float = 0.1,
        name: str = "vote_loss",
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)
        self.square_weight = square_weight
        self.entropy_weight = entropy_weight

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each row, shape (N,); 0 where the votes are NaN."""
        votes, known = _known(y_true)
        square = ops.sum(ops.square(tree_votes(y_pred) - votes), axis=-1)
        entropy = -ops.sum(votes * _tree_log_fractions(y_pred), axis=-1)
        return known * (self.square_weight * square + self.entropy_weight * entropy)

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild the loss."""
        return {
            **super().get_config(),
            "square_weight": self.square_weight,
            "entropy_weight": self.entropy_weight,
        }


@keras.saving.register_keras_serializable(package="galaxy_edge")
class ClassLoss(keras.losses.Loss):
    """Weighted cross-entropy of class probabilities.

    Parameters
    ----------
    class_weights : sequence of float or None
        Weight of each class; None weighs all the same.
    label_smoothing : float
        Part of the target spread over all classes, 0 to 1.
    """

    def __init__(
        self,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        name: str = "class_loss",
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)
        self.class_weights = None if class_weights is None else [float(w) for w in class_weights]
        self.label_smoothing = label_smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each row, shape (N,); 0 where the class is NaN."""
        target, known = _known(y_true)
        weight = known
        if self.class_weights is not None:
            weight = known * ops.sum(
                target * ops.convert_to_tensor(self.class_weights, dtype=target.dtype), axis=-1
            )
        smooth = self.label_smoothing
        target = target * (1.0 - smooth) + smooth / target.shape[-1]
        return -weight * ops.sum(target * ops.log_softmax(y_pred, axis=-1), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild the loss."""
        return {
            **super().get_config(),
            "class_weights": self.class_weights,
            "label_smoothing": self.label_smoothing,
        }


@keras.saving.register_keras_serializable(package="galaxy_edge")
class GalaxyLoss(keras.losses.Loss):
    """Binary cross-entropy of galaxy (1) or not (0), from a logit."""

    def __init__(self, name: str = "galaxy_loss", **options: Any) -> None:
        super().__init__(name=name, **options)

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each row, shape (N,); 0 where it is not known."""
        target, known = _known(y_true)
        loss = ops.softplus(y_pred) - target * y_pred
        return known * ops.sum(loss, axis=-1)
