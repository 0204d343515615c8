"""LIME: a linear model of an answer, fitted to crops with some of their pieces left.

Ribeiro, Singh and Guestrin 2016, arXiv:1602.04938, by its authors' package. It asks for
answers alone, so it runs on the int8 network as the telescope runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from lime.lime_image import LimeImageExplainer
from numpy.typing import NDArray

from classification.explain.attribution import Attribution
from classification.explain.baselines import SKY, cover_picture
from classification.explain.networks import Crops, ExplainedNetwork, Progress
from classification.explain.superpixels import PIECES, galaxy_superpixels
from classification.explain.targets import Target
from edge_runtime.errors import ConfigError

SAMPLES = 400
LEFT = 0.8
"""Part of the pieces that a sample leaves.

The package leaves half, as suits pictures of many things. Half a galaxy is another galaxy:
with more left the linear model fits better, and its map depends less on the seed.
"""

KERNEL_WIDTH = 0.25
"""The package's own for pictures, in cosine distance."""

_BATCH = 64


def lime(
    network: ExplainedNetwork,
    crop: Crops,
    target: Target,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    samples: int = SAMPLES,
    pieces: int = PIECES,
    left: float = LEFT,
    fill: str = SKY,
    kernel_width: float = KERNEL_WIDTH,
) -> Attribution:
    """Fit what each piece of a crop adds to an answer.

    Parameters
    ----------
    network : ExplainedNetwork
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255
    target : Target
    seed : int
        Of the choice of pieces.
    progress : callable, optional
        Called with the crops done and all of them.
    samples : int
        Crops with some of their pieces covered.
    pieces : int
        See ``galaxy_superpixels``.
    left : float
        Part of the pieces that a sample leaves, between 0 and 1.
    fill : str
        What the others are covered with; see ``baseline_picture``.
    kernel_width : float
        How close to the whole crop, in cosine distance, a sample must be to count.

    Returns
    -------
    Attribution
        Each piece's weight is shared among its pixels, so that the map adds up to what
        all pieces together add to the answer. Its details hold the number of
        ``pieces`` and ``fit``: the part of the samples' variance that the linear
        model explains (R², weighted).

    Raises
    ------
    ConfigError
        There are fewer than 10 samples or less than one piece, or all or none are left.
    """
    if samples < 10 or pieces < 1 or not 0 < left < 1:
        raise ConfigError(
            f"needs samples >= 10, pieces >= 1 and 0 < left < 1; got {samples}, {pieces}, {left}"
        )
    pixels = np.asarray(crop)
    cover = cover_picture(pixels, fill)
    labels = galaxy_superpixels(crop, pieces).labels

    def answer(crops: NDArray[Any]) -> NDArray[np.float32]:
        return network.answers(crops)[:, [target.index]]

    explainer = _BatchedExplainer(progress, left, kernel_width, seed)
    explained = explainer.explain_instance(
        pixels,
        answer,
        labels=(0,),
        hide_color=cover,
        top_labels=None,
        num_features=int(labels.max()) + 1,
        num_samples=samples,
        segmentation_fn=lambda _picture: labels,
    )
    weights = np.zeros(int(labels.max()) + 1)
    for piece, weight in explained.local_exp[0]:
        weights[piece] = weight
    values = (weights / np.bincount(labels.ravel()))[labels].astype(np.float32)
    details = {
        "calls": float(samples),
        "pieces": float(len(weights)),
        "fit": float(explained.score),
    }
    return Attribution("lime", target, values, details)


class _BatchedExplainer(LimeImageExplainer):
    """The package's, but for how many pieces a sample leaves and for the bar it draws."""

    def __init__(
        self, progress: Progress | None, left: float, kernel_width: float, seed: int
    ) -> None:
        # all pieces are kept in the model: there are few, and a map needs every one
        super().__init__(kernel_width=kernel_width, feature_selection="none", random_state=seed)
        self._progress = progress
        self._left = left

    def data_labels(
        self,
        image: NDArray[Any],
        fudged_image: NDArray[Any],
        segments: NDArray[np.int64],
        classifier_fn: Callable[[NDArray[Any]], NDArray[np.float32]],
        num_samples: int,
        batch_size: int = _BATCH,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Which pieces are left in each sample, and its answers; see the package."""
        del batch_size
        pieces = int(segments.max()) + 1
        left = self.random_state.random_sample((num_samples, pieces)) < self._left
        left[0] = True
        answers = []
        for start in range(0, num_samples, _BATCH):
            shown = left[start : start + _BATCH, segments][..., None]
            answers.append(classifier_fn(np.where(shown, image, fudged_image)))
            if self._progress is not None:
                self._progress(min(start + _BATCH, num_samples), num_samples)
        return left.astype(np.int64), np.concatenate(answers)
