"""Log-odds of answers, which do not level off where an answer is certain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

_SMALLEST = 1e-12  # keeps logarithms finite


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
        others = ops.matmul(answers, self._rivals) + self._alone * (1.0 - answers)
        return ops.log(answers + _SMALLEST) - ops.log(others + _SMALLEST)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Same as the input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild the layer."""
        return {**super().get_config(), "groups": list(self.groups)}
