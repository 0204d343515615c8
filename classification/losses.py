"""Losses that skip what is not known about a picture.

A target of NaN means that the label is unknown; it adds nothing to the loss and
nothing to the gradient, so pictures with only a class, only votes, or neither
train the same network. ``VoteLoss``, ``ClassLoss`` and ``GalaxyLoss`` take the logits
of the bundle's network; all others take what the heads of the workbench give:
fractions and probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from edge_runtime.decision_tree import (
    EVALUATION_ORDER,
    PARENT_INDEX,
    QUESTION_SLICES,
    VOTE_COLUMNS,
)
from edge_runtime.errors import ConfigError

_SMALLEST_PROBABILITY = 1e-7


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


def _known_elements(target: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Targets with NaN replaced by 0, and 1 where an element is known, both (N, K)."""
    unknown = ops.isnan(target)
    return ops.where(unknown, ops.zeros_like(target), target), 1.0 - ops.cast(unknown, target.dtype)


@keras.saving.register_keras_serializable(package="galaxy_edge")
class CrossEntropy(keras.losses.Loss):
    """Cross-entropy of class probabilities, plain, weighted, smoothed or focal.

    Parameters
    ----------
    class_weights : sequence of float or None
        Weight of each class; None weighs all the same.
    label_smoothing : float
        Part of the target spread over all classes, 0 to 1.
    gamma : float
        Focusing exponent of the focal loss (Lin et al. 2017, arXiv:1708.02002):
        the entropy of each class is weighted by ``(1 - p) ** gamma``. 0 is
        plain cross-entropy.

    Notes
    -----
    Predictions are probabilities, shape (N, K). A single column is the
    probability of the second of two classes, and its targets are 0 or 1.
    """

    def __init__(
        self,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        gamma: float = 0.0,
        name: str = "cross_entropy",
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)
        self.class_weights = None if class_weights is None else [float(w) for w in class_weights]
        self.label_smoothing = label_smoothing
        self.gamma = gamma

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each row, shape (N,); 0 where the class is NaN."""
        target, weight = _known(y_true)
        if y_pred.shape[-1] == 1:
            target = ops.concatenate([1.0 - target, target], axis=-1)
            y_pred = ops.concatenate([1.0 - y_pred, y_pred], axis=-1)
        if self.class_weights is not None:
            weights = ops.convert_to_tensor(self.class_weights, dtype=target.dtype)
            weight = weight * ops.sum(target * weights, axis=-1)
        smooth = self.label_smoothing
        target = target * (1.0 - smooth) + smooth / target.shape[-1]
        probability = ops.clip(y_pred, _SMALLEST_PROBABILITY, 1.0)
        entropy = -target * ops.log(probability)
        if self.gamma:
            # kept above 0, where a power below 1 has no finite slope
            miss = ops.maximum(1.0 - probability, _SMALLEST_PROBABILITY)
            entropy = entropy * ops.power(miss, self.gamma)
        return weight * ops.sum(entropy, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild the loss."""
        return {
            **super().get_config(),
            "class_weights": self.class_weights,
            "label_smoothing": self.label_smoothing,
            "gamma": self.gamma,
        }


