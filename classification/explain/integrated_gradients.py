"""Integrated Gradients: the answer's rise from an empty picture to the crop, by pixel.

Sundararajan, Taly and Yan 2017, arXiv:1703.01365: ``(x - x') ∫ ∂f/∂x (x' + a (x - x')) da``
for a from 0 to 1, where x is the crop and x' the baseline. The values of all pixels add up
to ``f(x) - f(x')``, and how far they miss it measures the integration.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from classification.explain.attribution import Attribution
from classification.explain.baselines import SKY, baseline_picture
from classification.explain.gradients import value_and_gradient
from classification.explain.networks import Crops, KerasNetwork, Progress
from classification.explain.targets import Target
from edge_runtime.errors import ConfigError

STEPS = 64
"""Equal steps to begin with."""

MOST_STEPS = 512
TOLERANCE = 0.005
"""Completeness error at which halving ends."""

LOCAL_TOLERANCE = 0.05
"""Sum of the errors of all steps by their size, of the answer's rises and falls, at most.

Errors of opposite sign cancel in the completeness error; this sees them.
"""

LEAST_DIFFERENCE = 0.001
"""Differences of the output smaller than this count as this one: they are no difference."""

_BATCH = 32


def integrated_gradients(
    network: KerasNetwork,
    crop: Crops,
    target: Target,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    baseline: str = SKY,
    steps: int = STEPS,
    most_steps: int = MOST_STEPS,
    tolerance: float = TOLERANCE,
) -> Attribution:
    """Integrate the gradient of an answer from a baseline to the crop.

    The integral is that of the answer itself, a vote fraction or probability, so that
    the map adds up to what the answer rises by.

    Networks of rectified units rise in straight pieces with kinks between. So each step
    takes the gradient of its one end up to a place and that of the other from there, and
    what the answer rises by over the step tells the place: with one kink in a step that
    is exact. What no place can explain is the step's error; the steps with the largest
    errors are halved until their sum, the completeness error, is small enough.

    Parameters
    ----------
    network : KerasNetwork
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255
    target : Target
    seed : int
        Not used: nothing is random.
    progress : callable, optional
        Called with the steps done and how many there may be.
    baseline : str
        ``sky``, ``blurred``, ``black`` or ``grey``; see ``baseline_picture``.
    steps, most_steps : int
        Equal steps at first, and how many there may be in the end.
    tolerance : float
        Completeness error that ends the halving; 0 halves up to ``most_steps``.

    Returns
    -------
    Attribution
        In units of the answer. Its details hold ``difference`` of the output, ``steps``
        and ``completeness_error``: the distance of the sum from the difference, relative
        to the difference, or to 0.001 where it is smaller.

    Raises
    ------
    ConfigError
        The baseline is unknown, or a number makes no sense.
    """
    del seed
    if not (1 <= steps <= most_steps and tolerance >= 0):
        raise ConfigError(
            f"needs 1 <= steps <= most_steps and tolerance >= 0; got steps {steps}, "
            f"most_steps {most_steps}, tolerance {tolerance}"
        )
    start = baseline_picture(crop, baseline)
    path = _Path(network, start, np.asarray(crop, np.float32) - start, target.index)
    path.add(np.linspace(0.0, 1.0, steps + 1), progress, most_steps)
    while path.steps < most_steps and not path.complete(tolerance):
        path.add(path.worst_middles(most_steps - path.steps), progress, most_steps)
    if progress is not None:
        progress(most_steps, most_steps)
    values = path.integral()
    miss = abs(float(values.sum(dtype=np.float64)) - path.difference)
    details = {
        "calls": float(path.steps + 1),
        "steps": float(path.steps),
        "difference": path.difference,
        "completeness_error": miss / path.scale,
    }
    return Attribution(
        "integrated_gradients", target, values.sum(axis=2).astype(np.float32), details
    )


class _Path:
    """The straight way from a baseline to a crop, with all that is known along it."""

    def __init__(
        self,
        network: KerasNetwork,
        start: NDArray[np.float32],
        way: NDArray[np.float32],
        index: int,
    ) -> None:
        self._network, self._start, self._way, self._index = network, start, way, index
        self._places = np.empty(0)
        self._values = np.empty(0)
        self._slopes = np.empty(0)  # of the answer along the way
        self._gradients = np.empty((0, *way.shape), np.float32)

    @property
    def steps(self) -> int:
        return len(self._places) - 1

    @property
    def difference(self) -> float:
        """What the answer rises by from end to end."""
        return float(self._values[-1] - self._values[0])

    @property
    def scale(self) -> float:
        """What errors are measured by."""
        return max(abs(self.difference), LEAST_DIFFERENCE)

    def add(self, places: NDArray[np.float64], progress: Progress | None, most: int) -> None:
        """Ask for the answer and its gradient at more places from 0 to 1."""
        parts = []
        for first in range(0, len(places), _BATCH):
            some = places[first : first + _BATCH].astype(np.float32)
            crops = self._start + some[:, None, None, None] * self._way
            parts.append(value_and_gradient(self._network.model, crops, self._index))
            if progress is not None:
                progress(min(len(self._places) + first + len(some), most), most)
        gradients = np.concatenate([gradient for _, gradient in parts])
        slopes = np.einsum("nhwc,hwc->n", gradients, self._way, dtype=np.float64)
        order = np.argsort(np.concatenate([self._places, places]))
        self._places = np.concatenate([self._places, places])[order]
        self._values = np.concatenate([self._values, *(values for values, _ in parts)])[order]
        self._slopes = np.concatenate([self._slopes, slopes])[order]
        self._gradients = np.concatenate([self._gradients, gradients])[order]

    def shares(self) -> NDArray[np.float64]:
        """Part of each step that has the gradient of its first end, 0 to 1."""
        rises = np.diff(self._values) / np.diff(self._places)
        first, last = self._slopes[:-1], self._slopes[1:]
        same = first == last
        shares = (rises - last) / np.where(same, 1.0, first - last)
        return np.where(same, 0.5, np.clip(shares, 0.0, 1.0))

    def errors(self) -> NDArray[np.float64]:
        """Of each step: what its gradients give beyond what the answer rises by."""
        shares = self.shares()
        slopes = shares * self._slopes[:-1] + (1 - shares) * self._slopes[1:]
        return slopes * np.diff(self._places) - np.diff(self._values)

    def complete(self, tolerance: float) -> bool:
        """Whether the steps' errors are small enough, together and each by itself."""
        errors = self.errors()
        together = abs(float(errors.sum())) <= tolerance * self.scale
        way = max(float(np.abs(np.diff(self._values)).sum()), LEAST_DIFFERENCE)
        return together and float(np.abs(errors).sum()) <= LOCAL_TOLERANCE * way

    def worst_middles(self, most: int) -> NDArray[np.float64]:
        """Middles of the steps with the largest errors."""
        worst = np.argsort(np.abs(self.errors()))[::-1][: min(most, _BATCH)]
        return (self._places[worst] + self._places[worst + 1]) / 2

    def integral(self) -> NDArray[np.float64]:
        """Of each pixel and colour."""
        widths, shares = np.diff(self._places), self.shares()
        weights = np.zeros(len(self._places))
        weights[:-1] += widths * shares
        weights[1:] += widths * (1 - shares)
        return np.einsum("n,nhwc->hwc", weights, self._gradients, dtype=np.float64) * self._way
