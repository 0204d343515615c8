"""What a channel of a layer looks for: the picture that excites it most.

Gradient ascent on the mean activation of a channel (Erhan et al. 2009; Simonyan, Vedaldi
and Zisserman 2014, arXiv:1312.6034). Bare ascent ends in noise, so the picture is jittered
and the gradient smoothed, less and less, on the way (Olah, Mordvintsev and Schubert 2017,
doi:10.23915/distill.00007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from classification.explain.gradients import value_and_gradient
from classification.explain.networks import KerasNetwork, Progress
from classification.explain.probes import picture_layer, picture_shape
from edge_runtime.errors import ConfigError

STEPS = 40
STEP_LEVELS = 6.0
"""Root mean square of one step, of 255."""

_START_LEVEL = 60.0
_START_NOISE = 8.0
_JITTER_PX = 2
_FIRST_BLUR_PX = 2.5
_LAST_BLUR_PX = 0.6


@dataclass(frozen=True, slots=True)
class FilterPicture:
    """What a channel looks for.

    Attributes
    ----------
    layer : str
    channel : int
    picture : ndarray, shape (S, S, 3), uint8, RGB
    before, after : float
        Mean activation of the channel on the noise it began with, and on the picture.
    """

    layer: str
    channel: int
    picture: NDArray[np.uint8]
    before: float
    after: float


def filter_pictures(
    network: KerasNetwork,
    layer: str,
    channels: Sequence[int],
    *,
    steps: int = STEPS,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[FilterPicture, ...]:
    """Pictures that excite channels of a layer.

    Parameters
    ----------
    network : KerasNetwork
    layer : str
        One that gives pictures.
    channels : sequence of int
    steps : int
        Of the ascent, at least 1.
    seed : int
        Of the noise it begins with, and of the jitter.
    progress : callable, optional
        Called with the steps done and all of them.

    Raises
    ------
    GalaxyEdgeError
        There is no such layer, or it gives no pictures; the message lists those that do.
    ConfigError
        There is no such channel, or ``steps`` is below 1.
    """
    found = picture_layer(network.model, layer)
    count = picture_shape(found)[2]
    wrong = [channel for channel in channels if not 0 <= channel < count]
    if wrong or not channels or steps < 1:
        raise ConfigError(
            f"the layer {layer!r} has the channels 0 to {count - 1}, and steps are at least 1; "
            f"got channels {list(channels)} and {steps} steps"
        )
    means = layers.GlobalAveragePooling2D(dtype="float32", name="channel_means")(found.output)
    model = keras.Model(network.model.input, means, name="channels")
    rng = np.random.default_rng(seed)
    size = network.input_size_px
    pictures = rng.normal(_START_LEVEL, _START_NOISE, (len(channels), size, size, 3))
    pictures = np.clip(pictures, 0, 255).astype(np.float32)
    before = None
    for step in range(steps):
        shift = rng.integers(-_JITTER_PX, _JITTER_PX + 1, 2)
        rolled = np.roll(pictures, shift, axis=(1, 2))
        values, gradient = value_and_gradient(model, rolled, np.asarray(channels))
        before = values if before is None else before
        blur_px = _FIRST_BLUR_PX + (_LAST_BLUR_PX - _FIRST_BLUR_PX) * step / steps
        gradient = np.stack([cv2.GaussianBlur(g, (0, 0), blur_px) for g in gradient])
        gradient = np.roll(gradient, -shift, axis=(1, 2))
        size_of = np.sqrt((gradient**2).mean(axis=(1, 2, 3), keepdims=True))
        # a channel that is silent has no gradient: it stays where it is
        pictures = pictures + STEP_LEVELS * gradient / np.maximum(size_of, 1e-20)
        pictures = np.clip(pictures, 0, 255).astype(np.float32)
        if progress is not None:
            progress(step + 1, steps)
    final = np.rint(pictures)
    after, _ = value_and_gradient(model, final, np.asarray(channels))
    return tuple(
        FilterPicture(layer, channel, picture, float(first), float(last))
        for channel, picture, first, last in zip(
            channels, final.astype(np.uint8), before, after, strict=True
        )
    )
