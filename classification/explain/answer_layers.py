"""Layers that turn what a network gives into answers, and answers into log-odds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

_SMALLEST = 1e-30  # keeps logarithms finite; far below what a softmax gives


@keras.saving.register_keras_serializable(package="galaxy_edge")
class LogOdds(layers.Layer):
    """Logarithm of each answer over the sum of those it competes with; see ``KerasNetwork``.

    Parameters
    ----------
    groups : sequence of int
        Group of each answer; those of one group compete. An answer alone in its group
        competes with its own opposite.
    **options
        Of the layer.
    """

    def __init__(self, groups: Sequence[int], **options: Any) -> None:
        super().__init__(**{**options, "dtype": "float32"})
        self.groups = tuple(int(group) for group in groups)
        member = np.array(self.groups)
        rivals = (member[:, None] == member[None]) & ~np.eye(len(member), dtype=bool)
        self._rivals = rivals.astype(np.float32)
        self._alone = (~rivals.any(axis=1)).astype(np.float32)

    def call(self, answers: keras.KerasTensor) -> keras.KerasTensor:
        """Log-odds, shape as the answers'."""
        opposite = ops.multiply(1.0 - answers, self._alone)
        others = ops.matmul(answers, self._rivals) + opposite
        return ops.log(answers + _SMALLEST) - ops.log(others + _SMALLEST)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Same as the input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild the layer."""
        return {**super().get_config(), "groups": list(self.groups)}


@keras.saving.register_keras_serializable(package="galaxy_edge")
class LogConcentrations(layers.Layer):
    """Logarithms of the concentrations behind counted votes, whose softmax is their shares.

    Parameters
    ----------
    largest : float
        Concentration of an output of 1, less 1.
    **options
        Of the layer.
    """

    def __init__(self, largest: float, **options: Any) -> None:
        super().__init__(**{**options, "dtype": "float32"})
        self.largest = largest

    def call(self, outputs: keras.KerasTensor) -> keras.KerasTensor:
        """Logarithms, shape as the outputs'."""
        return ops.log(1.0 + self.largest * outputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Same as the input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild the layer."""
        return {**super().get_config(), "largest": self.largest}


@keras.saving.register_keras_serializable(package="galaxy_edge")
class BothAnswers(layers.Layer):
    """Probabilities of both of two classes from that of the second: (N, 1) to (N, 2)."""

    def call(self, outputs: keras.KerasTensor) -> keras.KerasTensor:
        """Both probabilities."""
        return ops.concatenate([1.0 - outputs, outputs], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(N, 2)."""
        return (input_shape[0], 2)