@keras.saving.register_keras_serializable(package="galaxy_edge")
class VoteMse(keras.losses.Loss):
    """Mean squared error of vote fractions, over those that are known."""

    def __init__(self, name: str = "vote_mse", **options: Any) -> None:
        super().__init__(name=name, **options)

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each row, shape (N,); 0 where all votes are NaN."""
        votes, known = _known_elements(y_true)
        square = ops.sum(known * ops.square(y_pred - votes), axis=-1)
        return square / ops.maximum(ops.sum(known, axis=-1), 1.0)


@keras.saving.register_keras_serializable(package="galaxy_edge")
class ConstrainedMse(keras.losses.Loss):
    """Mean squared error of the 37 votes plus how far they break the tree's sums.

    Parameters
    ----------
    constraint_weight : float
        Factor on the sum of the absolute violations of the eleven constraints.
    """

    def __init__(
        self,
        constraint_weight: float = 0.001,
        name: str = "constrained_mse",
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)
        self.constraint_weight = constraint_weight
        self._square = VoteMse()

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each row, shape (N,); 0 where all votes are NaN."""
        known = 1.0 - ops.cast(ops.all(ops.isnan(y_true), axis=-1), y_pred.dtype)
        broken = ops.sum(ops.abs(constraints(y_pred)), axis=-1)
        return self._square.call(y_true, y_pred) + self.constraint_weight * known * broken

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild the loss."""
        return {**super().get_config(), "constraint_weight": self.constraint_weight}


def constraints(votes: keras.KerasTensor) -> keras.KerasTensor:
    """The eleven sums of the tree: each question's answers minus its parent's fraction.

    Parameters
    ----------
    votes : tensor, shape (N, 37)

    Returns
    -------
    tensor, shape (N, 11)
        0 where a sum holds.
    """
    matrix = np.zeros((len(VOTE_COLUMNS), len(QUESTION_SLICES)), np.float32)
    constant = np.zeros(len(QUESTION_SLICES), np.float32)
    for i, (columns, parent) in enumerate(zip(QUESTION_SLICES, PARENT_INDEX, strict=True)):
        matrix[columns, i] = 1.0
        if parent is None:
            constant[i] = 1.0
        else:
            matrix[parent, i] -= 1.0
    sums = ops.matmul(votes, ops.convert_to_tensor(matrix, dtype=votes.dtype))
    return sums - ops.convert_to_tensor(constant, dtype=votes.dtype)


@keras.saving.register_keras_serializable(package="galaxy_edge")
class DirichletMultinomial(keras.losses.Loss):
    """Negative log-likelihood of the counts of answers to each question.

    The network tells the concentrations of one Dirichlet distribution a
    question, and people answer by it, so that a question few people reached
    counts little (Walmsley et al. 2020, MNRAS 491, 1554; 2022, MNRAS 509, 3966).

    Parameters
    ----------
    largest : float
        Predictions are sigmoids, 0 to 1, and stand for concentrations of 1 to
        ``1 + largest``, as in Zoobot.

    Notes
    -----
    Targets are counts, shape (N, 37).
    """

    def __init__(
        self, largest: float = 100.0, name: str = "dirichlet_multinomial", **options: Any
    ) -> None:
        super().__init__(name=name, **options)
        self.largest = largest

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each row, shape (N,); 0 where the counts are NaN."""
        counts, known = _known(y_true)
        concentration = 1.0 + self.largest * y_pred
        membership = np.zeros((len(VOTE_COLUMNS), len(QUESTION_SLICES)), np.float32)
        for i, columns in enumerate(QUESTION_SLICES):
            membership[columns, i] = 1.0
        to_questions = ops.convert_to_tensor(membership, dtype=y_pred.dtype)
        asked = ops.matmul(counts, to_questions)
        total = ops.matmul(concentration, to_questions)
        answers = (
            log_gamma(counts + concentration) - log_gamma(concentration) - log_gamma(counts + 1.0)
        )
        questions = log_gamma(total) - log_gamma(asked + total) + log_gamma(asked + 1.0)
        return -known * (ops.sum(questions, axis=-1) + ops.sum(answers, axis=-1))

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild the loss."""
        return {**super().get_config(), "largest": self.largest}


def log_gamma(x: keras.KerasTensor) -> keras.KerasTensor:
    """Logarithm of the gamma function of numbers above 0, on any backend.

    Stirling's series after moving the argument up by six (Abramowitz and
    Stegun 6.1.15 and 6.1.41); accurate to float32.
    """
    product = x * (x + 1.0) * (x + 2.0)
    rest = (x + 3.0) * (x + 4.0) * (x + 5.0)
    z = x + 6.0
    inverse = 1.0 / z
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    stirling = (z - 0.5) * ops.log(z) - z + 0.5 * math.log(2 * math.pi) + series
    return stirling - ops.log(product) - ops.log(rest)


_LOSSES: dict[str, Callable[..., keras.losses.Loss]] = {
    "cross_entropy": CrossEntropy,
    "focal": partial(CrossEntropy, gamma=2.0),
    "mse": VoteMse,
    "constrained_mse": ConstrainedMse,
    "dirichlet_multinomial": DirichletMultinomial,
}


def loss_names() -> tuple[str, ...]:
    """Names that ``create_loss`` knows, sorted."""
    return tuple(sorted(_LOSSES))


def create_loss(name: str, **options: Any) -> keras.losses.Loss:
    """Build a loss of activated outputs: fractions, probabilities or concentrations.

    Parameters
    ----------
    name : str
        One of ``loss_names()``.
    **options
        Passed to the loss, for example ``label_smoothing``.

    Raises
    ------
    ConfigError
        The name is unknown.
    """
    if name not in _LOSSES:
        raise ConfigError(f"unknown loss {name!r}; known: {', '.join(loss_names())}")
    return _LOSSES[name](**options)
