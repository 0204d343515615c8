"""Grad-CAM: which places of a convolution's output carry an answer.

Selvaraju et al. 2017, arXiv:1610.02391: the channels of a layer, each weighted by the
mean gradient of the answer with respect to it, added up and enlarged to the crop.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from classification.explain.attribution import Attribution
from classification.explain.gradients import output_and_gradient
from classification.explain.networks import Crops, KerasNetwork, Progress
from classification.explain.probes import last_convolution, picture_layer, picture_shape, probed
from classification.explain.targets import Target, for_questions

NAME = "gradcam"


def gradcam(
    network: KerasNetwork,
    crop: Crops,
    target: Target,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    layer: str | None = None,
    positive_only: bool = False,
) -> Attribution:
    """Grad-CAM of one answer.

    The gradient is that of the answer's log-odds (``KerasNetwork.log_odds``): the paper
    takes the score before the softmax, since behind it an answer that is certain has no
    gradient left.

    Parameters
    ----------
    network : KerasNetwork
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255
    target : Target
    seed : int
        Not used: nothing is random.
    progress : callable, optional
        Called with the steps done and all of them.
    layer : str, optional
        Any layer that gives pictures; default is the last convolution.
    positive_only : bool
        Cut off what speaks against the answer, as the paper does.

    Returns
    -------
    Attribution

    Raises
    ------
    GalaxyEdgeError
        There is no such layer; the message lists those there are.
    """
    del seed
    found = gradcam_of(network, crop, [target], layer=layer, positive_only=positive_only)[0]
    if progress is not None:
        progress(1, 1)
    return found


def gradcam_for_questions(
    network: KerasNetwork, crop: Crops, *, layer: str | None = None, least_asked: float = 0.0
) -> tuple[Attribution, ...]:
    """Grad-CAM of the strongest answer to each question of the decision tree, in one call.

    Parameters
    ----------
    network : KerasNetwork
        With votes.
    crop : ndarray, shape (S, S, 3), uint8 or float32, 0 to 255
    layer : str, optional
        See ``gradcam``.
    least_asked : float
        Leave out questions that fewer were asked; see ``for_questions``.

    Raises
    ------
    GalaxyEdgeError
        The network has no votes, or no such layer.
    """
    targets = for_questions(network.answers(crop[None])[0], least_asked=least_asked)
    return gradcam_of(network, crop, targets, layer=layer)


def gradcam_of(
    network: KerasNetwork,
    crop: Crops,
    targets: Sequence[Target],
    *,
    layer: str | None = None,
    positive_only: bool = False,
) -> tuple[Attribution, ...]:
    """Grad-CAM of several answers at once; see ``gradcam``."""
    model = network.log_odds
    name = last_convolution(model) if layer is None else layer
    shape = picture_shape(picture_layer(model, name))
    count = len(targets)
    pixels = np.repeat(np.asarray(crop, np.float32)[None], count, axis=0)
    (_, channels), gradient = output_and_gradient(
        probed(model, name),
        [pixels, np.zeros((count, *shape), np.float32)],
        [target.index for target in targets],
        respect_to=1,
    )
    weights = gradient.mean(axis=(1, 2), keepdims=True)
    return tuple(
        Attribution(NAME, target, _enlarged(one, network, positive_only), {"calls": 1.0})
        for target, one in zip(targets, (weights * channels).sum(axis=3), strict=True)
    )


def _enlarged(
    values: NDArray[np.float32], network: KerasNetwork, positive_only: bool
) -> NDArray[np.float32]:
    if positive_only:
        values = np.maximum(values, 0)
    size = network.input_size_px
    enlarged = cv2.resize(values, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged, np.float32)
