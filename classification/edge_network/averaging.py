"""Running mean of a model's weights, which scores better than the last ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


class WeightAverage(keras.callbacks.Callback):
    """Exponential mean of all weights, batch-normalisation statistics included.

    Young averages forget faster, so that the random start leaves no trace.

    Parameters
    ----------
    momentum : float
        Part of the old mean kept at each update once the mean is old.
    every : int
        Batches between updates.
    """

    def __init__(self, momentum: float = 0.98, every: int = 10) -> None:
        super().__init__()
        self.momentum = momentum
        self.every = every
        self._updates = 0
        self._mean: list[NDArray[np.floating]] = []

    def on_train_batch_end(
        self,
        batch: int,
        logs: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        """Take the model's weights into the mean."""
        if (batch + 1) % self.every:
            return
        weights = self.model.get_weights()
        if not self._mean:
            self._mean = weights
        keep = min(self.momentum, (1 + self._updates) / (10 + self._updates))
        for mean, weight in zip(self._mean, weights, strict=True):
            if np.issubdtype(mean.dtype, np.floating):
                mean += (1 - keep) * (weight - mean)
        self._updates += 1

    def weights(self) -> list[NDArray[np.floating]]:
        """The mean, in the order of ``model.get_weights()``.

        Raises
        ------
        ValueError
            If no batch was seen.
        """
        if not self._mean:
            raise ValueError(f"no average yet: it needs {self.every} batches")
        return self._mean

    def save(self, path: Path) -> None:
        """Write the mean as ``.npz``."""
        np.savez(path, *self._mean, updates=self._updates)

    def load(self, path: Path) -> None:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as archive:
            self._updates = int(archive["updates"])
            self._mean = [archive[f"arr_{i}"] for i in range(len(archive.files) - 1)]
